"""Files that consist of several recordings: every frame and sample comes out, in sync after each joint."""

from pathlib import Path

import pytest

from avflow.errors import InvalidMediaTruncated, InvalidMediaUnreadable
from avflow.ffmpeg import convert, extract_wav
from avflow.media import Media, conversion_reasons, probe
from avflow.media.clock.joining import is_appended, on_one_clock
from avflow.media.clock.recordings import find_recordings
from avflow.media.lengths import truncation
from tests.marking import some_slow
from tests.media_samples import H264, beeps, ffmpeg, flashes, heard_at, lavfi, pattern, seen_at, tone
from tests.unit.media.test_decodability import garbled
from tests.unit.media.test_late import starting_late

AAC = ("-c:a", "aac")
B_FRAMES = (*H264, "-bf", "2", "-g", "25", *AAC)
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
MPEG = ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2")
FRAGMENTS = (*H264, "-bf", "0", *AAC, "-movflags", "frag_keyframe+empty_moov+default_base_moof")
KINDS = {
    "webm": VP8,
    "mkv": B_FRAMES,
    "flv": B_FRAMES,
    "mp4": FRAGMENTS,
    "ts": B_FRAMES,
    "mpg": (*MPEG, "-f", "vob"),
    "ogv": ("-vf", "noise=alls=8:allf=t", "-c:v", "libtheora", "-c:a", "libvorbis"),
    "nut": B_FRAMES,
    "avi": ("-c:v", "mpeg4", "-c:a", "mp3"),
    "asf": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "mxf": ("-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000"),
}
AUDIO = {
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus"),
    "flac": ("-c:a", "flac"),
    "oga": ("-c:a", "flac"),
    "wav": ("-c:a", "pcm_s16le"),
    "mp3": ("-c:a", "mp3"),
    "ac3": ("-c:a", "ac3"),
}


def recording(path: Path, *codec: str, video: float = 2, audio: float = 2) -> Path:
    """A flash and a beep at 0.5 s; none if a length is 0."""
    sources = [flashes((0.52,), video)] * (video > 0) + [beeps((0.52,), audio)] * (audio > 0)
    ffmpeg(*lavfi(*sources), *codec, path)
    return path


def appended(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def results(source: Path, folder: Path) -> tuple[Media, list[int], list[float], list[float]]:
    """The description, and where flashes (frames) and beeps (seconds) are in the conversion and in the WAV."""
    path, media = on_one_clock(source, folder / "joined")
    seen, heard, spoken = [], [], []
    if media.audio:
        extract_wav(path, media, folder / "s.wav")
        spoken = heard_at(folder / "s.wav")
    if media.video:
        assert "joined recordings" in conversion_reasons(media)
        convert(path, media, folder / "out.avi")
        seen = seen_at(folder / "out.avi")
        heard = heard_at(folder / "out.avi") if media.audio else []
    return media, seen, heard, spoken


@pytest.mark.parametrize("kind", [some_slow(kind, "webm", "flv", "mp4") for kind in KINDS])
def test_every_recording_comes_out_in_sync(tmp_path, kind):
    one = recording(tmp_path / f"1.{kind}", *KINDS[kind])
    two = recording(tmp_path / f"2.{kind}", *KINDS[kind], audio=2.7)
    source = appended(tmp_path / f"v.{kind}", one, two, one)
    media, seen, heard, spoken = results(source, tmp_path)
    assert media.video.frames == 150
    assert media.container == probe(one).container
    assert media.size == source.stat().st_size
    assert media.duration == pytest.approx(2 * probe(one).duration + probe(two).duration, abs=0.1)
    assert len(seen) == 3
    for sounds in (heard, spoken):
        assert sounds == [pytest.approx(frame / 25, abs=0.05) for frame in seen]
    # the second joint waits for the longer sound
    assert (seen[2] - seen[1]) / 25 == pytest.approx(probe(two).duration, abs=0.1)


@pytest.mark.parametrize("kind", [some_slow(kind, "ogg", "wav") for kind in AUDIO])
def test_every_sound_of_an_audio_file_comes_out(tmp_path, kind):
    one = recording(tmp_path / f"1.{kind}", *AUDIO[kind], video=0)
    two = recording(tmp_path / f"2.{kind}", *AUDIO[kind], video=0, audio=3)
    media, _, _, spoken = results(appended(tmp_path / f"v.{kind}", one, two, one), tmp_path)
    # an encoder's delay adds up in formats that don't mark it
    assert spoken == [pytest.approx(at, abs=0.15) for at in (0.52, 2.52, 5.52)]
    assert media.duration == pytest.approx(7, abs=0.2)


def test_recordings_may_differ_in_size_and_sound(tmp_path):
    """H.264's parameters are outside of the stream in FLV, and change from one recording to the next."""
    one = recording(tmp_path / "1.flv", *B_FRAMES)
    sources = lavfi(flashes((0.52,), 2) + ",scale=128:96", beeps((0.52,), 2))
    ffmpeg(*sources, *B_FRAMES, "-profile:v", "high", "-ac", "1", "-ar", "22050", tmp_path / "2.flv")
    media, seen, heard, _ = results(appended(tmp_path / "v.flv", one, tmp_path / "2.flv"), tmp_path)
    assert media.video.frames == 100
    assert len(seen) == 2
    assert heard == [pytest.approx(frame / 25, abs=0.05) for frame in seen]


@pytest.mark.parametrize("rates", [(44100, 22050), (16000, 48000), (48000, 44100, 48000)])
def test_raw_aac_may_change_its_rate(tmp_path, rates):
    """FFmpeg counts all frames at the rate of the first one: the others would overlap, or leave gaps."""
    parts = [tmp_path / f"{number}.aac" for number in range(len(rates))]
    for part, rate in zip(parts, rates, strict=True):
        recording(part, *AAC, "-ar", str(rate), video=0)
    source = appended(tmp_path / "s.aac", *parts)
    _, _, _, spoken = results(source, tmp_path)
    assert spoken == pytest.approx([0.5 + 2 * number for number in range(len(rates))], abs=0.2)
    assert len(find_recordings(source)) == len(rates)


def test_a_damaged_frame_or_a_tag_in_raw_aac_begins_no_recording(tmp_path):
    source = recording(tmp_path / "s.aac", *AAC, video=0)
    content = source.read_bytes()
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x03abc"
    source.write_bytes(tag + content[:5000] + bytes(range(256)) * 9 + tag + content)
    assert len(find_recordings(source)) == 1


@pytest.mark.parametrize("kind", ["webm", "ts", "flv"])
@pytest.mark.parametrize("silent", [0, 1])
def test_one_of_the_recordings_may_have_no_sound(tmp_path, kind, silent):
    parts = [recording(tmp_path / f"{n}.{kind}", *KINDS[kind], audio=0 if n == silent else 2) for n in (0, 1)]
    media, seen, heard, spoken = results(appended(tmp_path / f"v.{kind}", *parts), tmp_path)
    assert media.video.frames == 100
    assert len(seen) == 2
    for sounds in (heard, spoken):
        assert sounds == [pytest.approx(seen[1 - silent] / 25, abs=0.05)]


@pytest.mark.parametrize(("first", "second"), [(7200, 3600), (3600, 7200)])
def test_a_clock_that_is_set_in_the_middle_of_a_broadcast(tmp_path, first, second):
    one = recording(tmp_path / "1.ts", *B_FRAMES)
    for name, offset in (("a.ts", first), ("b.ts", second)):
        ffmpeg("-i", one, "-c", "copy", "-output_ts_offset", str(offset), tmp_path / name)
    media, seen, heard, _ = results(appended(tmp_path / "v.ts", tmp_path / "a.ts", tmp_path / "b.ts"), tmp_path)
    assert media.duration == pytest.approx(4, abs=0.15)
    assert len(seen) == 2
    assert heard == [pytest.approx(frame / 25, abs=0.05) for frame in seen]


def test_a_clock_that_wraps_around_goes_on(tmp_path):
    """MPEG-TS counts 2^33 ticks of 90 kHz: 26.5 hours."""
    ffmpeg(
        "-i", recording(tmp_path / "1.ts", *B_FRAMES), "-c", "copy", "-output_ts_offset", "95441.6", tmp_path / "v.ts"
    )
    path, media = on_one_clock(tmp_path / "v.ts", tmp_path / "joined")
    assert (path, media.video.frames) == (tmp_path / "v.ts", 50)
    extract_wav(path, media, tmp_path / "s.wav")
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(0.52, abs=0.05)]


def test_recordings_in_different_codecs_are_refused_by_name(tmp_path):
    one = recording(tmp_path / "1.webm", *VP8)
    two = recording(tmp_path / "2.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus")
    source = appended(tmp_path / "v.webm", one, two)
    with pytest.raises(InvalidMediaUnreadable, match=r"v\.webm .*vp8, vp9"):
        on_one_clock(source, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize("kind", [some_slow(kind, "webm", "flv", "mp4") for kind in KINDS])
def test_one_recording_is_read_as_it_is(tmp_path, kind):
    source = recording(tmp_path / f"v.{kind}", *KINDS[kind])
    path, media = on_one_clock(source, tmp_path / "joined")
    assert path == source
    assert media.continuous
    assert media.video.frames == 50
    assert not (tmp_path / "joined").exists()


def test_the_recordings_of_a_file_are_found_across_the_blocks_that_are_read(tmp_path):
    ffmpeg(*lavfi(pattern(1), tone(1)), *B_FRAMES, tmp_path / "1.mkv")
    one = (tmp_path / "1.mkv").read_bytes()
    for length in (2**20 - 3, 2**20, 2**20 + 61):
        source = tmp_path / "v.mkv"
        source.write_bytes(one + bytes(length - len(one)) + one)
        assert [found.start for found in find_recordings(source)] == [0, length]
    # the signature alone is no recording
    source.write_bytes(one + b"\x1a\x45\xdf\xa3" + bytes(100))
    assert not is_appended(source)


# ---------------------------------------------------------------- recordings that lack something
CUTTABLE = ("webm", "mkv", "flv", "mp4", "ts", "avi", "asf")


def names(media: Media) -> list[str]:
    return [notice.name for notice in media.notices]


@pytest.mark.parametrize("kind", CUTTABLE)
@pytest.mark.parametrize("place", [some_slow(place, 1) for place in range(3)])
def test_a_cut_recording_is_told_and_the_others_come_out(tmp_path, kind, place):
    whole = recording(tmp_path / f"1.{kind}", *KINDS[kind], video=4, audio=4)
    content = whole.read_bytes()
    # a fragment holds its pictures first, and then its sound
    half = content[: int((0.85 if kind == "mp4" else 0.6) * len(content)) // 188 * 188 + 50]
    source = tmp_path / f"v.{kind}"
    source.write_bytes(b"".join(half if number == place else content for number in range(3)))
    media, seen, heard, spoken = results(source, tmp_path)
    if kind == "ts" and place < 2:  # nothing marks where a transport stream was cut
        assert len(seen) == 3
        return
    assert media.truncated
    assert names(media) == ["Truncated"]
    assert f"v.{kind}" in media.notices[0].message
    assert f"of its 3 recordings, number {place + 1} is cut" in media.notices[0].message or kind == "ts"
    assert 8.5 < media.duration < 11.8
    assert len(seen) == len(heard) == len(spoken) == 3
    for frame, beep in zip(seen, heard, strict=True):
        assert frame / 25 == pytest.approx(beep, abs=0.05)


def test_recordings_of_which_less_than_half_is_there_are_an_error(tmp_path):
    content = recording(tmp_path / "1.mkv", *B_FRAMES, video=10, audio=10).read_bytes()
    short = recording(tmp_path / "2.mkv", *B_FRAMES).read_bytes()
    (tmp_path / "v.mkv").write_bytes(short + content[: len(content) // 4])
    with pytest.raises(InvalidMediaTruncated, match=r"v\.mkv announces 12\.\d s but holds .*: less than half is there"):
        on_one_clock(tmp_path / "v.mkv", tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
    (tmp_path / "v.mkv").write_bytes(short + content[: int(0.6 * len(content))])
    media = on_one_clock(tmp_path / "v.mkv", tmp_path / "joined")[1]
    assert media.announced_seconds == pytest.approx(12, abs=0.2)
    with pytest.raises(InvalidMediaTruncated, match=r"v\.mkv breaks off after 6"):
        truncation.refuse(tmp_path / "v.mkv", media)


def test_sound_that_appears_late_in_a_recording_is_heard(tmp_path):
    ffmpeg(
        *lavfi(flashes((9.52,), 12)),
        *H264,
        "-g",
        "25",
        "-b:v",
        "8M",
        "-x264opts",
        "nal-hrd=cbr:filler=1",
        "-bufsize",
        "8M",
        "-maxrate",
        "8M",
        tmp_path / "p.flv",
    )
    ffmpeg("-i", tmp_path / "p.flv", *lavfi(beeps((9.52,), 12)), "-c:v", "copy", *AAC, tmp_path / "b.flv")
    late = starting_late(tmp_path / "b.flv", tmp_path / "late.flv", 8, 9)
    first = recording(tmp_path / "1.flv", *B_FRAMES)
    _, seen, heard, spoken = results(appended(tmp_path / "v.flv", late, first), tmp_path)
    assert [frame / 25 for frame in seen] == [pytest.approx(at, abs=0.05) for at in (9.52, 12.52)]
    assert heard == [pytest.approx(at, abs=0.06) for at in (9.52, 12.52)]
    assert spoken == [pytest.approx(at, abs=0.06) for at in (9.52, 12.52)]


def three_tracks(path: Path, *, cover: bool = False) -> Path:
    """Sound at 0, 2 and 3, the picture at 1, and perhaps cover art."""
    sounds = [beeps((0.52,), 2), beeps((1.02,), 2), beeps((1.52,), 2)]
    maps = [part for number in (1, 0, 2, 3) for part in ("-map", str(number))]
    ffmpeg(*lavfi(flashes((0.52,), 2), *sounds), *maps, *B_FRAMES, "-metadata:s:a:1", "language=fre", path)
    return path


def test_tracks_have_the_indexes_of_the_upload(tmp_path):
    one = three_tracks(tmp_path / "1.mkv")
    two = recording(tmp_path / "2.mkv", *B_FRAMES)
    source = appended(tmp_path / "v.mkv", two, one)
    media = on_one_clock(source, tmp_path / "joined")[1]
    assert [(t.index, t.kind) for t in media.tracks] == [(0, "video"), (1, "audio"), (2, "audio"), (3, "audio")]
    source = appended(tmp_path / "v.mkv", one, two)
    media = on_one_clock(source, tmp_path / "joined")[1]
    kinds = [(0, "audio"), (1, "video"), (2, "audio"), (3, "audio")]
    assert [(track.index, track.kind) for track in media.tracks] == kinds
    for wanted, beep in (("0", 0.52), ("2", 1.02), ("3", 1.52), ("fr", 1.02)):
        path, media = on_one_clock(source, tmp_path / "joined", audio_track=wanted)
        assert [t.index for t in media.tracks if t.chosen] == sorted({1, {"fr": 2}.get(wanted) or int(wanted)})
        extract_wav(path, media, tmp_path / "s.wav")
        assert heard_at(tmp_path / "s.wav")[0] == pytest.approx(beep, abs=0.05)
    media = on_one_clock(source, tmp_path / "joined", audio_track="1")[1]
    assert names(media) == ["AudioTrackNotFound"]
    assert "0 (" in media.notices[0].message
    assert "2 (fre)" in media.notices[0].message


@pytest.mark.parametrize("count", [1, 2])
def test_undecodable_sound_of_a_joined_upload_is_told(tmp_path, count):
    good = recording(tmp_path / "1.mp4", *FRAGMENTS)
    bad = garbled(good, "audio", tmp_path / "2.mp4")
    source = appended(tmp_path / "v.mp4", bad, bad if count == 2 else good)
    media, seen, heard, _ = results(source, tmp_path)
    assert len(seen) == 2
    assert names(media) == ["AudioUndecodable"]
    assert "Audio stream 1 of v.mp4 can't be decoded" in media.notices[0].message
    if count == 2:
        assert media.audio is None
        assert [(t.index, t.chosen) for t in media.tracks] == [(0, True), (1, False)]
        assert media.tracks[1].why.startswith("it can't be decoded")
    else:
        assert "in 1 of 2 recordings" in media.notices[0].message
        assert heard == [pytest.approx(2.52, abs=0.06)]


@pytest.mark.parametrize("base", ["default_base_moof", "negative_cts_offsets", "separate_moof"])
@pytest.mark.parametrize("count", [2, 3])
def test_fragments_whose_clock_starts_again_without_a_header(tmp_path, base, count):
    fragments = (*H264, "-bf", "0", "-g", "25", *AAC, "-movflags", f"frag_keyframe+empty_moov+{base}")
    content = recording(tmp_path / "1.mp4", *fragments).read_bytes()
    source = tmp_path / "v.mp4"
    source.write_bytes(content + content[content.index(b"moof") - 4 :] * (count - 1))
    media, seen, heard, _ = results(source, tmp_path)
    assert media.video.frames == 50 * count
    assert not media.truncated
    assert len(seen) == len(heard) == count
    for frame, beep in zip(seen, heard, strict=True):
        assert frame / 25 == pytest.approx(beep, abs=0.05)


@pytest.mark.parametrize("flags", ["separate_moof", "dash", "frag_every_frame"])
def test_fragments_of_one_clock_are_one_recording(tmp_path, flags):
    fragments = (*H264, "-bf", "2", "-g", "25", *AAC, "-movflags", f"frag_keyframe+empty_moov+{flags}")
    assert not is_appended(recording(tmp_path / "1.mp4", *fragments))
