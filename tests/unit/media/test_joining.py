"""Files that consist of several recordings: every frame and sample comes out, in sync after each joint."""

from pathlib import Path

import pytest

from avflow.errors import InvalidMediaUnreadable
from avflow.ffmpeg import convert, extract_wav
from avflow.media import Media, conversion_reasons, probe
from avflow.media.joining import is_appended, on_one_clock
from avflow.media.recordings import find_recordings
from tests.media_samples import H264, beeps, ffmpeg, flashes, heard_at, lavfi, pattern, seen_at, tone

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


@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.parametrize("kind", AUDIO)
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


@pytest.mark.parametrize("kind", KINDS)
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
