"""What `probe` reports for many kinds of files."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

from avflow.errors import (
    InvalidMediaDamaged,
    InvalidMediaFrameRate,
    InvalidMediaNoStreams,
    InvalidMediaTooLarge,
    InvalidMediaTooLong,
)
from avflow.ffmpeg import convert
from avflow.media import Media, conversion_reasons, probe
from avflow.video.reader import VideoReader
from avflow.video.writer import VideoWriter
from tests.media_samples import H264, damaged, ffmpeg, lavfi, pattern, tone

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "my_video.mkv"
NTSC = Fraction(30000, 1001)
MJPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
MPEG4 = ("-c:v", "mpeg4", "-c:a", "mp2")


def test_the_sample():
    media = probe(SAMPLE)
    assert (media.container, media.size) == ("matroska,webm", SAMPLE.stat().st_size)
    assert media.duration == pytest.approx(11.0, abs=0.03)
    assert media.video is not None
    assert (media.video.codec, media.video.frames, media.video.nominal_rate) == ("h264", 110, 10)
    assert (media.video.width, media.video.height, media.video.constant_rate) == (768, 576, True)
    assert media.audio is not None
    assert (media.audio.codec, media.audio.channels, media.audio.rate, media.audio.tracks) == ("aac", 2, 44100, 1)
    assert conversion_reasons(media) == ()


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("v.mkv", H264),
        ("v.mp4", H264),
        ("v.mov", H264),
        ("v.flv", H264),
        ("v.ts", H264),
        ("v.nut", H264),
        ("v.avi", MPEG4),
        ("v.webm", ("-c:v", "libvpx", "-c:a", "libopus")),
        ("v.mpg", ("-c:v", "mpeg2video", "-c:a", "mp2")),
        ("v.wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
        ("v.mxf", ("-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000")),
    ],
)
def test_each_container_keeps_its_exact_rate_and_count(tmp_path, name, codecs):
    path = tmp_path / name
    ffmpeg(*lavfi(pattern(2, "30000/1001"), tone(2)), *codecs, path)
    media = probe(path)
    assert media.video is not None
    assert (media.video.frames, media.video.nominal_rate, media.video.average_rate) == (60, NTSC, NTSC)
    assert media.duration == pytest.approx(2.002, abs=0.06)
    assert media.audio is not None
    assert conversion_reasons(media) == ()


@pytest.mark.parametrize("name", ["s.mp3", "s.m4a", "s.wav", "s.flac", "s.ogg", "s.aac", "s.aiff", "s.caf", "s.w64"])
def test_audio_only(tmp_path, name):
    ffmpeg(*lavfi(tone(2)), tmp_path / name)
    media = probe(tmp_path / name)
    assert media.video is None
    assert media.audio is not None
    assert media.duration == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("name", ["cover.mp3", "cover.m4a"])
def test_cover_art_is_no_video_stream(tmp_path, name):
    ffmpeg(*lavfi(pattern()), "-frames:v", "1", tmp_path / "cover.png")
    art = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg(*lavfi(tone()), "-i", tmp_path / "cover.png", *art, tmp_path / name)
    media = probe(tmp_path / name)
    assert media.video is None
    assert media.audio is not None


def test_video_only_and_its_json(tmp_path):
    ffmpeg(*lavfi(pattern(1, "24000/1001")), *H264, tmp_path / "v.mp4")
    media = probe(tmp_path / "v.mp4")
    assert media.audio is None
    fields = json.loads(json.dumps(media.to_dict()))
    assert fields["picture"]["nominal_rate"] == "24000/1001"
    assert Media.from_dict(fields) == media


def test_the_default_audio_stream_is_chosen_or_else_the_first(tmp_path):
    three = ("-map", "0", "-map", "1", "-map", "2", "-ac:a:0", "1", "-ac:a:1", "2", "-ac:a:2", "6", "-c:a", "ac3")
    inputs = lavfi(tone(), tone(), tone())
    ffmpeg(*inputs, *three, "-disposition:a:0", "0", "-disposition:a:1", "default", tmp_path / "second.mkv")
    ffmpeg(*inputs, *three, "-disposition:a", "0", tmp_path / "none.mkv")
    second, first = probe(tmp_path / "second.mkv").audio, probe(tmp_path / "none.mkv").audio
    assert second is not None
    assert (second.index, second.channels, second.tracks) == (1, 2, 3)
    assert first is not None
    assert (first.index, first.channels, first.tracks) == (0, 1, 3)


@pytest.mark.parametrize("dropped", ["eq(mod(n\\,5)\\,2)", "eq(n\\,30)"])
def test_one_missing_frame_makes_a_rate_variable(tmp_path, dropped):
    ffmpeg(*lavfi(pattern(3, "30") + f",select='not({dropped})'"), "-fps_mode", "vfr", *H264, tmp_path / "v.mkv")
    media = probe(tmp_path / "v.mkv")
    assert media.video is not None
    assert conversion_reasons(media) == ("variable frame rate",)
    assert media.video.nominal_rate == 30
    assert media.video.average_rate < 30


def test_rotation_swaps_width_and_height(tmp_path):
    ffmpeg(*lavfi(pattern()), *H264, tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "v.mp4")
    media = probe(tmp_path / "v.mp4")
    assert media.video is not None
    assert conversion_reasons(media) == ("rotated",)
    assert media.video.rotation == 270  # FFmpeg's option counts counterclockwise
    assert (media.video.width, media.video.height) == (160, 120)
    assert (media.video.display_width, media.video.display_height) == (120, 160)


@pytest.mark.parametrize(
    ("filters", "codec", "reasons"),
    [
        ("interlace", ("-c:v", "libx264", "-x264opts", "tff=1", "-flags", "+ilme+ildct"), ("interlaced",)),
        ("interlace", ("-c:v", "mpeg2video", "-flags", "+ilme+ildct"), ("interlaced",)),
        ("setsar=16/11", H264, ("non-square pixels",)),
        ("format=yuv420p10le", ("-c:v", "libx264"), ("more than 8 bits",)),
        (
            "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc",
            ("-c:v", "libx264"),
            ("more than 8 bits", "high dynamic range"),
        ),
        (
            "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc",
            H264,
            ("high dynamic range",),
        ),
        ("scale=161:121,format=yuv444p", ("-c:v", "libx264"), ()),
    ],
)
def test_reasons_for_a_conversion(tmp_path, filters, codec, reasons):
    ffmpeg(*lavfi(f"{pattern()},{filters}"), *codec, tmp_path / "v.mkv")
    assert conversion_reasons(probe(tmp_path / "v.mkv")) == reasons


def test_anamorphic_video_is_shown_wider(tmp_path):
    ffmpeg(*lavfi(pattern(size="720x576") + ",setsar=16/11"), *H264, tmp_path / "v.mp4")
    found = probe(tmp_path / "v.mp4").video
    assert found is not None
    assert (found.width, found.display_width, found.display_height) == (720, 1047, 576)
    assert found.sample_aspect_ratio == Fraction(16, 11)


def test_a_raw_stream_is_converted_at_the_rate_it_announces(tmp_path):
    ffmpeg(*lavfi(pattern(2, "30000/1001")), *H264, tmp_path / "v.h264")
    media = probe(tmp_path / "v.h264")
    assert media.video is not None
    assert "not seekable" in conversion_reasons(media)
    assert (media.video.frames, media.video.nominal_rate) == (60, NTSC)
    assert media.duration == pytest.approx(2.002, abs=0.001)


def test_the_offset_between_the_streams_is_reported(tmp_path):
    ffmpeg(*lavfi(pattern()), "-itsoffset", "0.5", *lavfi(tone()), *H264, "-c:a", "mp2", tmp_path / "v.mkv")
    media = probe(tmp_path / "v.mkv")
    assert media.video is not None
    assert media.audio is not None
    assert media.audio.start_time - media.video.start_time == pytest.approx(0.5, abs=0.002)
    assert media.duration == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("size", ["30000x3000", "17000x16"])
def test_a_huge_frame_is_refused_before_it_is_decoded(tmp_path, size):
    ffmpeg(*lavfi(f"color=black:s={size}:d=0.04"), "-frames:v", "1", "-c:v", "png", tmp_path / "v.mkv")
    # VmHWM, because ru_maxrss includes the peak of the parent process
    script = "import re, sys; from pathlib import Path; from avflow.media import probe\n"
    script += "try: probe(Path(sys.argv[1]))\n"
    script += "except Exception as error: print(type(error).__name__)\n"
    script += "print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text()).group(1))"
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "v.mkv"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    name, kilobytes = done.stdout.split()
    assert name == "InvalidMediaTooLarge"
    assert int(kilobytes) < 150_000  # one frame of 30000x3000 pixels takes 270 MB


@pytest.mark.parametrize(
    ("filters", "size"),
    [
        ("color=black:s=8192x16:d=0.04", "8192x16"),
        ("color=black:s=16x8191:d=0.04", "16x8191"),
        ("color=black:s=4096x16:d=0.04,setsar=3", "12288x16"),
    ],
)
def test_frames_too_large_for_the_result_are_refused(tmp_path, filters, size):
    ffmpeg(*lavfi(filters), "-c:v", "ffv1", tmp_path / "v.mkv")
    with pytest.raises(InvalidMediaTooLarge, match=rf"v\.mkv is {size}: at most 8190 pixels a side"):
        probe(tmp_path / "v.mkv")


@pytest.mark.parametrize("size", [(8190, 16), (16, 8189)])
def test_the_largest_frames_fit_into_the_result(tmp_path, size):
    width, height = size
    ffmpeg(*lavfi(f"color=black:s={width}x{height}:d=0.04"), "-c:v", "ffv1", tmp_path / "v.mkv")
    video = probe(tmp_path / "v.mkv").video
    assert video is not None
    even = (width, height + height % 2)
    with VideoReader(tmp_path / "v.mkv", video) as reader, VideoWriter(tmp_path / "v.avi", even, Fraction(25)) as to:
        for frame in reader:
            to.write(frame)
        to.finish()
    found = probe(tmp_path / "v.avi").video
    assert found is not None
    assert (found.width, found.height) == even


def test_an_avi_with_a_damaged_start_is_refused(tmp_path):
    source = tmp_path / "v.avi"
    ffmpeg(*lavfi(pattern(4)), "-c:v", "mpeg4", "-bf", "2", "-g", "12", source)
    damaged(source, range(3), source)
    with pytest.raises(InvalidMediaDamaged, match=r"v\.avi has 100 frames, but the first 3 can't be decoded"):
        probe(source)


def shown_at(path: Path, *seconds: float) -> Path:
    """Create a video whose frames have these timestamps in seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for second in seconds:
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts, frame.time_base = round(second * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


HOUR = 3600


def test_a_last_frame_at_eleven_days_is_refused(tmp_path):
    path = shown_at(tmp_path / "v.mkv", 0, 0.04, 0.08, 1_333_333)
    with pytest.raises(InvalidMediaTooLong, match=r"v\.mkv lasts 370 h 22 min: at most 25 h"):
        probe(path)


def test_eleven_days_at_a_constant_rate_are_refused(tmp_path):
    with pytest.raises(InvalidMediaTooLong, match=r"v\.mkv lasts "):
        probe(shown_at(tmp_path / "v.mkv", *range(0, 1_000_000, 100_000)))


def test_audio_that_ends_days_after_the_video_is_refused(tmp_path):
    ffmpeg(*lavfi(pattern()), "-itsoffset", "1000000", *lavfi(tone()), *H264, "-c:a", "aac", tmp_path / "v.mkv")
    with pytest.raises(InvalidMediaTooLong, match=r"v\.mkv lasts 277 h 46 min"):
        probe(tmp_path / "v.mkv")


def test_a_few_frames_shown_for_hours_are_refused(tmp_path):
    path = shown_at(tmp_path / "v.mkv", 0, 0.04, 0.08, 23 * HOUR)
    with pytest.raises(InvalidMediaTooLong, match=r"v\.mkv has 4 frames in 23 h 0 min: .* 2070001"):
        probe(path)


@pytest.mark.parametrize("seconds", [(0, 0.04, HOUR), (0, 0.04, 0.08, HOUR)], ids=str)
def test_a_few_frames_an_hour_apart_never_become_an_hour_of_copies(tmp_path, seconds):
    path = shown_at(tmp_path / "v.mkv", *seconds)
    with pytest.raises(InvalidMediaTooLong, match=rf"v\.mkv has {len(seconds)} frames in 1 h 0 min"):
        probe(path)


@pytest.mark.parametrize(("kind", "name"), [("v", "VideoUndecodable"), ("a", "AudioUndecodable")])
def test_an_empty_stream_is_left_out_with_a_notice(tmp_path, kind, name):
    ffmpeg(*lavfi(pattern(), tone()), *H264, "-c:a", "aac", tmp_path / "whole.mkv")
    ffmpeg("-i", tmp_path / "whole.mkv", "-c", "copy", f"-bsf:{kind}", "noise=drop=1", tmp_path / "v.mkv")
    media = probe(tmp_path / "v.mkv")
    assert (media.video is None, media.audio is None) == (kind == "v", kind == "a")
    assert [notice.name for notice in media.notices] == [name]
    assert "v.mkv is empty" in media.notices[0].message


@pytest.mark.parametrize("rate", ["120000/1001", "240000/1001", "119.88"])
def test_a_short_avi_keeps_a_rate_near_that_of_a_camera(tmp_path, rate):
    """Within a second, 119.88 and 120 frames per second can't be told apart by their times."""
    source = tmp_path / "v.avi"
    ffmpeg(*lavfi(f"testsrc2=size=64x64:rate={rate}:duration=0.5"), "-c:v", "mpeg4", source)
    assert float(probe(source).video.nominal_rate) == pytest.approx(float(Fraction(rate)), rel=1e-5)


@pytest.mark.parametrize("rate", [1_001, 140_000])
def test_a_frame_rate_that_no_camera_has_is_refused(tmp_path, rate):
    frames = ffmpeg(*lavfi(pattern()), *MJPEG, "-f", "mjpeg", "-")
    (tmp_path / "v.mjpeg").write_bytes(frames)
    ffmpeg(*("-r", str(rate), "-f", "mjpeg", "-i", tmp_path / "v.mjpeg", "-c", "copy"), tmp_path / "v.mov")
    with pytest.raises(InvalidMediaFrameRate, match=rf"v\.mov says that it has {rate} frames per second: at most 1000"):
        probe(tmp_path / "v.mov")


@pytest.mark.parametrize(
    "seconds",
    [
        (0, 0.04, 0.08, 0.12, 1200),
        (*(n / 60 for n in range(700)), *range(60, 10 * HOUR, 60)),
        (*range(0, 10 * HOUR, 300), 10 * HOUR + 7),
        tuple(10 * n for n in range(500)),
        tuple(1000 * n for n in range(80)),
    ],
    ids=["short", "screen at a frame a minute", "slides", "time-lapse of 10 s", "time-lapse of 1000 s"],
)
def test_slow_recordings_are_accepted(tmp_path, seconds):
    found = probe(shown_at(tmp_path / "v.mkv", *seconds)).video
    assert found is not None
    assert found.frames == len(seconds)


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [
        ((0, 0.04, 0.08, 1000, 1800), 3000),
        ((0, 300, 700, 1200, 1800), 1800),
        ((0, 0.04, 700, 1200, 1800), 1800),
        ((0, 7, 15, 26, 40), 40),
        pytest.param((0, 0.04, 0.08, 0.12, 1200), 30_000, marks=pytest.mark.slow),
        ((0, 3600, 7201), 3),
        pytest.param((*(n / 25 for n in range(75)), 1800), 45_000, marks=pytest.mark.slow),
    ],
    ids=["burst", "slides", "burst and slides", "short slides", "20 min", "an hour apart", "screen"],
)
def test_a_slide_show_becomes_a_bounded_number_of_frames(tmp_path, seconds, frames):
    media = probe(shown_at(tmp_path / "v.mkv", *seconds))
    convert(tmp_path / "v.mkv", media, tmp_path / "v.avi")
    converted = probe(tmp_path / "v.avi").video
    assert converted.frames == pytest.approx(frames, abs=2)
    assert converted.frames / converted.nominal_rate == pytest.approx(seconds[-1], rel=0.5 if frames == 3 else 0.05)


def test_a_late_start_time_does_not_count_as_duration(tmp_path):
    ffmpeg(*lavfi(pattern(), tone()), *H264, "-output_ts_offset", "1000000", "-copyts", tmp_path / "v.mkv")
    media = probe(tmp_path / "v.mkv")
    assert media.video is not None
    assert media.video.start_time == 1_000_000
    assert media.duration == pytest.approx(1, abs=0.05)


def test_a_container_without_video_and_audio(tmp_path):
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    ffmpeg("-i", tmp_path / "s.srt", tmp_path / "v.mkv")
    with pytest.raises(InvalidMediaNoStreams, match=r"v\.mkv"):
        probe(tmp_path / "v.mkv")


@pytest.mark.parametrize("name", ["-v.mp4", "a b'c\"d.mp4", "50%#1?.mp4", "🎬 é %03d.mp4", "file:x.mp4", "a|b.mp4"])
def test_odd_names(tmp_path, monkeypatch, name):
    ffmpeg(*lavfi(pattern()), *H264, tmp_path / "v.mp4")
    (tmp_path / "v.mp4").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    found = probe(Path(name)).video
    assert found is not None
    assert found.frames == 25
