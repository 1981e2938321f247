"""A video that is drawn later is the one that is drawn at once, frame by frame, and shows what was not known before."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from avflow.annotation.burning import BurntSubtitles
from avflow.annotation.labels import LabelStyle
from avflow.annotation.pipeline import Extras, annotate_video
from avflow.annotation.rendering import render_video
from avflow.errors import FFmpegFailed, MediaAnswerInvalid
from avflow.ffmpeg.text_pictures import TextPicture
from avflow.media import probe
from avflow.speech.subtitles import Cue
from tests.media_samples import H264, NUMBERED, ffmpeg, lavfi, rgb_frames
from tests.number_reader import NumberReader
from tests.unit.annotation.test_drawing import grey, pixels

ROOT = Path(__file__).parents[3]
FRAMES = 60
CLASSES = {"even": 0, "odd": 0}


class Between(NumberReader):
    """The box of each frame lies between pixels, where rounding twice could move it."""

    def postprocess(self, heads, frame_size):
        (found,) = super().postprocess(heads, frame_size)
        left = found.box[0] + 0.459 + heads / 1000
        return [type(found)(0, found.class_name, 0.12345 + heads / 200, (left, 100.46, 12.04, 20.06))]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "v.mkv"
    ffmpeg(*lavfi(NUMBERED.format(rate="30000/1001")), "-frames:v", str(FRAMES), *H264, "-bf", "2", path)
    return path


def extras(folder):
    return Extras(folder / "v.mp4", folder / "v.zip")


def pictures(path):
    with ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def lines(film, tmp_path_factory):
    """The detections, without any video."""
    folder = tmp_path_factory.mktemp("lines")
    done = annotate_video(film, probe(film).video, Between(), None, folder / "found.jsonl")
    assert [path.name for path in folder.iterdir()] == ["found.jsonl"]
    assert (done.frames, done.class_ids) == (FRAMES, CLASSES)
    return folder / "found.jsonl"


def rendered(film, lines, folder, *, labels="confidence", **options):
    return render_video(
        film, probe(film).video, lines, folder / "v.avi",
        class_ids=CLASSES, extras=extras(folder), labels=LabelStyle(labels), **options,
    )  # fmt: skip


@pytest.mark.parametrize("labels", ["confidence", "class", "none"])
def test_it_is_the_same_film_byte_for_byte(film, lines, tmp_path, labels):
    early, late = tmp_path / "early", tmp_path / "late"
    early.mkdir()
    late.mkdir()
    at_once = annotate_video(
        film, probe(film).video, Between(), early / "v.avi", early / "found.jsonl",
        extras=extras(early), labels=LabelStyle(labels),
    )  # fmt: skip
    assert (early / "found.jsonl").read_bytes() == lines.read_bytes()
    assert rendered(film, lines, late, labels=labels) == at_once
    assert (late / "v.avi").read_bytes() == (early / "v.avi").read_bytes()
    assert (late / "v.mp4").read_bytes() == (early / "v.mp4").read_bytes()
    assert pictures(late / "v.zip") == pictures(early / "v.zip")


def test_a_label_shows_the_track(film, lines, tmp_path):
    tracked = tmp_path / "tracked.jsonl"
    with tracked.open("w") as file:
        for text in lines.read_text().splitlines():
            line = json.loads(text)
            line["objects"][0] |= {"track": 7} if line["frame"] < 30 else {}
            file.write(json.dumps(line) + "\n")
    frames = {}
    for kind, found in (("track", tracked), ("class", tracked)):
        folder = tmp_path / kind
        folder.mkdir()
        rendered(film, found, folder, labels=kind)
        frames[kind] = rgb_frames(folder / "v.avi", 160, 128).astype(int)
    differ = [int((abs(one - other).max(axis=2) > 60).sum()) for one, other in zip(*frames.values(), strict=True)]
    assert min(differ[:30]) > 20, "the number stands behind the class"
    assert max(differ[31:]) < 20, "without a track, the label has the class only"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda lines: lines[:-1], "frame 59 are missing"),
        (lambda lines: [*lines[:9], *lines[10:]], "frame 9 are missing"),
        (lambda lines: [*lines[:9], "{}", *lines[10:]], "frame 9 can't be drawn"),
        (lambda lines: [*lines[:9], lines[9].replace("odd", "unknown"), *lines[10:]], "frame 9 can't be drawn"),
    ],
    ids=["short", "gap", "no line", "class"],
)
def test_detections_that_are_not_of_this_film_leave_no_file(film, lines, tmp_path, spoil, told):
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("\n".join(spoil(lines.read_text().splitlines())) + "\n")
    with pytest.raises(MediaAnswerInvalid, match=told):
        rendered(film, wrong, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.jsonl"]


# ---------------------------------------------------------------- subtitles
RATE = Fraction(30000, 1001)
CUES = [Cue(0.5, 1.0, "one"), Cue(1.0, 1.5, "two")]


def square(luma):
    return TextPicture(20, 40, np.full((10, 30), luma, np.uint8), np.full((10, 30), 255, np.uint8))


def test_subtitles_are_there_from_their_first_to_their_last_frame(film, lines, tmp_path):
    plain, burnt = tmp_path / "plain", tmp_path / "burnt"
    plain.mkdir()
    burnt.mkdir()
    rendered(film, lines, plain)
    rendered(film, lines, burnt, overlay=BurntSubtitles(CUES, iter([square(235), square(126)]), RATE))
    before, after = (rgb_frames(folder / "v.avi", 160, 128).astype(int) for folder in (plain, burnt))
    shown = [round(float(frame[42:48, 24:46].mean())) for frame in after]
    for number, (value, frame, other) in enumerate(zip(shown, after, before, strict=True)):
        time = float(number / RATE)
        if 0.5 <= time < 1.5:
            assert value == pytest.approx(255 if time < 1.0 else 128, abs=12)
        else:
            assert abs(frame - other).max() < 80
    assert pictures(burnt / "v.zip") == pictures(plain / "v.zip"), "still pictures have none"


def test_a_subtitle_without_a_picture_is_an_error(film, lines, tmp_path):
    with pytest.raises(FFmpegFailed, match="drawn 1 of 2 subtitles"):
        rendered(film, lines, tmp_path, overlay=BurntSubtitles(CUES, iter([square(235)]), RATE))
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("cover", [0, 255])
def test_an_odd_frame_keeps_what_is_not_covered(cover):
    frame, expected = grey(41, 47), grey(41, 47)
    # the picture reaches over the right and the lower edge of the frame
    picture = TextPicture(20, 40, np.full((8, 22), 235 if cover else 16, np.uint8), np.full((8, 22), cover, np.uint8))
    shown = BurntSubtitles([Cue(0, 1, "x")], iter([picture]), Fraction(1)).at(0)
    shown.draw_on(frame)
    if cover:
        expected.luma[40:47, 20:41] = 235
    assert (pixels(frame) == pixels(expected)).all()


def test_a_cue_between_two_frames_is_passed_over():
    cues = [Cue(0.1, 0.4, "never"), Cue(1.0, 1.5, "shown"), Cue(1.6, 1.9, "never"), Cue(2.0, 3.0, "shown")]
    burnt = BurntSubtitles(cues, iter([square(16 + each) for each in range(4)]), Fraction(1))
    found = [burnt.at(number) for number in range(4)]
    assert [shown and round(float(shown.luma[0, 0])) for shown in found] == [None, 17, 19, None]


def test_drawing_loads_nothing_that_the_media_image_lacks():
    """It has OpenCV, and neither a detector's engine nor a converter of models (requirements/media-image.in)."""
    code = (
        "import sys; sys.modules.update(openvino=None, onnx=None)\n"
        "from avflow.annotation import burning, pipeline, rendering"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
