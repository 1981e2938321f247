"""Files of detections get their tracks."""

import itertools
import json
import tracemalloc

import pytest

from avflow.errors import MediaAnswerInvalid
from avflow.tracking import track_file


def line(frame, *objects, rate=25):
    found = [{"class": name, "confidence": 0.8, "box": list(box)} for name, box in objects]
    return {"frame": frame, "time": round(frame / rate, 6), "objects": found}


def walk(frames=range(20)):
    """A person who walks, and a dog that comes at frame 3 and is missed on each third frame."""
    for n in frames:
        dog = [("dog", (300 - 2 * n, 200, 40, 30))] if n >= 3 and n % 3 else []
        yield line(n, ("person", (10 + 2 * n, 50, 30, 80)), *dog)


def write(path, lines):
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines), encoding="utf-8")
    return path


def tracked(tmp_path, *files, **options):
    target = tmp_path / "out.jsonl"
    done = track_file([write(tmp_path / f"{n}.jsonl", lines) for n, lines in enumerate(files)], target, **options)
    return done, [json.loads(each) for each in target.read_bytes().splitlines()]


def test_each_object_gets_the_number_of_its_track(tmp_path):
    done, lines = tracked(tmp_path, walk())
    assert [[(each["class"], each["track"]) for each in found["objects"]] for found in lines] == [
        [("person", 1)] + ([("dog", 2)] if n >= 3 and n % 3 else []) for n in range(20)
    ]
    assert (done.frames, done.unique) == (20, {"person": 1, "dog": 1})


@pytest.mark.parametrize("cuts", [[10], [1], [4, 5, 13]])
def test_tracks_run_across_the_seams_of_segments(tmp_path, cuts):
    edges = [0, *cuts, 20]
    parts = [list(walk(range(a, b))) for a, b in itertools.pairwise(edges)]
    assert tracked(tmp_path, *parts) == tracked(tmp_path, walk())


def test_nothing_else_of_a_line_changes(tmp_path):
    lines = [line(n, ("狗 \u0085=1", (10.5, 50, 30, 80)), ("dog", (400 * n, 5, 9.1, 9))) for n in range(3)]
    lines[1]["objects"][0]["later"] = {"kept": [1, None]}
    _, found = tracked(tmp_path, lines)
    for each in found:
        assert each["objects"][0].pop("track") == 1
    assert found == lines, "and what is seen once has no track"


def test_numbers_are_in_the_order_in_which_objects_appear(tmp_path):
    """The first needs more frames to be believed than the second."""
    lines = [line(n, ("cat", (10, 50, 30, 80)), *([("dog", (300, 50, 30, 80))] if n else [])) for n in range(6)]
    for each in lines:
        each["objects"][0]["confidence"] = 0.25
    _, found = tracked(tmp_path, lines)
    assert {(each["class"], each["track"]) for row in found for each in row["objects"]} == {("cat", 1), ("dog", 2)}


def test_a_film_of_one_frame_shows_each_object_once(tmp_path):
    done, found = tracked(tmp_path, [line(0, ("dog", (1, 2, 30, 40)), ("cat", (100, 2, 30, 40)))])
    assert [each["track"] for each in found[0]["objects"]] == [1, 2]
    assert done.unique == {"dog": 1, "cat": 1}


def test_a_class_whose_objects_were_seen_once_has_none(tmp_path):
    done, _ = tracked(tmp_path, [line(0, ("dog", (1, 2, 30, 40))), line(1)])
    assert done.unique == {"dog": 0}


@pytest.mark.parametrize("lines", [[], [line(0), line(1)]], ids=["no frames", "no objects"])
def test_nothing_to_track(tmp_path, lines):
    done, found = tracked(tmp_path, lines)
    assert (done.frames, done.unique, found) == (len(lines), {}, lines)


@pytest.mark.parametrize("confidence", [0.8, 0.01], ids=["sure", "never sure"])
def test_memory_does_not_grow_with_the_film(tmp_path, confidence):
    """New objects come all the time. At 1000 frames a second many frames wait until they are decided."""
    lines = [line(n, ("dog", (3000 * (n % 7) + 30 * (n // 70), 2, 30, 40)), rate=1000) for n in range(1200)]
    for each in lines:
        each["objects"][0]["confidence"] = confidence
    source, target = write(tmp_path / "long.jsonl", lines), tmp_path / "out.jsonl"
    tracemalloc.start()
    try:
        done, peak = track_file([source], target), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert done.frames == len(target.read_text().splitlines()) == 1200
    assert peak < 0.8e6, "all lines together are 1.6 MB"


def test_progress_goes_to_the_end_and_stops_the_work(tmp_path):
    told = []
    tracked(tmp_path, walk(), seconds=0.8, report=told.append)
    assert (told[-1].step, told[-1].done, told[-1].total, told[-1].unit) == ("track", 0.8, 0.8, "seconds")

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tracked(tmp_path, walk(), report=stop)


GOOD = '{"class": "dog", "confidence": 0.5, "box": [1, 2, 3, 4]}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[1]",
        '{"frame": 0, "time": 0.0}',
        '{"frame": "0", "time": 0.0, "objects": []}',
        '{"frame": 0, "time": NaN, "objects": []}',
        '{"frame": 0, "time": -1, "objects": []}',
        '{"frame": 1, "time": 0, "objects": {}}',
        '{"frame": -1, "time": 0, "objects": []}',
        '{"frame": 0, "time": 0, "objects": [7]}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace("2", "NaN")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace("2", "1e999")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace("3", "-3")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace(", 4", "")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace("0.5", "2")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace("0.5", "null")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace(chr(34) + "dog" + chr(34), "7")}]}}',
        f'{{"frame": 0, "time": 0, "objects": [{GOOD.replace("dog", chr(92) + "ud800")}]}}',
        "[" * 100_000,
    ],
)
def test_what_no_detector_writes_is_named(tmp_path, text):
    (tmp_path / "bad.jsonl").write_text(f"{text}\n")
    with pytest.raises(MediaAnswerInvalid, match="detections on frame 0 are not as the detector writes them"):
        track_file([tmp_path / "bad.jsonl"], tmp_path / "out.jsonl")


@pytest.mark.parametrize("second", [line(0), line(1) | {"time": 0.0}, line(1, rate=-25)])
def test_frames_that_go_back_are_named(tmp_path, second):
    with pytest.raises(MediaAnswerInvalid, match="detections on frame 1"):
        tracked(tmp_path, [line(0)], [second])
