"""The output of the FFmpeg commands, measured on decoded frames and samples instead of header fields."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avflow.errors import InvalidMediaDamaged, InvalidMediaNoStreams, InvalidMediaUnreadable
from avflow.ffmpeg import convert, extract_wav
from avflow.media import conversion_reasons, probe
from avflow.media.clock.joining import on_one_clock
from avflow.media.formats import encodable_rate
from avflow.media.rates import conversion_rate
from tests.media_samples import (
    H264,
    NUMBERED,
    beeps,
    damaged,
    ffmpeg,
    flashes,
    heard_at,
    lavfi,
    numbers,
    pattern,
    rgb_frames,
    seen_at,
    tone,
)

SAMPLE = Path(__file__).parents[3] / "samples" / "my_video.mkv"
PCM = ("-c:a", "pcm_s16le")
MS = 0.002


# ---------------------------------------------------------------- audio for speech recognition
def test_speech_is_16_kHz_mono_16_bits(tmp_path):
    target = tmp_path / "s.wav"
    extract_wav(SAMPLE, probe(SAMPLE), target)
    media = probe(target)
    assert media.audio is not None
    assert (media.container, media.audio.codec, media.audio.rate, media.audio.channels) == (
        "wav",
        "pcm_s16le",
        16000,
        1,
    )
    assert media.duration == pytest.approx(11.0, abs=0.03)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "offset"),
    # AVI can't store that one stream starts later
    [(name, offset) for name in ("v.mkv", "v.mp4", "v.ts") for offset in (0.4, -0.4, 0)] + [("v.avi", 0)],
)
def test_second_0_is_the_first_frame_or_the_first_sound(tmp_path, name, offset):
    codecs = ("-c:v", "libx264", "-bf", "2") if name == "v.avi" else H264
    audio = ("-c:a", "pcm_s16le") if name in ("v.mkv", "v.avi") else ("-c:a", "aac")
    flash = ("-itsoffset", str(max(0, -offset)), *lavfi(flashes((1.0,), 2)))
    beep = ("-itsoffset", str(max(0, offset)), *lavfi(beeps((1.0,), 2)))
    ffmpeg(*flash, *beep, *codecs, *audio, tmp_path / name)
    media = probe(tmp_path / name)
    extract_wav(tmp_path / name, media, tmp_path / "s.wav")
    assert media.video.held_first == pytest.approx(25 * max(0, -offset), abs=1)
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(1 + offset + media.video.held_first / 25, abs=0.005)]


def test_without_video_second_0_is_the_first_sample(tmp_path):
    ffmpeg("-itsoffset", "0.7", *lavfi(beeps((0.5,), 1)), *PCM, tmp_path / "s.mkv")
    extract_wav(tmp_path / "s.mkv", probe(tmp_path / "s.mkv"), tmp_path / "s.wav")
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(0.5, abs=MS)]


def test_a_gap_in_the_audio_becomes_silence(tmp_path):
    ffmpeg(*lavfi(pattern(3), beeps((0.5, 2.5), 3) + ",aselect='not(between(t,1,2))'"), *H264, *PCM, tmp_path / "v.mkv")
    extract_wav(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "s.wav")
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(0.5, abs=MS), pytest.approx(2.5, abs=0.03)]


def test_the_default_audio_stream_is_extracted(tmp_path):
    maps = ("-map", "0", "-map", "1", "-map", "2", "-disposition:a:0", "0", "-disposition:a:1", "default")
    ffmpeg(*lavfi(pattern(), beeps((0.2,), 1), beeps((0.6,), 1)), *maps, *H264, *PCM, tmp_path / "v.mkv")
    extract_wav(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "s.wav")
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(0.6, abs=MS)]


def test_no_audio_stream_to_extract(tmp_path):
    ffmpeg(*lavfi(pattern()), *H264, tmp_path / "v.mkv")
    with pytest.raises(InvalidMediaNoStreams, match=r"v\.mkv has no audio stream"):
        extract_wav(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "s.wav")


@pytest.mark.parametrize(
    "name", ["-v.mkv", "a b'c\"d.mkv", "50%#1?.mkv", "🎬 é %03d.mkv", "file:x.mkv", "a|b,c;[d].mkv"]
)
def test_odd_names(tmp_path, monkeypatch, name):
    ffmpeg(*lavfi(pattern(), tone()), *H264, *PCM, tmp_path / "v.mkv")
    (tmp_path / "v.mkv").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    extract_wav(Path(name), probe(Path(name)), Path(name + ".wav"))
    convert(Path(name), probe(Path(name)), Path(name + ".avi"))
    assert probe(Path(name + ".wav")).duration == pytest.approx(1, abs=0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, name + ".wav", name + ".avi"])


# ---------------------------------------------------------------- conversion
def test_conversion_of_a_constant_rate_keeps_every_frame(tmp_path):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(NUMBERED.format(rate="30000/1001"), tone(4)), "-t", "4", *H264, "-bf", "2", source)
    convert(source, probe(source), tmp_path / "v.avi")
    assert numbers(tmp_path / "v.avi") == list(range(120))
    assert probe(tmp_path / "v.avi").video.nominal_rate == Fraction(30000, 1001)


def test_conversion_of_a_variable_rate_shows_each_frame_at_its_time(tmp_path):
    source = tmp_path / "v.mkv"
    kept = NUMBERED.format(rate="30") + ",select='not(between(mod(n\\,10)\\,3\\,5))'"
    ffmpeg(*lavfi(kept), "-fps_mode", "vfr", "-t", "3", *H264, source)
    convert(source, probe(source), tmp_path / "v.avi")
    held = [frame if not 3 <= frame % 10 <= 5 else frame - frame % 10 + 2 for frame in range(90)]
    assert numbers(tmp_path / "v.avi") == held


@pytest.mark.parametrize(
    ("filters", "codec", "size"),
    [
        ("null", H264, (160, 120)),
        ("interlace", ("-c:v", "libx264", "-x264opts", "tff=1", "-flags", "+ilme+ildct"), (160, 120)),
        ("setsar=16/11", H264, (234, 120)),  # 233, padded to an even width
        ("format=yuv420p10le", ("-c:v", "libx264"), (160, 120)),
        ("scale=161:121,format=yuv444p", ("-c:v", "libx264"), (162, 122)),
        ("setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc", H264, (160, 120)),
        ("setparams=color_trc=arib-std-b67", H264, (160, 120)),
    ],
)
def test_a_converted_video_needs_no_conversion(tmp_path, filters, codec, size):
    ffmpeg(*lavfi(f"{pattern()},{filters}"), *codec, tmp_path / "v.mkv")
    source = probe(tmp_path / "v.mkv")
    convert(tmp_path / "v.mkv", source, tmp_path / "v.avi")
    media = probe(tmp_path / "v.avi")
    assert media.video is not None
    assert conversion_reasons(media) == ()
    assert (media.video.codec, media.video.pixel_format) == ("mpeg4", "yuv420p")
    assert (media.video.width, media.video.height, media.video.frames) == (*size, source.video.frames)
    frames = rgb_frames(tmp_path / "v.avi", *size)
    assert 30 < frames.mean() < 225
    assert frames.std() > 30  # the content is visible, neither black nor washed out


def test_the_converted_video_is_upright(tmp_path):
    quarters = "color=black:s=160x120:d=1,drawbox=w=80:h=60:c=white:t=fill"  # the top left quarter is white
    ffmpeg(*lavfi(quarters), *H264, tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", "-90", "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "v.mp4")
    convert(tmp_path / "v.mp4", probe(tmp_path / "v.mp4"), tmp_path / "v.avi")
    first = rgb_frames(tmp_path / "v.avi", 120, 160)[0]  # rotated clockwise by 90 degrees: the top right quarter
    assert first[:70, 70:].mean() > 200
    assert first[90:].mean() < 30
    assert first[:, :50].mean() < 30


def test_deinterlacing_removes_combing(tmp_path):
    moving = "color=black:s=320x240:r=50:d=1,drawbox=x=0:y=0:w=20:h=240:c=white:t=fill,scroll=h=0.06,interlace"
    ffmpeg(*lavfi(moving), "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-b:v", "8M", tmp_path / "v.mkv")
    convert(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "v.avi")

    def combs(path):
        frame = rgb_frames(path, 320, 240)[5].astype(int)
        return np.abs(2 * frame[1:-1] - frame[:-2] - frame[2:]).mean()

    assert combs(tmp_path / "v.avi") < combs(tmp_path / "v.mkv") / 3


def test_surround_audio_becomes_stereo_mp3(tmp_path):
    surround = "aevalsrc=0|0|0.5*sin(2000*t)|0|0|0:s=96000:d=1:c=5.1"  # only the centre channel
    ffmpeg(*lavfi(pattern(), surround), *H264, "-c:a", "flac", tmp_path / "v.mkv")
    convert(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "v.avi")
    audio = probe(tmp_path / "v.avi").audio
    assert audio is not None
    assert (audio.codec.startswith("mp3"), audio.channels, audio.rate) == (True, 2, 48_000)
    raw = ffmpeg("-i", tmp_path / "v.avi", "-map", "0:a", "-f", "f32le", "-")
    loudness = np.abs(np.frombuffer(raw, np.float32).reshape(-1, 2)).mean(axis=0)
    assert loudness.min() > 0.05
    assert loudness[0] == pytest.approx(loudness[1], rel=0.01)


@pytest.mark.parametrize(
    ("rate", "expected"), [("8000", 48_000), ("11025", 44_100), ("22050", 44_100), ("32000", 32_000), ("96000", 48_000)]
)
def test_every_sample_rate_fits_mp3(tmp_path, rate, expected):
    ffmpeg(*lavfi(pattern(), tone()), *H264, "-c:a", "pcm_s16le", "-ar", rate, tmp_path / "v.mkv")
    convert(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "v.avi")
    assert probe(tmp_path / "v.avi").audio.rate == expected


def test_rates():
    assert encodable_rate(Fraction(30000, 1001)) == Fraction(30000, 1001)
    odd = Fraction(100_003, 3337)
    assert encodable_rate(odd).numerator <= 65_535
    assert float(encodable_rate(odd)) == pytest.approx(float(odd), rel=1e-6)


@pytest.mark.parametrize("rate", ["240", "120000/1001"])
def test_a_fast_constant_rate_is_kept(tmp_path, rate):
    ffmpeg(*lavfi(pattern(1, rate)), *H264, tmp_path / "v.mp4")
    found = probe(tmp_path / "v.mp4").video
    assert found.nominal_rate == Fraction(rate)
    assert float(conversion_rate(found)) == pytest.approx(float(Fraction(rate)), rel=1e-7)


@pytest.mark.parametrize("clock", ["continues", "restarts"])
def test_broadcasts_that_change_size_and_channels(tmp_path, clock):
    mpeg = ("-c:v", "mpeg2video", "-c:a", "mp2")
    ffmpeg(*lavfi(flashes((1,), 2), beeps((1,), 2)), *mpeg, "-ac", "1", tmp_path / "1.ts")
    other = lavfi(flashes((1,), 2) + ",scale=128:96", beeps((1,), 2))
    later = ("-output_ts_offset", "2") if clock == "continues" else ()
    ffmpeg(*other, *mpeg, "-ac", "2", "-ar", "48000", *later, tmp_path / "2.ts")
    source = tmp_path / "v.ts"
    source.write_bytes((tmp_path / "1.ts").read_bytes() + (tmp_path / "2.ts").read_bytes())

    source, media = on_one_clock(source, tmp_path / "joined")
    assert media.continuous == (clock == "continues")
    assert media.duration == pytest.approx(4, abs=0.05)
    convert(source, media, tmp_path / "v.avi")
    extract_wav(source, media, tmp_path / "s.wav")
    assert seen_at(tmp_path / "v.avi") == [pytest.approx(25, abs=1), pytest.approx(75, abs=1)]
    assert probe(tmp_path / "v.avi").video.frames == pytest.approx(100, abs=1)
    for path in (tmp_path / "v.avi", tmp_path / "s.wav"):
        assert heard_at(path) == [pytest.approx(1, abs=0.04), pytest.approx(3, abs=0.04)]


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A phone's recording: 100 numbered frames, keyframes every 20, a rotation of 180 degrees, beeps at 1 s and 3 s."""
    folder = tmp_path_factory.mktemp("turned")
    codec = (*H264, "-bf", "2", "-g", "20", "-x264-params", "scenecut=0", "-c:a", "aac")
    ffmpeg(
        *lavfi(NUMBERED.format(rate="25") + ",trim=end=4,vflip,hflip", beeps((1, 3), 4)), *codec, folder / "flat.mp4"
    )
    ffmpeg("-display_rotation", "180", "-i", folder / "flat.mp4", "-c", "copy", folder / "v.mp4")
    return folder / "v.mp4"


def test_a_conversion_survives_a_damaged_start_and_end_without_a_shift(turned, tmp_path):
    source = damaged(turned, [0, 1, 2, *range(97, 100)], tmp_path / "v.mp4")
    media = probe(source)
    assert "rotated" in conversion_reasons(media)
    assert (media.video.start_time, media.video.lead) == (0, 0.8)
    convert(source, media, tmp_path / "v.avi")
    shown = numbers(tmp_path / "v.avi")
    assert shown[:90] == [max(number, 20) for number in range(90)]
    assert 96 <= len(shown) <= 100
    assert heard_at(tmp_path / "v.avi") == [pytest.approx(1, abs=0.03), pytest.approx(3, abs=0.03)]


@pytest.mark.parametrize("lost", [40, 99])
def test_a_conversion_that_would_lose_the_end_is_refused(turned, tmp_path, lost):
    source = damaged(turned, range(100 - lost, 100), tmp_path / "v.mp4")
    media = replace(probe(source), audio=None)
    assert media.video is not None
    media = replace(media, video=replace(media.video, any_gap=False))
    with pytest.raises(InvalidMediaDamaged, match=rf"v\.mp4 .*100 frames .* only {100 - lost} "):
        convert(source, media, tmp_path / "v.avi")
    assert list(tmp_path.iterdir()) == [source]


def test_beside_good_sound_a_lost_end_is_told(turned, tmp_path):
    source = damaged(turned, range(60, 100), tmp_path / "v.mp4")
    (notice,) = convert(source, probe(source), tmp_path / "v.avi")
    assert notice.name == "VideoDamaged"
    assert "v.mp4 should give 100 frames" in notice.message


def test_mostly_undecodable_audio_is_an_error_instead_of_silence(tmp_path):
    ffmpeg(*lavfi(tone(4)), "-c:a", "aac", tmp_path / "s.m4a")
    source = damaged(tmp_path / "s.m4a", range(5, 170), tmp_path / "s.mp4", kind="audio")
    with pytest.raises(InvalidMediaUnreadable, match=r"s\.mp4"):
        probe(source)


def test_a_recording_cut_between_two_keyframes_stays_in_sync(tmp_path):
    film = lavfi(flashes((1, 3.6, 4), 6), beeps((1, 3.6, 4), 6))
    ffmpeg(
        *film, *H264, "-g", "100", "-keyint_min", "100", "-x264-params", "scenecut=0", "-c:a", "mp2", tmp_path / "v.ts"
    )
    content = (tmp_path / "v.ts").read_bytes()
    packets = [content[at : at + 188] for at in range(0, len(content), 188)]
    source = tmp_path / "cut.ts"
    source.write_bytes(b"".join(packets[:3] + packets[len(packets) // 2 :]))
    media = probe(source)
    assert media.video.lead > 0.2
    convert(source, media, tmp_path / "v.avi")
    beep, flash = heard_at(tmp_path / "v.avi"), seen_at(tmp_path / "v.avi")
    assert len(beep) == 2
    assert [at / 25 for at in flash[-1:]] == [pytest.approx(beep[-1], abs=0.04)]


def test_a_converted_film_is_in_sync_at_the_start_and_at_the_end(tmp_path):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(flashes((1, 59), 60), beeps((1, 59), 60)), *H264, *PCM, source)
    convert(source, probe(source), tmp_path / "v.avi")
    assert seen_at(tmp_path / "v.avi") == [25, 59 * 25]
    assert heard_at(tmp_path / "v.avi") == [pytest.approx(1, abs=MS), pytest.approx(59, abs=MS)]
    assert probe(tmp_path / "v.avi").duration == pytest.approx(60, abs=0.03)
