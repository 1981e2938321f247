"""The tracker on scenes with known identities, and on what is out of the ordinary."""

import time

import motmetrics
import numpy as np
import pytest

from avflow.tracking import Sighting, Tracker
from benchmarks.identities import Identities, cheapest, measure
from benchmarks.tracking import tracked
from benchmarks.tracking_scenes import Difficulty, overlap, scene

BOX = (100.0, 100.0, 50.0, 80.0)


def shown(tracker, frames, rate=25.0):
    """The tracks of each frame's objects, by the order in which they appeared; None for those without one."""
    rows = [tracker.update(number / rate, objects) for number, objects in enumerate(frames)]
    tracker.finish()
    order = {}
    return [[order.setdefault(id(t), len(order)) if t and t.confirmed else None for t in row] for row in rows]


def moving(*starts, frames=50, step=4.0, size=(50.0, 80.0), class_name="person", confidence=0.8):
    """Frames with one object for each (left, top, direction)."""
    return [
        [Sighting(class_name, confidence, (left + d * step * n, top, *size)) for left, top, d in starts]
        for n in range(frames)
    ]


# ---------------------------------------------------------------- scenes
@pytest.mark.parametrize(
    ("rate", "hard", "least", "switches"),
    [
        (5, Difficulty(), 0.87, 4),
        (10, Difficulty(), 0.90, 4),
        (25, Difficulty(), 0.90, 4),
        (60, Difficulty(), 0.90, 6),
        (10, Difficulty(objects=30), 0.90, 6),
        (25, Difficulty(speed=180, shake=6), 0.87, 4),
    ],
    ids=["5 frames/s", "10 frames/s", "25 frames/s", "60 frames/s", "a crowd", "fast"],
)
def test_identities_last(rate, hard, least, switches):
    found = measure(tracked(list(scene(rate, 15, 5, hard))))
    assert found.idf1 >= least
    assert found.switches <= switches
    assert abs(found.tracks - found.objects) <= 0.15 * found.objects


@pytest.mark.parametrize("rate", [5.0, 10.0, 25.0, 60.0])
def test_two_who_cross_keep_their_tracks(rate):
    """They pass each other at 80 pixels a second, a third of their height apart."""
    frames = moving((0, 100, 1), (300, 130, -1), frames=round(4 * rate), step=80 / rate)
    assert shown(Tracker(), frames, rate) == [[0, 1]] * len(frames)


@pytest.mark.parametrize("rate", [5.0, 10.0, 25.0, 60.0])
@pytest.mark.parametrize(("hidden", "tracks"), [(0.4, {0}), (1.0, {0}), (1.6, {0, 1})])
def test_an_object_is_the_same_after_a_second_out_of_sight(rate, hidden, tracks):
    frames = moving((0, 100, 1), frames=round(5 * rate), step=60 / rate)
    for number in range(round(2 * rate), round((2 + hidden) * rate)):
        frames[number] = []
    rows = shown(Tracker(), frames, rate)
    assert {track for row in rows for track in row} == tracks
    assert [len(row) for row in rows] == [len(frame) for frame in frames]


def test_what_is_half_hidden_keeps_its_track():
    frames = moving((0, 100, 1))
    for number in range(20, 30):
        frames[number] = [Sighting("person", 0.3, frames[number][0].box)]
    assert shown(Tracker(), frames) == [[0]] * 50


# ---------------------------------------------------------------- which objects have a track
def test_only_one_class_is_matched():
    frames = [[Sighting(("cat", "dog")[n // 25], 0.8, BOX)] for n in range(50)]
    assert shown(Tracker(), frames) == [[0]] * 25 + [[1]] * 25


@pytest.mark.parametrize(("confidence", "frames"), [(0.9, 2), (0.5, 2), (0.34, 3), (0.25, 4), (0.1, 10)])
def test_the_less_confident_the_more_frames_are_needed(confidence, frames):
    seen = [[Sighting("dog", confidence, BOX)]]
    assert shown(Tracker(), seen * (frames - 1)) == [[None]] * (frames - 1)
    assert shown(Tracker(), seen * frames) == [[0]] * frames


def test_what_is_seen_once_has_no_track():
    frames = [[Sighting("dog", 0.9, (100.0 * n, 100.0, 50.0, 50.0))] for n in range(20)]
    assert shown(Tracker(), frames) == [[None]] * 20


# ---------------------------------------------------------------- out of the ordinary
def test_frames_without_objects():
    assert shown(Tracker(), [[]] * 5) == [[]] * 5


def test_boxes_without_an_area_have_no_track():
    flat = [Sighting("dog", 0.9, (10.0, 10.0, 0.0, 0.0)), Sighting("dog", 0.9, (10.0, 10.0, 50.0, 0.0))]
    assert shown(Tracker(), [flat] * 5) == [[None, None]] * 5


def test_thousands_of_objects_take_seconds_and_not_minutes():
    """The last frame has more than are looked at."""
    grid = [(12.0 * column, 12.0 * row, 10.0, 10.0) for column in range(40) for row in range(50)]
    crowd = [Sighting("bird", round(0.9 - n / 10_000, 4), box) for n, box in enumerate(grid)]
    began = time.process_time()
    rows = shown(Tracker(), [crowd[:1000], crowd])
    assert rows == [list(range(1000)), [*range(1000), *[None] * 1000]]
    same_place = Tracker()
    for number in range(3):  # nothing that non-maximum suppression leaves
        same_place.update(number / 25, [Sighting("bird", 0.9, BOX)] * 200)
    assert time.process_time() - began < 10


def test_too_many_boxes_in_one_place_do_not_make_pairs_without_end():
    """1000 for each track: 100 tracks find theirs, and the objects of the others count as new ones."""
    frame = [Sighting("bird", 0.9, BOX)] * 1000
    tracker = Tracker()
    first, second = tracker.update(0.0, frame), tracker.update(0.04, frame)
    assert len({id(track) for track in first} & {id(track) for track in second}) == 100
    assert len({id(track) for track in second}) == 1000


def test_the_same_detections_give_the_same_tracks():
    frames = [list(map(_sighting, frame.seen)) for frame in scene(25, 5)]
    assert shown(Tracker(), frames) == shown(Tracker(), frames)


def _sighting(seen):
    return Sighting(seen.class_name, seen.confidence, seen.box)


# ---------------------------------------------------------------- the measure itself
def test_idf1_of_a_case_that_was_counted_by_hand():
    """A is track 1 on frames 0 to 5 and track 2 on 6 to 9, B is never seen, and track 3 is nothing, on 4 frames.

    IDTP = 6 (A with track 1), IDFN = 4 + 10, IDFP = 4 + 4: 2 * 6 / (2 * 6 + 14 + 8).
    """
    a, b, nothing = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 10.0, 10.0), (90.0, 0.0, 10.0, 10.0)
    frames = [({1: a, 2: b}, {1 if n < 6 else 2: a} | ({3: nothing} if n < 4 else {})) for n in range(10)]
    assert measure(frames) == Identities(pytest.approx(12 / 34), 1, 2, 3)


def test_idf1_is_that_of_motmetrics():
    pairs = list(tracked(list(scene(10, 10, 3, Difficulty(objects=20, misses=0.2, jitter=0.1)))))
    theirs = motmetrics.MOTAccumulator(auto_id=True)
    for truth, found in pairs:
        distances = [[1 - overlap(box, other) for other in found.values()] for box in truth.values()]
        distances = np.array(distances, dtype=float).reshape(len(truth), len(found))
        theirs.update(list(truth), list(found), np.where(distances > 0.5, np.nan, distances))
    counted = motmetrics.metrics.create().compute(theirs, metrics=["idf1", "num_switches", "num_unique_objects"])
    ours = measure(pairs)
    assert ours.idf1 < 0.9
    assert ours.idf1 == pytest.approx(counted["idf1"].item(), abs=1e-9)
    assert ours.switches == pytest.approx(counted["num_switches"].item(), abs=2), "theirs pairs by the least distance"
    assert ours.objects == counted["num_unique_objects"].item()


def test_the_cheapest_assignment_is_not_the_greedy_one():
    assert cheapest([[1, 2, 9], [1, 9, 9]]) == [1, 0]
    assert cheapest([[4, 1, 3], [2, 0, 5], [3, 2, 2]]) == [1, 0, 2]
    assert cheapest([]) == []
