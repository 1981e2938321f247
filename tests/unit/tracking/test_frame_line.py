"""Lines are read and written alike, whether they are split or parsed."""

import json
import random
from fractions import Fraction

import pytest

from avflow.annotation.detections import detections_line
from avflow.detection import Detection
from avflow.tracking.frame_line import parse_line, read_line, split_line

BOX = (12.34, -3.0, 40, 90.06)


def of_detector(*names, frame=7, **options):
    found = [Detection(0, name, 0.9 - n / 10, BOX) for n, name in enumerate(names)]
    return detections_line(frame, Fraction(30000, 1001), found, **options).encode()


USUAL = [
    of_detector(),
    of_detector("dog"),
    of_detector("traffic light", "狗 [1]}, {", "person", interpolated=True),
    of_detector("dog", frame=0),
    detections_line(1, Fraction(25), [Detection(0, "dog", 1.0, (0, 0, 0, 0))]).encode(),
]
TRACKS = [3, None, 12]


@pytest.mark.parametrize("line", USUAL, ids=range(len(USUAL)))
def test_what_the_detector_writes_is_split_and_nothing_else_of_it_changes(line):
    split, parsed = split_line(line.decode()), parse_line(line)
    assert split is not None
    assert split[:3] == parsed[:3]
    tracks = TRACKS[: len(split.objects)]
    written = json.loads(split.text.with_tracks(tracks))
    assert [each.pop("track", None) for each in written["objects"]] == tracks
    assert written == json.loads(line)
    assert split.text.with_tracks(tracks) == parsed.text.with_tracks(tracks)


@pytest.mark.parametrize(
    "line",
    [
        USUAL[1].replace(b"dog", b'd\\"g'),
        USUAL[1].replace(b'"class"', b'"later": 1, "class"'),
        USUAL[1].replace(b"]}]", b'], "track": 5}]'),
        USUAL[1].replace(b", ", b","),
        USUAL[1].replace(b"40", b"4e1"),
        USUAL[1].strip(),
    ],
    ids=["escape", "another key", "a track", "no spaces", "exponent", "no end"],
)
def test_another_line_is_parsed(line):
    assert split_line(line.decode()) is None
    written = json.loads(read_line(line).text.with_tracks([4]))
    expected = json.loads(line)
    expected["objects"][0]["track"] = 4
    assert written == expected


def test_a_spoiled_line_is_never_read_in_two_ways():
    """One or two bytes of a usual line are another one, are missing, or come twice."""
    chance = random.Random(3)
    split = refused = 0
    others = [b"", *(bytes([each]) for each in b'"]}-.07 ')]
    for _ in range(20_000):
        line = bytearray(chance.choice(USUAL))
        for _ in range(chance.choice((1, 1, 2))):
            place = chance.randrange(len(line))
            line[place : place + chance.randrange(2)] = chance.choice(others)
        try:
            parsed = parse_line(bytes(line))
        except (KeyError, TypeError, ValueError):
            with pytest.raises((KeyError, TypeError, ValueError)):
                read_line(bytes(line))
            refused += 1
            continue
        read = read_line(bytes(line))
        assert read[:3] == parsed[:3]
        tracks = [5] * len(read.objects)
        assert json.loads(read.text.with_tracks(tracks)) == json.loads(parsed.text.with_tracks(tracks))
        split += read.text.__class__ is not parsed.text.__class__
    assert split > 1000
    assert refused > 1000
