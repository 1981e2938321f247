"""One stream that can't be decoded, is damaged, empty or late: it does not cost the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, AC3, H264, MJPEG, MP2, MP3, MPEG2, OPUS, PCM, VORBIS, VP8, Film, ffmpeg, record
from tests.corpus.kinds.common import FRAGMENTS, GARDEN

MARKS = (0.52, 4.4)
FILM = Film(seconds=5, flashes=MARKS, beeps=MARKS, said={0.8: GARDEN})
Edit = Callable[[bytes], bytes]
AUDIBLE = "sound|audio"
VISIBLE = "picture|video"


def edited(
    suffix: str, edit: Edit, video: Sequence[str] = H264, audio: Sequence[str] = AAC, options: Sequence[str] = ()
) -> Callable[[Path], Path]:
    """A recipe: a film whose bytes are edited."""

    def make(folder: Path) -> Path:
        path = record(folder / f"film.{suffix}", FILM, video, audio, *options)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return make


def renamed(old: bytes, new: bytes, times: int = 1) -> Edit:
    """An edit: another name of a codec, of the same length."""
    assert len(old) == len(new)

    def edit(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, times)

    return edit


def _sound_renamed(name: bytes) -> Edit:
    """An edit: another codec of the sound of an MP4, whose set-up (`esds`) no longer tells it either."""
    return lambda data: renamed(b"esds", b"xsds")(renamed(b"mp4a", name)(data))


def zeroed(
    suffix: str,
    kind: str,
    share: tuple[float, float],
    video: Sequence[str] = H264,
    audio: Sequence[str] = AAC,
    options: Sequence[str] = (),
) -> Callable[[Path], Path]:
    """A recipe: a film with zeros in the packets of one kind of stream, between two shares of their number."""

    def make(folder: Path) -> Path:
        path = record(folder / f"film.{suffix}", FILM, video, audio, *options)
        data = bytearray(path.read_bytes())
        with av.open(str(path)) as container:
            packets = [p for p in container.demux(**{kind: 0}) if p.size]
            some = packets[int(share[0] * len(packets)) : int(share[1] * len(packets))]
            for place, content in [(packet.pos or 0, bytes(packet)) for packet in some]:
                tail = content[-64:]  # Matroska may leave out a common beginning
                at = data.find(tail, place)
                assert at >= 0, "the container divides packets"
                end = at + len(tail)
                data[max(place, end - len(content)) : end] = bytes(end - max(place, end - len(content)))
        path.write_bytes(bytes(data))
        return path

    return make


BOXES_ONLY = Right(frames=125, slack=1, seconds=5, pictures=range(125), flashes=MARKS, sound=False, warns=AUDIBLE)
WORDS_ONLY = Right(video=False, said={0.8: GARDEN}, warns=VISIBLE)
EVERYTHING = Right(frames=125, slack=1, seconds=5, pictures=range(125), marks=MARKS, said={0.8: GARDEN})


def _case(id: str, what: str, make: Callable[[Path], Path], right: Right, quick: bool = False) -> Case:
    return Case(f"stream-{id}", what, make, right, quick)


SOUND = (
    _case(
        "mkv-unknown-sound",
        "Matroska, sound of a codec nobody decodes",
        edited("mkv", renamed(b"A_AAC", b"A_XAC")),
        BOXES_ONLY,
        quick=True,
    ),
    _case(
        "webm-unknown-sound",
        "WebM, sound of a codec nobody decodes",
        edited("webm", renamed(b"A_OPUS", b"A_XPUS"), VP8, OPUS),
        BOXES_ONLY,
    ),
    _case(
        "mp4-unknown-sound",
        "MP4, sound of a codec nobody decodes (apac)",
        edited("mp4", _sound_renamed(b"apac")),
        BOXES_ONLY,
        quick=True,
    ),
    _case("mp4-ac4", "MP4, sound in AC-4", edited("mp4", _sound_renamed(b"ac-4")), BOXES_ONLY),
    _case(
        "mov-unknown-sound",
        "QuickTime, sound of a codec nobody decodes",
        edited("mov", renamed(b"sowt", b"XyZ1"), audio=PCM),
        BOXES_ONLY,
    ),
    _case(
        "avi-unknown-sound",
        "AVI, sound of an unknown format",
        edited("avi", lambda data: _after_last(data, b"strf", 4, b"\x77\x66"), MJPEG, PCM),
        BOXES_ONLY,
    ),
    _case("mkv-zero-sound", "Matroska, all of its sound zeros", zeroed("mkv", "audio", (0, 1)), BOXES_ONLY),
    _case("mp4-zero-sound", "MP4, all of its sound zeros", zeroed("mp4", "audio", (0, 1), audio=MP3), BOXES_ONLY),
    _case(
        "mp4-part-sound",
        "MP4, a fifth of its sound zeros",
        zeroed("mp4", "audio", (0.88, 0.98)),
        Right(
            frames=125, slack=1, pictures=range(125), flashes=MARKS[1:], beeps=(), marks=MARKS[:1], said={0.8: GARDEN}
        ),
    ),
    _case("mp4-protected-sound", "MP4, protected sound", edited("mp4", _sound_renamed(b"enca")), BOXES_ONLY),
    _case(
        "mkv-empty-sound",
        "Matroska, a track of sound without a packet",
        lambda folder: _empty(folder, "mkv", "a"),
        BOXES_ONLY,
    ),
    _case(
        "mp4-empty-sound",
        "MP4, made without a packet of sound",
        lambda folder: _empty(folder, "mp4", "a"),
        Right(frames=125, slack=1, pictures=range(125), flashes=MARKS, sound=False, warns=""),
    ),
    _case(
        "bad-setup-sound",
        "Matroska, damaged set-up of the Vorbis sound",
        edited("mkv", renamed(b"\x05vorbis", b"\x05vurbis"), audio=VORBIS),
        BOXES_ONLY,
    ),
)


def _only_sound(folder: Path) -> Path:
    path = record(folder / "sound.mka", FILM, None, AAC)
    path.write_bytes(renamed(b"A_AAC", b"A_XAC")(path.read_bytes()))
    return path


PICTURE = (
    _case(
        "mkv-unknown-picture",
        "Matroska, a picture of a codec nobody decodes",
        edited("mkv", renamed(b"V_MPEG4/ISO/AVC", b"V_XPEG9/ISO/AVX")),
        WORDS_ONLY,
        quick=True,
    ),
    _case(
        "webm-unknown-picture",
        "WebM, a picture of a codec nobody decodes",
        edited("webm", renamed(b"V_VP8", b"V_XP8"), VP8, OPUS),
        WORDS_ONLY,
    ),
    _case(
        "mp4-unknown-picture",
        "MP4, a picture of a codec nobody decodes",
        edited("mp4", renamed(b"avc1", b"xvc9", 9)),
        WORDS_ONLY,
    ),
    _case("mp4-protected-picture", "MP4, a protected picture", edited("mp4", renamed(b"avc1", b"encv", 9)), WORDS_ONLY),
    _case(
        "avi-unknown-picture",
        "AVI, a picture of an unknown codec",
        edited("avi", renamed(b"MJPG", b"XyZ9", 9), MJPEG, PCM),
        WORDS_ONLY,
    ),
    _case(
        "mkv-empty-picture",
        "Matroska, a track of video without a packet",
        lambda folder: _empty(folder, "mkv", "v"),
        WORDS_ONLY,
    ),
    _case("mkv-zero-picture", "Matroska, all of its picture zeros", zeroed("mkv", "video", (0, 1)), WORDS_ONLY),
    _case(
        "mp4-zero-picture",
        "MP4, all of its picture zeros",
        zeroed("mp4", "video", (0, 1), options=("-bf", "0")),
        WORDS_ONLY,
    ),
    _case(
        "both-unknown",
        "Matroska, neither can be decoded",
        edited("mkv", lambda data: renamed(b"V_MPEG4/ISO/AVC", b"V_XPEG9/ISO/AVX")(renamed(b"A_AAC", b"A_XAC")(data))),
        Right(errors=("InvalidMediaUnreadable", "InvalidMediaDamaged", "InvalidMediaNoStreams")),
    ),
    _case(
        "only-unknown-sound",
        "Matroska with only sound, of a codec nobody decodes",
        _only_sound,
        Right(errors=("InvalidMediaUnreadable", "InvalidMediaDamaged", "InvalidMediaNoStreams")),
    ),
)


def _without_packets(data: bytes) -> bytes:
    """A transport stream without 3 of its packets of 188 bytes in the middle."""
    middle = len(data) // 188 * 3 // 5 * 188
    return data[:middle] + data[middle + 3 * 188 :]


BOTH = (
    _case("flv", "FLV", lambda folder: record(folder / "film.flv", FILM), EVERYTHING),
    _case("ts-ac3", "transport stream, AC-3", lambda folder: record(folder / "film.ts", FILM, MPEG2, AC3), EVERYTHING),
    _case("ts-mp2", "transport stream, MP2", lambda folder: record(folder / "film.ts", FILM, MPEG2, MP2), EVERYTHING),
    _case(
        "fmp4", "fragmented MP4", lambda folder: record(folder / "film.mp4", FILM, H264, AAC, *FRAGMENTS), EVERYTHING
    ),
    _case(
        "damaged-ts",
        "transport stream with lost packets",
        edited("ts", _without_packets),
        Right(seconds=5, seconds_within=0.3, anywhere=True, said={0.8: GARDEN}),
    ),
)


def _after_last(data: bytes, mark: bytes, skip: int, field: bytes) -> bytes:
    at = data.rindex(mark) + len(mark) + skip
    return data[:at] + field + data[at + len(field) :]


def _empty(folder: Path, suffix: str, kind: str) -> Path:
    source = record(folder / "source.nut", FILM)
    target = folder / f"film.{suffix}"
    ffmpeg("-i", source, "-map", "0", "-c", "copy", f"-bsf:{kind}", "noise=drop=1", target)
    source.unlink()
    return target


KIND = Kind(
    "One bad stream",
    "What can't be decoded is left out with a warning; the other stream comes out whole.",
    (*SOUND, *PICTURE, *BOTH),
)
