"""What FFmpeg is asked to do: sound for the recogniser, a video the detector can read, and the finished AVI.

Every command keeps the container's own clock (`-copyts`) and subtracts the time of
the first picture, so that picture and sound that start apart stay apart.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.budget import Budget
from avflow.errors import InvalidMediaNoStreams
from avflow.ffmpeg.process import UNLIMITED, binary, run, written_whole
from avflow.media.containers import FORMAT_WHITELIST, PROTOCOL_WHITELIST, file_url
from avflow.media.model import Media, Picture, Sound
from avflow.progress import Report, ignore

#: samples per second and format that speech recognisers are trained on
SPEECH_RATE = 16_000
PICTURE_BITRATE = "4000k"
SOUND_BITRATE = "320k"
#: a converted video has at most this many frames a second
MOST_FRAMES_PER_SECOND = 60
#: MPEG-4 Part 2 counts time in ticks of at most 16 bits (ISO/IEC 14496-2, vop_time_increment_resolution)
_MOST_TICKS = 65_535
#: rates that carry 320 kbit/s (MPEG-1 Layer III, ISO/IEC 11172-3)
_MP3_RATES = (32_000, 44_100, 48_000)
#: samples between what goes into LAME and what comes out of a decoder: 576 + 529 (LAME Technical FAQ)
MP3_DELAY = 1_105


def source_input(source: Path, **options: Any) -> Any:
    """An upload as ffmpeg-python's input: only the file itself is opened, whatever its name and content."""
    return ffmpeg.input(
        file_url(source), protocol_whitelist=PROTOCOL_WHITELIST, format_whitelist=FORMAT_WHITELIST, **options
    )


def arguments(output: Any, *options: str) -> list[str]:
    """The argument list of an ffmpeg-python output."""
    everywhere = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", *options)
    command: list[str] = output.global_args(*everywhere).overwrite_output().compile(cmd=binary())
    return command


def extract_wav(
    source: Path, media: Media, target: Path, *, report: Report = ignore, budget: Budget = UNLIMITED
) -> None:
    """Write the chosen audio track to `target` as WAV, 16 bits, 16 kHz, mono.

    Second 0 of it is the time of the first picture, so that subtitles made from it
    match the boxed video; without a picture it is the first sound.

    Raises
    ------
    FFmpegFailed, LambdaBudgetExceeded, InvalidMediaNoStreams
    """
    track = _from_first_picture(source_input(source), _sound(source, media), media.picture, SPEECH_RATE)
    with written_whole(target) as partial:
        output = track.output(file_url(partial), format="wav", acodec="pcm_s16le", ac=1)
        _run(output, source, "extract sound", media.duration, report=report, budget=budget)


def convert(source: Path, media: Media, target: Path, *, report: Report = ignore, budget: Budget = UNLIMITED) -> None:
    """Write `target`, an AVI that can be read frame by frame: constant rate, upright, progressive, square, 8 bits, SDR.

    Raises
    ------
    FFmpegFailed, LambdaBudgetExceeded, InvalidMediaNoStreams
    """
    if media.picture is None:
        raise InvalidMediaNoStreams(f"{source.name} has no picture to convert")
    origin = source_input(source)
    streams = [_plain_pictures(origin[str(media.picture.index)], media.picture)]
    if media.sound is not None:
        streams.append(_mp3_track(origin, media.sound, media.picture))
    with written_whole(target) as partial:
        output = ffmpeg.output(*streams, file_url(partial), **_avi(vcodec="mpeg4"), **{"b:v": PICTURE_BITRATE})
        _run(output, source, "convert", media.duration, report=report, budget=budget)


def mux(
    boxed: Path, source: Path, media: Media, target: Path, *, report: Report = ignore, budget: Budget = UNLIMITED
) -> None:
    """Write `target`: the pictures of `boxed` as they are, with the sound of `source` at the same distance as before.

    Raises
    ------
    FFmpegFailed, LambdaBudgetExceeded
    """
    streams = [source_input(boxed)["v:0"]]
    if media.sound is not None:
        streams.append(_mp3_track(source_input(source), media.sound, media.picture))
    with written_whole(target) as partial:
        output = ffmpeg.output(*streams, file_url(partial), **_avi(vcodec="copy"))
        _run(output, source, "merge", media.duration, report=report, budget=budget)


def conversion_rate(picture: Picture) -> Fraction:
    """Frames per second of the converted video: the rate most frames have, at most 60."""
    return encodable_rate(min(picture.nominal_rate, Fraction(MOST_FRAMES_PER_SECOND)))


def encodable_rate(rate: Fraction) -> Fraction:
    """The closest rate that MPEG-4 Part 2 can express.

    >>> encodable_rate(Fraction(30000, 1001))
    Fraction(30000, 1001)
    """
    return 1 / (1 / rate).limit_denominator(_MOST_TICKS)


def _run(output: Any, source: Path, step: str, seconds: float, *, report: Report, budget: Budget) -> None:
    command = arguments(output, "-copyts", "-progress", "pipe:1", "-stats_period", "0.25")
    run(command, source.name, step=step, seconds=seconds, report=report, budget=budget)


def _sound(source: Path, media: Media) -> Sound:
    if media.sound is None:
        raise InvalidMediaNoStreams(f"{source.name} has no sound to extract")
    return media.sound


def _from_first_picture(
    origin: Any, sound: Sound, picture: Picture | None, rate: int, ahead: Fraction | None = None
) -> Any:
    """The audio track at `rate`, padded or trimmed to begin with the first picture; `ahead` seconds sooner."""
    start = "STARTPTS" if picture is None else f"{picture.start_time + float(ahead or 0):.6f}/TB"
    track = origin[str(sound.index)].filter("asetpts", f"PTS-{start}")
    # async=1 fills holes and cuts overlaps but never stretches: speech keeps its pitch
    return track.filter("aresample", rate, first_pts=0, **{"async": 1})


def _mp3_track(origin: Any, sound: Sound, picture: Picture | None) -> Any:
    """The audio track as it goes into LAME.

    AVI can't say that the first samples of an MP3 are padding, so the sound is begun
    that much earlier for it to be heard on time.
    """
    rate = sound.rate if sound.rate in _MP3_RATES else 44_100 if sound.rate % 11_025 == 0 else 48_000
    layout = "mono" if sound.channels == 1 else "stereo"
    track = _from_first_picture(origin, sound, picture, rate, Fraction(MP3_DELAY, rate))
    return track.filter("aformat", channel_layouts=layout)


def _avi(vcodec: str) -> dict[str, Any]:
    return {
        "format": "avi",
        "vcodec": vcodec,
        "acodec": "libmp3lame",
        "audio_bitrate": SOUND_BITRATE,
        # LAME's padding lies before 0; shifting everything to make room would move the pictures
        "avoid_negative_ts": "disabled",
        "fps_mode": "passthrough",
    }


def _plain_pictures(pictures: Any, picture: Picture) -> Any:
    """The filters that make pictures readable; FFmpeg turns rotated ones upright before them."""
    if picture.interlaced:
        pictures = pictures.filter("bwdif", mode="send_frame", deint="all")
    pictures = pictures.filter("setpts", "PTS-STARTPTS").filter("fps", str(conversion_rate(picture)))
    if picture.hdr:
        pictures = _tone_mapped(pictures, picture)
    if picture.sample_aspect_ratio != 1:
        pictures = pictures.filter("scale", "round(iw*sar)", "ih").filter("setsar", 1)
    return pictures.filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2").filter("format", "yuv420p")


def _tone_mapped(pictures: Any, picture: Picture) -> Any:
    """Pictures of PQ or HLG light, in BT.709, by way of linear light (Report ITU-R BT.2390)."""
    light = pictures.filter(
        "setparams", color_primaries="bt2020", color_trc=picture.color_transfer, colorspace="bt2020nc"
    )
    light = light.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le").filter("zscale", p="bt709")
    light = light.filter("tonemap", tonemap="hable", desat=0)
    return light.filter("zscale", t="bt709", m="bt709", r="tv")
