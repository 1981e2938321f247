"""What every detector does, whichever engine runs the network."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from avflow.darknet.cfg import read_names, read_network
from avflow.detection import Detector, onnxruntime_detector, open_detector
from avflow.detection.converted import Converted
from avflow.detection.detector import YoloDetector
from avflow.detection.onnxruntime_detector import (
    CPU,
    CPU_PROVIDERS,
    CUDA,
    TENSORRT,
    OnnxRuntimeDetector,
    usable_providers,
)
from avflow.detection.openvino_detector import OpenVinoDetector
from avflow.errors import DarknetModelInvalid, GpuUnavailable, ModelUnavailable
from avflow.models.store import ModelStore, sha256_of
from scripts.record_darknet_boxes import CFG, DATA, RECORDINGS
from tests.engines import needs_openvino

NAMES = DATA / "coco.names"
ENGINES = {
    "openvino": (OpenVinoDetector, {"precision": "fp32"}),
    "onnxruntime": (OnnxRuntimeDetector, {"providers": CPU_PROVIDERS}),
    # the way of a GPU, but for the GPU: float16, a fixed batch, of which the last one is filled up
    "onnxruntime-half": (OnnxRuntimeDetector, {"providers": CPU_PROVIDERS, "half": True, "batch_size": 2}),
}


@pytest.fixture(scope="module")
def weights() -> Path:
    return ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def open_with(weights, cache):
    def open_with(engine: str, input_size: tuple[int, int] | None = None, **options) -> YoloDetector:
        network = read_network(CFG, input_size)
        kind, own = ENGINES[engine]
        onnx_path = Converted(CFG, weights, network, cache).onnx(half=own.get("half", False))
        return kind(onnx_path, network, read_names(NAMES, network), **own, **options)

    return open_with


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("onnxruntime", marks=pytest.mark.slow),
        "onnxruntime-half",
        pytest.param("openvino", marks=needs_openvino),
    ],
)
def engine(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def detector(engine, open_with) -> Iterator[Detector]:
    with open_with(engine) as detector:
        yield detector


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    return cv2.imread(str(RECORDINGS / "person.jpg"))


def test_what_is_in_the_picture(detector, person):
    found = detector.detect([person])[0]
    assert [(one.class_name, one.class_id) for one in found] == [("horse", 17), ("dog", 16), ("person", 0)]
    assert [one.confidence for one in found] == pytest.approx([0.937, 0.906, 0.837], abs=0.005)
    assert found[2].box == pytest.approx((184.6, 104.2, 91.5, 277), abs=3)
    assert detector.input_size == (416, 416)
    assert detector.names[:3] == ("person", "bicycle", "car")
    assert detector.in_flight >= 2


def test_pictures_of_different_sizes_at_once_give_what_each_gives_by_itself(detector, person):
    frames = [person, person[:, ::2], np.zeros((1, 1, 3), np.uint8), cv2.resize(person, (1280, 300)), person[50:350]]
    together = detector.detect(frames)
    assert together == [detector.detect([frame])[0] for frame in frames]
    assert [len(found) > 0 for found in together] == [True, True, False, True, True]
    assert detector.detect([]) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (10000, 16), (16, 10000)])
def test_hostile_sizes_give_boxes_within_the_picture(detector, size):
    frame = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    for one in detector.detect([frame])[0]:
        left, top, width, height = one.box
        assert 0 <= left < left + width <= size[0]
        assert 0 <= top < top + height <= size[1]


def test_boxes_that_reach_out_of_the_picture_are_clipped(detector, person):
    half = np.ascontiguousarray(person[:, :230])  # through the person
    found = [one for one in detector.detect([half])[0] if one.class_name == "person"]
    assert found
    left, _, width, _ = found[0].box
    assert left + width <= 230
    assert left + width > 220


def test_parts_used_by_several_threads_at_once(detector, person):
    frames = [person, np.ascontiguousarray(person[:, ::-1]), np.zeros_like(person)]
    expected = [detector.detect([frame])[0] for frame in frames]
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(6):
            which = (number + turn) % 3
            blob = detector.preprocess(frames[which])
            heads = detector.start([blob]).result()[0]
            height, width = frames[which].shape[:2]
            if detector.postprocess(heads, (width, height)) != expected[which]:
                wrong.append(which)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_requests_in_flight_keep_their_own_results(detector, person):
    frames = [person, np.zeros_like(person), person[:200], person[200:]]
    requests = [detector.start([detector.preprocess(frame)]) for frame in frames]
    for frame, request in zip(reversed(frames), reversed(requests), strict=True):
        height, width = frame.shape[:2]
        assert detector.postprocess(request.result()[0], (width, height)) == detector.detect([frame])[0]


def test_one_request_with_several_pictures(detector, person):
    blobs = [detector.preprocess(frame) for frame in (person, person[:200], person[200:])]
    together = detector.start(blobs).result()
    assert len(together) == 3
    for blob, heads in zip(blobs, together, strict=True):
        for head, alone in zip(heads, detector.start([blob]).result()[0], strict=True):
            np.testing.assert_allclose(head, alone, atol=1e-4)


def test_threshold_and_overlap(engine, open_with, person):
    with open_with(engine, threshold=0.9) as strict:
        assert [one.class_name for one in strict.detect([person])[0]] == ["horse", "dog"]
    with open_with(engine, threshold=0.05, overlap=0.999) as loose:
        assert len(loose.detect([person])[0]) > 10
    for threshold in (0, 1, -1, 25):
        with pytest.raises(ValueError, match="between 0 and 1"):
            open_with(engine, threshold=threshold)


def test_chosen_classes_are_those_of_all_without_the_others(engine, open_with, person):
    with open_with(engine, threshold=0.02) as detector:
        everything = detector.detect([person])[0]
    with open_with(engine, threshold=0.02, classes=("person", "dog", "zebra")) as detector:
        chosen = detector.detect([person])[0]
    assert chosen == [one for one in everything if one.class_name in ("person", "dog", "zebra")]
    assert {one.class_name for one in chosen} >= {"person", "dog"}
    assert len(everything) > len(chosen)


def test_without_letterbox_the_boxes_are_still_the_objects(engine, open_with, person):
    with open_with(engine, letterbox=False) as stretching:
        found = {one.class_name: one for one in stretching.detect([person])[0]}
    assert len(found) == 3  # a stretched horse may look like a sheep
    assert found["dog"].box == pytest.approx((70.7, 267.5, 131, 85), abs=15)
    assert found["person"].box == pytest.approx((184.6, 104.2, 91.5, 277), abs=15)


def test_another_input_size(engine, open_with, person):
    with open_with(engine, input_size=(608, 352)) as wide:
        assert wide.preprocess(person).shape == (3, 352, 608)
        assert "person" in {one.class_name for one in wide.detect([person])[0]}


def test_many_requests_at_once_come_to_their_own_futures(detector, person):
    blobs = [detector.preprocess(np.roll(person, 16 * turn, axis=1)) for turn in range(5)]
    expected = [detector.start([blob]).result()[0] for blob in blobs]
    requests = [detector.start([blobs[turn % 5]]) for turn in range(4 * detector.in_flight)]
    for turn, request in enumerate(requests):
        for head, wanted in zip(request.result()[0], expected[turn % 5], strict=True):
            np.testing.assert_array_equal(head, wanted)


def test_a_result_outlives_the_requests_after_it(detector, person):
    blob = detector.preprocess(person)
    heads = detector.start([blob]).result()[0]
    before = [head.copy() for head in heads]
    for _ in range(2 * detector.in_flight):
        detector.start([np.zeros_like(blob)]).result()
    for head, wanted in zip(heads, before, strict=True):
        np.testing.assert_array_equal(head, wanted)


def test_float16_is_half_the_size_and_gives_half_the_bytes(open_with, person, cache):
    with open_with("onnxruntime-half") as half, open_with("onnxruntime") as whole:
        heads = [detector.start([detector.preprocess(person)]).result()[0] for detector in (half, whole)]
        assert half.engine == "ONNX Runtime, CPUExecutionProvider, fp16"
    assert [head.nbytes for head in heads[0]] == [head.nbytes // 2 for head in heads[1]]
    sizes = {path.name.count(".fp16"): path.stat().st_size for path in cache.glob("*.onnx")}
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.01)


class TestOpening:
    def test_converts_once_and_finds_the_file_again(self, weights, tmp_path, person, monkeypatch):
        with open_detector(CFG, weights, NAMES, cache_dir=tmp_path, device="cpu") as first:
            expected = first.detect([person])
        converted = list(tmp_path.glob("*.onnx"))
        assert len(converted) == 1
        monkeypatch.setattr("avflow.detection.converted.read_weights", None)  # a second conversion would need it
        with open_detector(CFG, weights, NAMES, cache_dir=tmp_path, device="cpu") as second:
            assert second.detect([person]) == expected
        assert [one.class_name for one in expected[0]] == ["horse", "dog", "person"]

    def test_weights_of_a_known_hash_are_not_read_again(self, weights, tmp_path):
        made = Converted(CFG, weights, read_network(CFG), tmp_path).onnx()
        gone = tmp_path / weights.name
        assert not gone.exists()
        known = Converted(CFG, gone, read_network(CFG), tmp_path, weights_sha256=sha256_of(weights))
        assert known.onnx() == made

    @needs_openvino
    def test_compiled_networks_are_kept_where_that_is_possible(self, weights, tmp_path, person):
        kept, impossible = tmp_path / "kept", tmp_path / "file"
        impossible.write_text("not a folder")
        network, names = read_network(CFG), read_names(NAMES, read_network(CFG))
        converted = Converted(CFG, weights, network, tmp_path).onnx()
        for folder in (kept, impossible):
            with OpenVinoDetector(converted, network, names, cache_dir=folder) as detector:
                assert len(detector.detect([person])[0]) == 3
        assert any(kept.iterdir())
        assert impossible.read_text() == "not a folder"

    def test_another_cfg_or_size_is_another_file(self, weights, tmp_path):
        other = tmp_path / "yolov3-tiny.cfg"
        other.write_text(CFG.read_text().replace("mask = 1,2,3", "mask = 0,1,2"))
        network = read_network(CFG)
        paths = {
            Converted(CFG, weights, network, tmp_path).onnx(),
            Converted(other, weights, network, tmp_path).onnx(),
            Converted(CFG, weights, read_network(CFG, (320, 320)), tmp_path).onnx(),
        }
        assert len(paths) == 3

    def test_a_truncated_file_of_weights_leaves_nothing_behind(self, weights, tmp_path):
        broken = tmp_path / "broken.weights"
        shutil.copy(weights, broken)
        with broken.open("r+b") as file:
            file.truncate(30_000_000)
        with pytest.raises(DarknetModelInvalid, match=r"broken\.weights holds 7499995 floats.*1358739 are missing"):
            open_detector(CFG, broken, NAMES, cache_dir=tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_a_gpu_that_is_demanded_must_be_there(self, weights, cache):
        onnxruntime = pytest.importorskip("onnxruntime")
        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("this machine may have one")
        with pytest.raises(GpuUnavailable):
            open_detector(CFG, weights, NAMES, cache_dir=cache, device="gpu")
        with open_detector(CFG, weights, NAMES, cache_dir=cache) as automatic:
            assert "CPU" in automatic.engine

    def test_a_provider_without_its_libraries_is_not_tried(self, monkeypatch):
        onnxruntime = pytest.importorskip("onnxruntime")
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
        wanted = (TENSORRT, CUDA, CPU)
        here: set[str] = set()

        def load(library: str) -> None:
            if library not in here:
                raise OSError(library)

        monkeypatch.setattr(onnxruntime_detector.ctypes, "CDLL", load)
        assert usable_providers(wanted) == [CPU]
        here.add("libcuda.so.1")
        assert usable_providers(wanted) == [CUDA, CPU]
        here.update(["libnvinfer.so.10", "libnvonnxparser.so.10"])
        assert usable_providers(wanted) == [TENSORRT, CUDA, CPU]
        assert usable_providers((CPU,)) == [CPU]

    @pytest.mark.parametrize(("precision", "kind"), [("fastest", "fp16"), ("int8", "fp16"), ("fp32", "fp32")])
    def test_the_way_to_a_gpu(self, weights, cache, person, monkeypatch, precision, kind):
        monkeypatch.setattr(onnxruntime_detector, "GPU_PROVIDERS", CPU_PROVIDERS)  # the CPU stands for it
        monkeypatch.setattr(onnxruntime_detector, "loads", lambda library: True)
        with open_detector(CFG, weights, NAMES, cache_dir=cache, device="gpu", precision=precision) as detector:
            assert detector.engine == f"ONNX Runtime, CPUExecutionProvider, {kind}"
            assert [one.class_name for one in detector.detect([person])[0]] == ["horse", "dog", "person"]

    @needs_openvino
    def test_precision(self, weights, cache):
        for precision, kind in (("fp32", "f32"), ("fastest", "(bf16|f16|f32)")):
            with open_detector(CFG, weights, NAMES, cache_dir=cache, device="cpu", precision=precision) as detector:
                assert re.fullmatch(f"OpenVINO on the CPU, {kind}", detector.engine)
        with pytest.raises(ModelUnavailable, match="no int8 network for an input of 416x416") as unavailable:
            open_detector(CFG, weights, NAMES, cache_dir=cache, device="cpu", precision="int8")
        assert "avflow models quantize yolov3-tiny" in unavailable.value.advice
        with pytest.raises(ValueError, match="'fp8', must be one of fastest, fp32, int8"):
            open_detector(CFG, weights, NAMES, cache_dir=cache, precision="fp8")
