"""How the probe finds the size of a video whose size changes in the middle."""

from __future__ import annotations

from fractions import Fraction

import pytest

from avflow.media import conversion_reasons, probe
from avflow.media.shapes.headers import Vp9Sizes, vp9_size
from tests.geometry_samples import AV1, H264_TS, H265, MPEG2, MPEG4, VP8, VP9, in_sections
from tests.media_samples import pattern


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.ts", H264_TS),
        ("v.mkv", H264_TS),
        ("v.mp4", H264_TS),
        ("v.h264", H264_TS),
        ("v.ts", H265),
        ("v.mkv", H265),
        ("v.webm", VP8),
        ("v.webm", VP9),
        ("v.webm", AV1),
        ("v.ts", MPEG2),
        ("v.ts", MPEG4),
    ],
)
@pytest.mark.parametrize("longest", [0, 1, 2])
def test_the_longest_section_gives_the_size(tmp_path, name, codec, longest):
    sizes = [(160, 96), (96, 160), (128, 128)]
    seconds = [2.0 if number == longest else 1.0 for number in range(3)]
    sections = [(pattern(length, size=f"{w}x{h}"), length) for (w, h), length in zip(sizes, seconds, strict=True)]
    found = probe(in_sections(tmp_path, name, codec, *sections)).video
    assert (found.width, found.height) == (found.display_width, found.display_height) == sizes[longest]
    assert found.size_changes
    assert found.frames == 100


@pytest.mark.parametrize("codec", [H264_TS, VP8, MPEG2])
def test_another_header_with_the_same_size_is_no_change(tmp_path, codec):
    name = "v.webm" if codec == VP8 else "v.ts"
    found = probe(in_sections(tmp_path, name, codec, (pattern(1), 1), (pattern(2) + ",hue=h=90", 2))).video
    assert (found.width, found.height, found.size_changes, found.sections) == (160, 120, False, ())


@pytest.mark.parametrize("codec", [H264_TS, MPEG2])
def test_a_broadcast_that_changes_to_widescreen(tmp_path, codec):
    """Same size as stored, another sample aspect ratio."""
    stored = "720x576"
    sections = (pattern(1, size=stored) + ",setsar=16/15", 1), (pattern(2, size=stored) + ",setsar=64/45", 2)
    film = in_sections(tmp_path, "v.ts", codec, *sections)
    media = probe(film)
    found = media.video
    assert (found.display_width, found.display_height) == (1024, 576)
    assert [section.sample_aspect_ratio for section in found.sections] == [Fraction(16, 15), Fraction(64, 45)]
    assert [section.start for section in found.sections] == [0, pytest.approx(1, abs=0.05)]
    assert "non-square pixels" in conversion_reasons(media)


def test_vp9_sizes_of_inter_frames():
    """VP9 changes size without a keyframe: a frame takes its size from a reference, or says it itself."""
    sizes = Vp9Sizes()

    def bits(*fields: tuple[int, int]) -> bytes:
        text = "".join(f"{value:0{width}b}" for value, width in fields)
        return int(text.ljust(256, "0"), 2).to_bytes(32)

    key = [(2, 2), (0, 2), (0, 1), (0, 1), (1, 1), (0, 1), (0x498342, 24), (1, 3), (0, 1), (639, 16), (359, 16)]
    inter = [(2, 2), (0, 2), (0, 1), (1, 1), (1, 1), (0, 1), (0, 2), (1, 8), *[(0, 3), (0, 1)] * 3]
    assert vp9_size(sizes.read(bits(*key))) == (640, 360)
    assert vp9_size(sizes.read(bits(*inter, (0, 3), (319, 16), (179, 16)))) == (320, 180)
    assert vp9_size(sizes.read(bits(*inter, (1, 1)))) == (320, 180)  # of reference 0, which it replaced
    assert vp9_size(sizes.read(bits((2, 2), (0, 2), (1, 1), (7, 3)))) == (640, 360)  # shows reference 7
    assert vp9_size(sizes.read(b"")) == (640, 360)
