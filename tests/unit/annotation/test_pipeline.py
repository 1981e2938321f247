"""`annotate_video`: every frame once, in order, at its time, with its own boxes; complete output or none."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest

from avflow.annotation.pipeline import Extras, annotate_video
from avflow.detection import Detection
from avflow.errors import FFmpegFailed, FrameCountMismatch, InvalidMediaDamaged, LambdaBudgetExceeded
from avflow.media import probe
from avflow.media.opening import open_container
from avflow.progress import ignore
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment
from avflow.workflow.budget import RESERVE_SECONDS, Budget
from avflow.workflow.context import paced
from tests.media_samples import H264, NUMBERED, damaged, ffmpeg, lavfi, number_of, numbers, pattern, rgb_frames
from tests.number_reader import NumberReader, bgr
from tests.waiting import PATIENCE_SECONDS


class Failing(NumberReader):
    """A detector of which one method fails on frame 30."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def preprocess(self, frame):
        if self._part == "preprocess" and number_of(bgr(frame)) == 30:
            raise RuntimeError("preprocess failed")
        return super().preprocess(frame)

    def start(self, blobs):
        if self._part == "start" and 30 in blobs:
            raise RuntimeError("start failed")
        if self._part == "inference" and 30 in blobs:
            failed: Future = Future()
            failed.set_exception(RuntimeError("inference failed"))
            return failed
        return super().start(blobs)

    def postprocess(self, heads, frame_size):
        if self._part == "postprocess" and heads == 30:
            raise RuntimeError("postprocess failed")
        return super().postprocess(heads, frame_size)


class Nothing(NumberReader):
    """A detector that detects nothing, in frames of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: set[tuple[int, int]] = set()

    def preprocess(self, frame):
        self.sizes.add(frame.size)
        return 0

    def postprocess(self, heads, frame_size):
        self.sizes.add(frame_size)
        return []


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """300 numbered frames at 30000/1001 frames per second, with B-frames."""
    path = tmp_path_factory.mktemp("numbered") / "v.mkv"
    ffmpeg(*lavfi(NUMBERED.format(rate="30000/1001")), "-frames:v", "300", *H264, "-bf", "2", path.with_suffix(".mkv"))
    return path


@pytest.fixture
def outputs(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "boxed.avi", tmp_path / "out" / "found.jsonl"


def extras_of(outputs):
    return Extras(outputs[0].with_suffix(".mp4"), outputs[0].with_suffix(".zip"))


def annotate(source, detector, outputs, **options):
    return annotate_video(source, probe(source).video, detector, *outputs, **options)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_every_frame_once_and_in_order(numbered, outputs, batch_size):
    detector = NumberReader(batch_size)
    annotated = annotate(numbered, detector, outputs)
    assert numbers(outputs[0]) == list(range(300))
    assert (annotated.frames, annotated.objects, annotated.frames_with) == (
        300,
        {"even": 150, "odd": 150},
        {"even": 150, "odd": 150},
    )
    assert sum(detector.batches) == 300
    assert set(detector.batches[:-1]) == {batch_size}
    found = probe(outputs[0])
    assert found.video is not None
    assert (found.video.codec, found.video.nominal_rate) == ("mpeg4", Fraction(30000, 1001))
    assert (found.video.frames, found.video.constant_rate, found.audio) == (300, True, None)


@pytest.mark.parametrize(("frame_bytes", "batch"), [(2**25, 7), (2**26, 4), (2**28, 1), (2**40, 1)])
def test_batches_of_large_frames_are_smaller(numbered, outputs, frame_bytes, batch):
    detector, stream = NumberReader(7), replace(probe(numbered).video, frame_bytes=frame_bytes)
    assert annotate_video(numbered, stream, detector, *outputs).frames == 300
    assert set(detector.batches[:-1]) == {batch}
    assert numbers(outputs[0]) == list(range(300))
    assert (detector.max_in_pipeline - 1) * frame_bytes <= 2**30 or batch == 1


def test_each_line_lists_the_detections_of_its_frame(numbered, outputs):
    annotate(numbered, NumberReader(), outputs)
    lines = [json.loads(line) for line in outputs[1].read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(300))
    assert lines[0]["time"] == 0
    assert lines[299]["time"] == round(299 * 1001 / 30000, 6)
    assert lines[42]["objects"] == [{"class": "even", "confidence": 0.1235, "box": [42.0, 118.1, 10.0, 6.0]}]
    assert [line["objects"][0]["box"][0] for line in lines] == [number % 100 for number in range(300)]


def test_boxes_are_drawn_on_their_own_frame(numbered, outputs):
    annotate(numbered, NumberReader(), outputs)
    before, after = rgb_frames(numbered, 160, 128), rgb_frames(outputs[0], 160, 128)
    changed = np.abs(after.astype(int) - before).max(axis=3) > 60
    for number in (10, 50, 90):
        columns = np.flatnonzero(changed[number, 120:].any(axis=0))
        assert number - 4 <= columns.min() <= number + 2
        assert number + 8 <= columns.max()


def test_objects_and_frames_are_counted(numbered, outputs):
    class Twins(NumberReader):
        def postprocess(self, heads, frame_size):
            return super().postprocess(heads, frame_size) * (2 if heads < 10 else 0)

    annotated = annotate(numbered, Twins(), outputs)
    assert asdict(annotated) == {
        "frames": 300,
        "objects": {"even": 10, "odd": 10},
        "frames_with": {"even": 5, "odd": 5},
        "damaged_frames": 0,
        "notices": (),
        "class_ids": {"even": 0, "odd": 0},
    }


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.mp4", H264),
        ("v.ts", H264),
        ("v.avi", ("-c:v", "mpeg4", "-bf", "2")),
        ("x264.avi", ("-c:v", "libx264")),
        ("v.webm", ("-c:v", "libvpx", "-cpu-used", "8", "-deadline", "realtime")),
        ("v.mpg", ("-c:v", "mpeg2video", "-bf", "2")),
        ("fragments.mp4", ("-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov")),
    ],
)
def test_each_container_frame_by_frame(tmp_path, outputs, name, codec):
    source = tmp_path / name
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "60", *codec, source)
    assert annotate(source, NumberReader(), outputs).frames == 60
    assert numbers(outputs[0]) == list(range(60))


def test_a_video_stream_that_starts_late_keeps_every_frame(tmp_path, outputs):
    source = tmp_path / "v.mkv"
    late = ("-itsoffset", "0.4", *lavfi(NUMBERED.format(rate="25")))
    ffmpeg(*lavfi("sine=d=3"), *late, "-map", "1", "-map", "0", "-frames:v", "50", *H264, source)
    assert annotate(source, NumberReader(), outputs).frames == 10 + 50
    assert numbers(outputs[0]) == [0] * 10 + list(range(50))  # held while the sound is alone


def test_rotation_is_not_applied_here_but_by_the_conversion(tmp_path, outputs):
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "20", *H264, tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "v.mp4")
    annotate(tmp_path / "v.mp4", NumberReader(), outputs)
    assert numbers(outputs[0]) == list(range(20))


def test_odd_sizes_grow_by_one_pixel(tmp_path, outputs):
    ffmpeg(*lavfi(pattern() + ",scale=161:121"), "-c:v", "libx264", "-pix_fmt", "yuv444p", tmp_path / "v.mkv")
    nothing = Nothing()
    annotate(tmp_path / "v.mkv", nothing, outputs)
    assert nothing.sizes == {(161, 121)}
    found = probe(outputs[0]).video
    assert found is not None
    assert (found.width, found.height, found.frames) == (162, 122, 25)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_colours_survive(tmp_path, outputs, matrix):
    bars = f"smptebars=s=160x128:d=0.2,scale=out_color_matrix={matrix},setparams=colorspace={matrix},format=yuv420p"
    ffmpeg(*lavfi(bars), "-c:v", "libx264", "-qp", "1", tmp_path / "v.mkv")
    annotate(tmp_path / "v.mkv", Nothing(), outputs)
    planes = [ffmpeg("-i", p, "-frames:v", "1", "-f", "rawvideo", "-") for p in (tmp_path / "v.mkv", outputs[0])]
    before, after = (np.frombuffer(plane, np.uint8).astype(int) for plane in planes)
    assert np.abs(before - after).mean() < 2


def test_a_damaged_frame_does_not_shift_the_others(tmp_path, outputs):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "100", "-c:v", "mjpeg", source)
    content = bytearray(source.read_bytes())
    marks = [at for at in range(len(content) - 3) if content[at : at + 3] == b"\xff\xd8\xff"]
    assert len(marks) == 100
    content[marks[50] : marks[50] + 40] = bytes(40)
    source.write_bytes(content)
    annotated = annotate(source, NumberReader(), outputs)
    assert annotated.frames == 100
    assert numbers(outputs[0])[51:] == list(range(51, 100))


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """100 numbered frames with a keyframe every 20, and with B-frames."""
    path = tmp_path_factory.mktemp("hundred") / "v.mp4"
    codec = (*H264, "-bf", "2", "-g", "20", "-x264-params", "scenecut=0")
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "100", *codec, path)
    return path


@pytest.mark.parametrize("batch_size", [1, 7, 32])
@pytest.mark.parametrize("lost", [1, 3])
def test_the_last_decodable_frame_replaces_damaged_frames_after_it(hundred, tmp_path, outputs, batch_size, lost):
    source = damaged(hundred, range(100 - lost, 100), tmp_path / "v.mp4")
    assert annotate(source, NumberReader(batch_size), outputs).frames == 100
    decoded = numbers(source)
    assert len(decoded) == 100 - lost
    shown = [max(one for one in decoded if one <= number) for number in range(100)]
    assert shown[-1] < 99
    assert numbers(outputs[0]) == shown
    lines = [json.loads(line) for line in outputs[1].read_text().splitlines()]
    assert [line["objects"][0]["box"][0] for line in lines] == [float(number) for number in shown]


def test_a_copied_frame_has_only_its_own_boxes(hundred, tmp_path, outputs):
    class Wandering(NumberReader):
        def __init__(self):
            super().__init__()
            self.seen = 0

        def postprocess(self, heads, frame_size):
            self.seen += 1
            return [Detection(0, "x", 0.9, (float(self.seen), 118.06, 10.0, 6.0))]

    source = damaged(hundred, range(97, 100), tmp_path / "v.mp4")
    annotate(source, Wandering(), outputs)
    before, after = rgb_frames(source, 160, 128)[-1], rgb_frames(outputs[0], 160, 128)[-1]
    columns = np.flatnonzero((np.abs(after.astype(int) - before).max(axis=2) > 60)[120:].any(axis=0))
    assert columns.min() >= 96
    assert columns.max() <= 114


def test_the_first_decodable_frame_replaces_damaged_frames_before_it(hundred, tmp_path, outputs):
    source = damaged(hundred, range(3), tmp_path / "v.mp4")
    assert min(numbers(source)) == 20
    assert annotate(source, NumberReader(), outputs).frames == 100
    assert numbers(outputs[0]) == [max(number, 20) for number in range(100)]


@pytest.mark.parametrize("lost", [30, 60, 99])
def test_a_video_without_its_end_is_refused(hundred, tmp_path, outputs, lost):
    source = damaged(hundred, range(100 - lost, 100), tmp_path / "v.mp4")
    with pytest.raises(
        InvalidMediaDamaged, match=r"v\.mp4 has 100 frames, but \d\d consecutive frames, from \d\.\d s to 4\.0 s, can't"
    ) as caught:
        annotate(source, NumberReader(), outputs)
    assert caught.value.exit_code == 65
    assert left_over(outputs) == []


def test_memory_does_not_grow_with_the_length(numbered, outputs):
    detector = NumberReader(batch_size=2)
    annotate(numbered, detector, outputs)
    assert 2 <= detector.max_in_pipeline <= 8


# ---------------------------------------------------------------- failures
def left_over(outputs):
    return list(outputs[0].parent.iterdir())


@pytest.mark.parametrize("part", ["preprocess", "start", "inference", "postprocess"])
def test_a_failing_detector_stops_the_pipeline(numbered, outputs, part):
    threads = threading.active_count()
    detector = Failing(part)
    with pytest.raises(RuntimeError, match=f"{part} failed"):
        annotate(numbered, detector, outputs)
    detector.close()
    assert left_over(outputs) == []
    assert threading.active_count() <= threads


def test_a_wrong_number_of_frames_is_refused(numbered, outputs):
    wrong = replace(probe(numbered).video, frames=299)
    with pytest.raises(FrameCountMismatch, match=r"v\.mkv has 299 frames, but 300 were decoded"):
        annotate_video(numbered, wrong, NumberReader(), *outputs)
    assert left_over(outputs) == []


def test_a_missing_source(numbered, outputs, tmp_path):
    with pytest.raises(FFmpegFailed, match=r"gone\.mkv"):
        annotate_video(tmp_path / "gone.mkv", probe(numbered).video, NumberReader(), *outputs)
    assert left_over(outputs) == []


def test_an_encoder_that_fails(numbered, outputs, monkeypatch):
    monkeypatch.setattr("avflow.video.writer.VIDEO_BITRATE", -1)
    with pytest.raises(FFmpegFailed, match=r"boxed\.avi"):
        annotate(numbered, NumberReader(), outputs)
    assert left_over(outputs) == []


def test_an_mp4_encoder_that_fails(numbered, outputs, monkeypatch):
    monkeypatch.setattr("avflow.video.writer.x264_options", lambda size, threads: {"preset": "none of its own"})
    with pytest.raises(FFmpegFailed, match=r"boxed\.mp4.* can't be encoded"):
        annotate(numbered, NumberReader(), outputs, extras=extras_of(outputs))
    assert left_over(outputs) == []


def test_a_failure_leaves_none_of_the_files(numbered, outputs):
    detector = Failing("postprocess")
    with pytest.raises(RuntimeError, match="postprocess failed"):
        annotate(numbered, detector, outputs, extras=extras_of(outputs))
    detector.close()
    assert left_over(outputs) == []


def test_a_variable_rate_is_refused(numbered, outputs):
    with pytest.raises(ValueError, match="variable frame rate"):
        annotate_video(numbered, replace(probe(numbered).video, constant_rate=False), NumberReader(), *outputs)


def test_a_detector_too_slow_for_the_time_left_gives_up_early(numbered, outputs):
    slow, seconds = NumberReader(seconds=0.05), 6
    budget = Budget(time.monotonic() + RESERVE_SECONDS + seconds)
    with pytest.raises(LambdaBudgetExceeded, match=r"boxes on v\.mkv"):
        annotate(numbered, slow, outputs, report=paced(ignore, budget, "boxes on v.mkv"))
    assert len(slow.batches) < 0.8 * seconds / 0.05, "it stops before its time is up"
    assert left_over(outputs) == []


class Patient:
    """A container that waits after its 50th packet until the reader is stopped."""

    def __init__(self, container):
        self.container, self.packets, self.stopped = container, 0, threading.Event()

    def __getattr__(self, name):
        return getattr(self.container, name)

    def demux(self, stream):
        for packet in self.container.demux(stream):
            self.packets += 1
            if self.packets == 50:
                self.stopped.wait(PATIENCE_SECONDS)
            yield packet


def test_giving_up_does_not_wait_for_decoding_up_to_the_segment(tmp_path, outputs, monkeypatch):
    ffmpeg(*lavfi(NUMBERED.format(rate="25")), "-frames:v", "300", *H264, tmp_path / "v.ts")
    found, stop = probe(tmp_path / "v.ts").video, VideoReader.stop
    container = Patient(open_container(tmp_path / "v.ts", None))
    monkeypatch.setattr("avflow.video.reader.open_container", lambda *_, **__: container)
    monkeypatch.setattr(VideoReader, "stop", lambda reader: (stop(reader), container.stopped.set()))
    too_late = paced(ignore, Budget(time.monotonic() - 1), "boxes on v.ts")
    with pytest.raises(LambdaBudgetExceeded, match=r"boxes on v\.ts"):
        annotate_video(tmp_path / "v.ts", found, NumberReader(), *outputs, segment=Segment(290, 10), report=too_late)
    assert 50 <= container.packets < 60


def test_an_exception_of_the_report_stops_the_pipeline(numbered, outputs):
    def fail(progress):
        raise RuntimeError("from the report")

    with pytest.raises(RuntimeError, match="from the report"):
        annotate(numbered, NumberReader(), outputs, report=fail)
    assert left_over(outputs) == []


def test_progress_reaches_the_end(numbered, outputs):
    reports = []
    annotate(numbered, NumberReader(), outputs, report=reports.append)
    assert (reports[-1].step, reports[-1].done, reports[-1].total, reports[-1].unit) == ("detect", 300, 300, "frames")
