"""Multi-threaded work respects the usable cores and the memory limit."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest

from avflow import cores
from avflow.annotation import pipeline as boxed_video
from avflow.annotation.pipeline import annotate_video
from avflow.darknet.cfg import read_names, read_network
from avflow.detection import onnxruntime_detector, openvino_detector
from avflow.detection.converted import Converted
from avflow.detection.onnxruntime_detector import CPU_PROVIDERS, OnnxRuntimeDetector
from avflow.detection.openvino_detector import OpenVinoDetector
from avflow.ffmpeg import convert
from avflow.ffmpeg.arguments import arguments, source_input
from avflow.media import probe
from avflow.media.limits import decoder_threads
from avflow.models.store import ModelStore
from avflow.speech import whisper
from avflow.speech.whisper import FasterWhisperEngine, workers_within
from avflow.workflow import audio2srt
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.settings import Settings
from scripts.record_darknet_boxes import CFG, DATA
from tests.engines import needs_openvino
from tests.in_process import in_process
from tests.media_samples import H264, NUMBERED, ffmpeg, lavfi
from tests.number_reader import NumberReader
from tests.reports import media_report

ROOT = Path(__file__).parents[2]
COUNTS = (1, 2, 4, 16, 64)


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    network = read_network(CFG)
    weights = ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"
    return Converted(CFG, weights, network, tmp_path_factory.mktemp("cache")).onnx()


def opened(kind, onnx, **options):
    network = read_network(CFG)
    return kind(onnx, network, read_names(DATA / "coco.names", network), **options)


def quota(monkeypatch, module, usable, visible):
    monkeypatch.setattr(module, "usable_cores", lambda: usable)
    monkeypatch.setattr(module, "visible_cores", lambda: visible)


# ---------------------------------------------------------------- a real affinity mask
LOOK = """
import json, sys
import cv2
from avflow.cores import codec_threads, usable_cores
from avflow.models.store import ModelStore
from avflow.speech.whisper import FasterWhisperEngine
from avflow.detection.openvino_detector import OpenVinoDetector
from tests.unit.test_core_limits import opened
with opened(OpenVinoDetector, sys.argv[1]) as detector:
    in_flight = detector.in_flight
workers = FasterWhisperEngine(ModelStore().path("whisper-tiny.en"))._model.model.num_workers
print(json.dumps([usable_cores(), codec_threads(), cv2.getNumThreads(), in_flight, workers]))
"""


@pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset, which sets the affinity mask, is not installed")
@needs_openvino
def test_everything_uses_one_core_of_several(onnx):
    ModelStore().fetch("whisper-tiny.en")
    command = ["taskset", "-c", "0", sys.executable, "-c", LOOK, str(onnx)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1, 1, 1, 2, 1]


# ---------------------------------------------------------------- detection
@needs_openvino
def test_openvino_respects_a_quota_that_it_does_not_see(monkeypatch, onnx):
    quota(monkeypatch, openvino_detector, 1, 2)
    with opened(OpenVinoDetector, onnx) as detector:
        assert detector.in_flight == 2, "one stream, and one frame that waits for it"
        assert detector.detect([cv2.imread(str(DATA / "person.jpg"))])[0]


@needs_openvino
def test_openvino_limits_its_streams_on_many_cores(monkeypatch, onnx):
    monkeypatch.setattr(openvino_detector, "MOST_STREAMS", 1)
    with opened(OpenVinoDetector, onnx) as detector:
        assert detector.in_flight == 2
    monkeypatch.undo()
    assert openvino_detector.MOST_STREAMS == 16


def test_onnx_runtime_respects_a_quota_that_it_does_not_see(monkeypatch, onnx):
    def threads():
        with opened(OnnxRuntimeDetector, onnx, providers=CPU_PROVIDERS) as detector:
            return detector.threads

    quota(monkeypatch, onnxruntime_detector, 3, 64)
    assert threads() == 3
    quota(monkeypatch, onnxruntime_detector, 64, 64)
    assert threads() == 0, "its own choice: one thread per core"


# ---------------------------------------------------------------- video
@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    ffmpeg(*lavfi(NUMBERED.format(rate=10)), "-frames:v", 30, *H264, path)
    return path


@pytest.mark.parametrize(("count", "threads"), [*zip(COUNTS, (1, 1, 2, 8, 8), strict=True)])
def test_half_of_the_cores_decode_and_encode(monkeypatch, tmp_path, film, count, threads):
    seen = []

    class Reader(boxed_video.VideoReader):
        def __init__(self, *args, **kwargs):
            seen.append(kwargs["threads"])
            super().__init__(*args, **kwargs)

    class Writer(boxed_video.VideoWriter):
        def __init__(self, *args, **kwargs):
            seen.append(kwargs["threads"])
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(boxed_video, "usable_cores", lambda: count)
    monkeypatch.setattr(boxed_video, "VideoReader", Reader)
    monkeypatch.setattr(boxed_video, "VideoWriter", Writer)
    detector = NumberReader()
    done = annotate_video(film, probe(film).video, detector, tmp_path / "out.avi", tmp_path / "out.jsonl")
    detector.close()
    assert seen == [threads, threads]
    assert done.frames == 30


@pytest.mark.parametrize(("count", "threads"), [*zip(COUNTS, (1, 3, 5, 9, 9), strict=True)])
def test_ffmpeg_gets_a_thread_count(monkeypatch, tmp_path, film, count, threads):
    monkeypatch.setattr(cores, "visible_cores", lambda: count)
    monkeypatch.setattr(cores, "user_set_count", lambda: None)
    monkeypatch.setattr(cores, "quotas", lambda proc: iter(()))
    command = arguments(source_input(film, threads=decoder_threads(probe(film).video)).output("pipe:1"))
    assert command[command.index("-threads") + 1] == str(threads)
    assert command.index("-threads") < command.index("-i"), "an input option: it sets the decoder's threads"
    assert command[command.index("-filter_complex_threads") + 1] == str(threads)
    convert(film, probe(film), tmp_path / "out.avi")
    assert probe(tmp_path / "out.avi").video.frames == 30


def test_frames_with_fewer_rows_than_threads(monkeypatch, tmp_path):
    monkeypatch.setattr(cores, "visible_cores", lambda: 64)
    monkeypatch.setattr(cores, "user_set_count", lambda: None)
    monkeypatch.setattr(boxed_video, "usable_cores", lambda: 64)
    ffmpeg(*lavfi("testsrc2=s=64x16:r=10:d=1"), *H264, tmp_path / "low.mkv")
    convert(tmp_path / "low.mkv", probe(tmp_path / "low.mkv"), tmp_path / "low.avi")
    assert probe(tmp_path / "low.avi").video.frames == 10


# ---------------------------------------------------------------- speech
TINY, BASE, SMALL = 77_500_000, 148_000_000, 486_000_000


@pytest.mark.parametrize(
    ("model_bytes", "memory_mb", "workers"),
    [(TINY, 3008, 17), (BASE, 3008, 12), (SMALL, 3008, 4), (SMALL, 8192, 16), (TINY, 512, 1), (TINY, 128, 1)],
)
def test_whisper_decodes_as_many_windows_at_once_as_fit_in_memory(model_bytes, memory_mb, workers):
    assert workers_within(memory_mb, model_bytes) == workers


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("memory_mb", "most"), [(None, 64), (3008, 17), (800, 2)])
def test_whisper_decodes_one_window_per_core_within_its_memory(monkeypatch, tmp_path, count, memory_mb, most):
    made = {}

    class Model:
        def __init__(self, *_, **options):
            made.update(options)
            self.model = self
            self.is_multilingual = False

    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(TINY)
    monkeypatch.setattr(whisper, "WhisperModel", Model)
    monkeypatch.setattr(whisper, "usable_cores", lambda: count)
    FasterWhisperEngine(tmp_path, memory_mb=memory_mb)
    assert (made["cpu_threads"], made["num_workers"]) == (1, min(count, most))


@pytest.mark.parametrize(
    ("environ", "memory_mb"),
    [
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008"}, 3008),
        ({"COMPUTE_VCPUS": "4", "COMPUTE_MEMORY_MB": "8192"}, 8192),
        ({}, None),
    ],
)
def test_the_step_passes_its_memory_to_the_engine(monkeypatch, environ, memory_mb):
    class Opened(Exception):
        pass

    def open_engine(name, store, *, memory_mb):
        raise Opened(memory_mb)

    monkeypatch.setattr(audio2srt.speech, "open_engine", open_engine)
    store = SimpleNamespace(
        read=lambda key, kind: media_report(spans=[(0.0, 1.0)]), size=lambda key: 0, download=lambda key, path: None
    )
    context = StepContext(store, "lambda", settings=Settings.from_environ(environ), start=in_process)
    with pytest.raises(Opened) as opened:
        audio2srt.run(VideoRef("bucket", "start/film.mkv", "run-1"), context)
    assert opened.value.args == (memory_mb,)
