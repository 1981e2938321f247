"""The results beside the AVI and the subtitles, through all steps: the same frames, times, words and cues."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pysubs2
import pytest

from avflow.choices import Choices
from avflow.results.names import ALWAYS, OUTPUTS
from avflow.speech.transcript import Word
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow import merge, yolov3
from avflow.workflow.context import StepContext
from avflow.workflow.layout import RESULT_SUFFIXES, VideoRef
from avflow.workflow.reports import MediaReport, SegmentReport
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.in_process import with_detector
from tests.media_samples import H264, NUMBERED, beeps, ffmpeg, heard_at, lavfi, numbers
from tests.number_reader import NumberReader
from tests.reports import span_report
from tests.result_sets import OF_AUDIO, SILENT

SETTINGS = Settings(yolov3_model="yolov3-tiny", speech_model="whisper-tiny.en")
FRAMES = 61
AAC = ("-c:a", "aac", "-b:a", "96k")
#: what a careless writer of any format would break
HOSTILE = "<b>&amp; a --> b {\\an8} \ufeffשלום"


RUNS = count()


class Reader(NumberReader):
    engine = "reads numbers"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Films of 61 numbered frames at 30000/1001 a second."""
    folder = tmp_path_factory.mktemp("outputs")
    ffmpeg(
        *lavfi(NUMBERED.format(rate="30000/1001")), "-frames:v", str(FRAMES), *H264, "-bf", "2", folder / "silent.mkv"
    )
    sound = lavfi(beeps((0.5, 1.8), 2.04))
    copied = ("-map", "0:v", "-map", "1:a", "-c:v", "copy")
    ffmpeg("-i", folder / "silent.mkv", *sound, *copied, "-c:a", "pcm_s16le", folder / "loud.mkv")
    ffmpeg("-i", folder / "silent.mkv", *sound, *copied, *AAC, folder / "aac.mp4")
    ffmpeg(*sound, "-c:a", "pcm_s16le", folder / "only.wav")
    return folder


def run(s3, bucket, path, text=HOSTILE, **settings):
    """Run all steps on a film whose only word is `text`. Returns the manifest, and the results by suffix."""
    store, video = ObjectStore(bucket, s3), VideoRef(bucket, f"start/{path.name}", f"run-{next(RUNS)}")
    store.upload(path, video.key)
    context = StepContext(store, "batch", settings=replace(SETTINGS, **settings), start=with_detector(Reader))
    media = ffmpeg_step.run(video, context)
    for span in media.plan.spans:
        words = [Word(0.5, 0.9, text, 0.75), Word(1.0, 1.5, "Second.", 0.5)] if text else []
        store.write(video.part_json("audio2srt", span.part), span_report(*words, seconds=span.end - span.start))
    for part in range(media.plan.segments.count if media.has_video else 0):
        yolov3.run(video, replace(context, part=part))
    manifest = merge.run(video, replace(context, settings=SETTINGS)).manifest
    results = {}
    for suffix in (*RESULT_SUFFIXES, ".json"):
        target = path.with_name(f"{path.stem}-result{suffix}")
        target.unlink(missing_ok=True)
        try:
            s3.download_file(bucket, video.result(suffix), str(target))
        except s3.exceptions.ClientError:
            continue
        results[suffix] = target
    return manifest, results


def frames(path):
    """The time and the luma of each frame."""
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, frame.to_ndarray()) for frame in container.decode(video=0)]


def psnr(one, other):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(float) - other.astype(float)) ** 2)))


def streams(path):
    with av.open(str(path)) as container:
        return {stream.type: stream.codec_context.name for stream in container.streams}


def packets(path, kind):
    """The payload of each packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(getattr(container.streams, kind)[0]) if packet.size]


def tick_exact(avi, mp4, rate=Fraction(30000, 1001)):
    """Both films have the same pictures, each at the same tick of the frame rate."""
    ours, theirs = frames(mp4), frames(avi)
    assert [time for time, _ in ours] == [number / rate for number in range(len(theirs))]
    assert [round(time * rate) for time, _ in theirs] == list(range(len(ours)))
    assert all(one.shape == other.shape for (_, one), (_, other) in zip(ours, theirs, strict=True))
    assert min(psnr(one, other) for (_, one), (_, other) in zip(ours, theirs, strict=True)) > 28


@pytest.mark.parametrize("seconds", [600, 1])
def test_the_mp4_has_the_frames_and_times_of_the_avi(s3, bucket, folder, seconds):
    manifest, results = run(s3, bucket, folder / "loud.mkv", segment_seconds=seconds)
    mp4 = results[".mp4"]
    assert len([step for step in manifest.steps if step.name == "yolov3"]) == (1 if seconds == 600 else 3)
    tick_exact(results[".avi"], mp4)
    assert numbers(mp4) == list(range(FRAMES))
    assert streams(mp4) == {"video": "h264", "audio": "aac", "subtitle": "mov_text"}
    with av.open(str(mp4)) as container:
        video, subtitles = container.streams.video[0], container.streams.subtitles[0]
        assert (video.codec_context.profile, video.codec_context.pix_fmt) == ("High", "yuv420p")
        assert subtitles.language == "eng"
    content = mp4.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a player can begin before all is there"
    assert heard_at(mp4) == [pytest.approx(at, abs=0.01) for at in (0.5, 1.8)]
    assert heard_at(mp4) == [pytest.approx(at, abs=0.01) for at in heard_at(results[".avi"])]


def test_the_avi_and_the_subtitles_do_not_depend_on_the_others(s3, bucket, folder):
    _, alone = run(s3, bucket, folder / "loud.mkv", choices=Choices(outputs=ALWAYS))
    kept = {suffix: alone[suffix].read_bytes() for suffix in (".avi", ".srt", ".detections.jsonl")}
    assert set(alone) == {*kept, ".json"}
    _, among_all = run(s3, bucket, folder / "loud.mkv")
    assert {suffix: among_all[suffix].read_bytes() for suffix in kept} == kept


def test_audio_that_is_aac_is_copied(s3, bucket, folder):
    _, results = run(s3, bucket, folder / "aac.mp4")
    assert packets(results[".mp4"], "audio") == packets(folder / "aac.mp4", "audio")
    assert heard_at(results[".mp4"]) == [pytest.approx(at, abs=0.005) for at in (0.5, 1.8)]


def test_aac_with_a_gap_is_not_copied(s3, bucket, folder):
    """The AVI has silence there, and so has the MP4."""
    source = folder / "gap.mkv"
    gap = "setts=pts='PTS+gt(N,50)*0.3/TB':dts='DTS+gt(N,50)*0.3/TB'"
    ffmpeg("-i", folder / "aac.mp4", "-map", "0", "-c", "copy", "-bsf:a", gap, source)
    _, results = run(s3, bucket, source)
    assert packets(results[".mp4"], "audio") != packets(source, "audio")
    assert heard_at(results[".mp4"]) == [pytest.approx(at, abs=0.01) for at in heard_at(results[".avi"])]
    assert heard_at(results[".mp4"])[-1] == pytest.approx(2.1, abs=0.02)


@pytest.mark.parametrize("name", ["aac.mp4", "loud.mkv"])
def test_audio_that_starts_late_is_late(s3, bucket, folder, name):
    source = folder / f"late-{name}"
    ffmpeg(
        "-i",
        folder / name,
        "-itsoffset",
        "0.4",
        "-i",
        folder / name,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c",
        "copy",
        source,
    )
    _, results = run(s3, bucket, source)
    assert heard_at(results[".mp4"]) == [pytest.approx(at, abs=0.01) for at in heard_at(results[".avi"])]
    assert heard_at(results[".mp4"])[0] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (("-vf", "format=yuv444p,crop=159:127:0:0:exact=1"), (160, 128)),  # odd
        (("-vf", "format=yuv444p,crop=159:127:0:0:exact=1,fps=25"), (160, 128)),  # odd, and converted
        (("-vf", "select='lt(n,31)+mod(n,2)'", "-fps_mode", "passthrough"), (160, 128)),  # variable rate
        (("-vf", "setsar=2"), (320, 128)),  # pixels that are wide
        (("-vf", "setfield=tff", "-flags", "+ilme+ildct"), (160, 128)),  # interlaced
    ],
    ids=["odd", "odd and converted", "variable", "wide pixels", "interlaced"],
)
def test_the_mp4_is_right_whatever_the_frames_are(s3, bucket, folder, options, size, monkeypatch):
    monkeypatch.setattr(Reader, "preprocess", lambda self, frame: 0)
    monkeypatch.setattr(Reader, "postprocess", lambda self, heads, frame_size: [])
    source = folder / "kind.mkv"
    pixels = () if "fps=25" in options[1] else ("-pix_fmt", "yuv420p")
    codec = ("mpeg4", "-q:v", "2") if "exact" in options[1] and pixels else ("libx264", "-preset", "ultrafast")
    ffmpeg("-i", folder / "silent.mkv", *options, *pixels, "-c:v", *codec, source)
    manifest, results = run(s3, bucket, source)
    tick_exact(results[".avi"], results[".mp4"], Fraction(manifest.detections.frame_rate))
    assert frames(results[".mp4"])[0][1].shape == (size[1] * 3 // 2, size[0])
    assert streams(results[".mp4"]) == {"video": "h264"}, "without sound, neither audio nor subtitles"
    assert set(results) == SILENT


def test_a_rotated_film_is_upright(s3, bucket, folder, monkeypatch):
    monkeypatch.setattr(Reader, "preprocess", lambda self, frame: 0)
    monkeypatch.setattr(Reader, "postprocess", lambda self, heads, frame_size: [])
    source = folder / "rotated.mp4"
    ffmpeg("-display_rotation", "90", "-i", folder / "silent.mkv", "-c", "copy", source)
    _, results = run(s3, bucket, source)
    tick_exact(results[".avi"], results[".mp4"])
    assert frames(results[".mp4"])[0][1].shape == (160 * 3 // 2, 128)
    for picture, shape in ((".jpg", (160, 128)), (".contact.jpg", (4 * 164 + 4, 5 * 132 + 4))):
        assert cv2.imread(str(results[picture])).shape[:2] == shape


def test_an_upload_without_a_picture_has_texts_only(s3, bucket, folder):
    manifest, results = run(s3, bucket, folder / "only.wav")
    assert set(results) == OF_AUDIO | {".json"}
    assert {file.key.removeprefix("result/only") for file in manifest.files} == set(results) - {".json"}


def test_silence_gives_no_subtitle_track_and_empty_texts(s3, bucket, folder):
    _, results = run(s3, bucket, folder / "loud.mkv", text="")
    assert streams(results[".mp4"]) == {"video": "h264", "audio": "aac"}
    assert results[".vtt"].read_text() == "WEBVTT\n"
    assert (results[".txt"].read_text(), results[".srt"].read_text()) == ("", "")
    assert json.loads(results[".transcript.json"].read_text())["segments"] == []


# ---------------------------------------------------------------- what is said
def test_all_texts_say_the_same(s3, bucket, folder):
    _, results = run(s3, bucket, folder / "loud.mkv")
    vtt, srt = (
        pysubs2.load(str(results[suffix]), encoding="utf-8", keep_unknown_html_tags=True) for suffix in (".vtt", ".srt")
    )
    assert [(each.start, each.end) for each in vtt] == [(each.start, each.end) for each in srt]
    with av.open(str(results[".vtt"])) as container:  # FFmpeg's parser of WebVTT
        (packet, *_) = [bytes(each) for each in container.demux() if each.size]
    escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert packet.decode() == f"{escaped} Second."
    track = [packet[2:].decode() for packet in packets(results[".mp4"], "subtitles") if packet[:2] != b"\0\0"]
    assert [text.partition("\0")[0] for text in track] == [f"{HOSTILE} Second."]
    assert results[".txt"].read_text(encoding="utf-8") == f"{HOSTILE} Second.\n"
    told = json.loads(results[".transcript.json"].read_text(encoding="utf-8"))
    assert (told["language"], told["task"]) == ("en", "transcribe")
    assert told["segments"][0]["words"] == [
        {"start": 0.5, "end": 0.9, "text": HOSTILE, "probability": 0.75, "language": "en", "joined": False},
        {"start": 1.0, "end": 1.5, "text": "Second.", "probability": 0.5, "language": "en", "joined": False},
    ]


def test_without_times_of_words_only_the_words_are_missing(s3, bucket, folder):
    _, timed = run(s3, bucket, folder / "loud.mkv")
    kept = {suffix: timed[suffix].read_bytes() for suffix in (".srt", ".vtt", ".txt", ".transcript.json")}
    manifest, results = run(s3, bucket, folder / "loud.mkv", choices=Choices(word_times=False))
    assert {suffix for suffix, content in kept.items() if results[suffix].read_bytes() != content} == {
        ".transcript.json"
    }
    told, before = json.loads(results[".transcript.json"].read_text("utf-8")), json.loads(kept[".transcript.json"])
    assert [len(each.pop("words")) for each in before["segments"]] == [2]
    assert [each.pop("words") for each in told["segments"]] == [[]]
    assert told == before
    shown = re.search(r'"cues":(\[.*?\]),"burnt"', results[".html"].read_text("utf-8"))[1]
    assert [words for *_, words in json.loads(shown)] == [[]]
    assert manifest.choices["word_times"].value is False


# ---------------------------------------------------------------- pictures
def test_the_pictures_are_of_the_annotated_film(s3, bucket, folder):
    _, whole = run(s3, bucket, folder / "loud.mkv")
    kept = {suffix: whole[suffix].read_bytes() for suffix in (".jpg", ".contact.jpg")}
    cover, sheet = (cv2.imread(str(whole[suffix])) for suffix in kept)
    assert cover.shape[:2] == (128, 160)
    assert sheet.shape[:2] == (4 * 132 + 4, 5 * 164 + 4)
    luma = 16 + cv2.cvtColor(cover, cv2.COLOR_BGR2YUV)[:, :, 0] * (219 / 255)
    assert max(psnr(luma, drawn[:128]) for _, drawn in frames(whole[".avi"])) > 28
    _, parts = run(s3, bucket, folder / "loud.mkv", segment_seconds=1)
    assert {suffix: parts[suffix].read_bytes() for suffix in kept} == kept, "however the film is divided"


def test_the_thumbnail_shows_the_most_objects_and_is_not_black(s3, bucket, folder, monkeypatch):
    """Frame 40 has three objects. A black frame with four is worse."""
    found = {40: 3, 20: 4}
    source = folder / "black.mkv"
    black = "drawbox=c=black:t=fill:enable='eq(n,20)'"
    ffmpeg("-i", folder / "silent.mkv", "-vf", black, *H264, source)
    seen = []
    one = Reader.postprocess

    def several(self, heads, frame_size):
        seen.append(heads)
        return one(self, heads, frame_size) * found.get(len(seen) - 1, 1)

    monkeypatch.setattr(Reader, "preprocess", lambda self, frame: self.in_pipeline.append(0) or 0)
    monkeypatch.setattr(Reader, "postprocess", several)
    _, results = run(s3, bucket, source)
    cover = cv2.cvtColor(cv2.imread(str(results[".jpg"])), cv2.COLOR_BGR2YUV)[:, :, 0]
    likeness = [psnr(16 + cover * (219 / 255), drawn[:128]) for _, drawn in frames(results[".avi"])]
    assert int(np.argmax(likeness)) == 40


# ---------------------------------------------------------------- the manifest
def test_the_manifest_tells_the_content_of_each_result(s3, bucket, folder):
    for name, expected in (("loud.mkv", 10), ("silent.mkv", 6)):
        manifest, results = run(s3, bucket, folder / name)
        assert len(manifest.files) == expected == len(results) - 1
        assert tuple(file.key for file in manifest.files) == manifest.results
        for file in manifest.files:
            content = results[file.key.removeprefix(f"result/{Path(name).stem}")].read_bytes()
            assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
            stored = s3.head_object(Bucket=bucket, Key=file.key)
            assert stored["ContentType"] == file.media_type != "application/octet-stream"
        types = {file.key.rpartition(".")[2]: file.media_type for file in manifest.files}
        assert types["mp4"] == "video/mp4"
        assert types["jpg"] == "image/jpeg"


@pytest.mark.parametrize("outputs", [("mp4",), ("vtt", "json"), ("txt",), ("jpg",)])
def test_only_the_results_that_are_wanted_are_made(s3, bucket, folder, outputs):
    suffixes = {"mp4": {".mp4"}, "vtt": {".vtt"}, "json": {".transcript.json"}, "txt": {".txt"}}
    suffixes["jpg"] = {".jpg", ".contact.jpg"}
    run(s3, bucket, folder / "loud.mkv")  # results of an earlier run go
    _, results = run(s3, bucket, folder / "loud.mkv", choices=Choices(outputs=(*ALWAYS, *outputs)))
    always = {".avi", ".srt", ".detections.jsonl", ".json"}
    assert set(results) == always.union(*(suffixes[output] for output in outputs))
    assert tuple(output for output in OUTPUTS if output in (*ALWAYS, *outputs)) == (*ALWAYS, *outputs)


@pytest.mark.parametrize("older", [{}, {"outputs": ["avi", "srt"]}], ids=["before other outputs", "beside choices"])
def test_a_report_of_an_older_version_is_still_merged(s3, bucket, folder, older):
    """Its segments have an AVI and detections, and no sums of them."""
    store, path = ObjectStore(bucket, s3), folder / "silent.mkv"
    manifest, _ = run(s3, bucket, path, choices=Choices(outputs=ALWAYS))
    video = VideoRef(bucket, "start/silent.mkv", manifest.execution)
    media = store.read(video.media_json, MediaReport).to_dict()
    del media["choices"]["outputs"]
    store.write_json(video.media_json, media | older)
    segment = store.read(video.part_json("yolov3", 0), SegmentReport).to_dict()
    del segment["files"]
    store.write_json(video.part_json("yolov3", 0), segment)
    again = merge.run(video, StepContext(store, "batch", settings=SETTINGS, start=with_detector(Reader))).manifest
    assert again.results == manifest.results
    assert [file.sha256 for file in again.files][1] == manifest.files[1].sha256


def test_every_time_of_the_cues_is_in_order(s3, bucket, folder):
    _, results = run(s3, bucket, folder / "loud.mkv")
    cues = pysubs2.load(str(results[".vtt"]))
    assert all(one.end <= other.start for one, other in pairwise(cues))
