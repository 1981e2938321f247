"""The demuxers and decoders of FFmpeg that are on: those of the files that people upload. All others are off.

FFmpeg has about 370 demuxers and 540 decoders. Most are for games, old programs and devices that nobody uploads from,
and nearly all of the holes that are found are in those. A whitelist, here and in FFmpeg's commands, closes them all.
A name is added to this table if people upload it, with the reason; docs/known-holes.md lists the known holes.

The names are those of FFmpeg's demuxers (`ffmpeg -demuxers`) and decoders (`ffmpeg -decoders`).
"""

from __future__ import annotations

import re

from avflow.media.model import MAX_AREA

#: by the reason
_DEMUXERS = {
    "phones, cameras, screen recorders, editing programs": ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"),
    "camcorders, broadcasts, DVD, Blu-ray": ("mpegts", "mpeg", "mxf", "dv"),
    "Flash and its live streams": ("flv", "live_flv"),
    "Windows Media": ("asf", "asf_o"),
    "browsers, free software": ("ogg", "ivf", "nut"),
    "animations": ("gif",),  # not apng: a picture that is shown shorter than most is lost in the conversion
    "raw streams of cameras and encoders": ("h264", "hevc", "m4v", "mpegvideo", "mjpeg", "yuv4mpegpipe", "obu", "av1"),
    "sound recorders and editing programs": ("wav", "w64", "aiff", "caf", "au"),
    "music and speech": ("mp3", "aac", "flac", "wv", "ape", "tta", "ac3", "eac3", "dts", "loas"),
    "voice recorders and phones": ("amr", "amrnb", "amrwb"),
}
_VIDEO = {
    "phones, cameras, screen recorders": ("h264", "hevc", "mjpeg", "mpeg4"),
    "browsers, video sites": ("vp8", "vp9", "libdav1d", "av1", "libaom-av1", "libvpx", "libvpx-vp9", "theora"),
    "camcorders, broadcasts, DVD": ("mpeg2video", "mpeg1video", "dvvideo", "vc1"),
    "editing programs, archives": ("prores", "dnxhd", "cfhd", "ffv1", "huffyuv", "ffvhuff", "utvideo"),
    "capture cards": ("rawvideo", "v210"),
    "old phones, Flash": ("h263", "flv", "vp6", "vp6f", "vp6a"),
    "Windows, DivX": ("wmv1", "wmv2", "wmv3", "msmpeg4", "msmpeg4v2"),
    "animations, slides": ("gif", "png", "qtrle"),
}
_AUDIO = {
    "phones, cameras, video sites": (
        "aac",
        "mp3float",
        "mp3",
        "opus",
        "libopus",
        "vorbis",
        "libvorbis",
        "alac",
        "flac",
    ),
    "broadcasts, DVD, Blu-ray": (
        *("mp2float", "mp2", "mp1float", "mp1", "ac3", "eac3", "dca", "truehd", "aac_latm", "s302m", "pcm_dvd"),
        "pcm_bluray",
    ),
    "sound recorders and editing programs": (
        *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
        *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_s64le", "pcm_s64be", "pcm_alaw", "pcm_mulaw"),
        *("pcm_s16le_planar", "pcm_s24le_planar", "pcm_s32le_planar", "pcm_s16be_planar", "pcm_s8_planar"),
    ),
    "music": ("wavpack", "ape", "tta", "wmav1", "wmav2", "wmapro", "wmalossless"),
    "voice recorders, phones, Flash": (
        *("amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "gsm", "gsm_ms", "adpcm_ms", "adpcm_ima_wav"),
        *("adpcm_ima_qt", "adpcm_swf", "adpcm_yamaha", "g726", "speex", "libspeex", "nellymoser", "wmavoice", "ilbc"),
    ),
}


def _all(table: dict[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for names in table.values() for name in names)


DEMUXERS = _all(_DEMUXERS)
DECODERS = _all(_VIDEO) | _all(_AUDIO)
#: values of libavformat's option `format_whitelist`, and of the option `codec_whitelist` of libavformat and libavcodec
FORMAT_WHITELIST = ",".join(sorted(DEMUXERS))
CODEC_WHITELIST = ",".join(sorted(DECODERS))
#: value of libavformat's option `protocol_whitelist` for reading an upload
PROTOCOL_WHITELIST = "file"
#: Options of libavcodec for every decoder. H.264 and H.265 may carry LCEVC enhancements, whose decoder would otherwise
#: be run by FFmpeg builds that have it (libavcodec/lcevcdec.c).
DECODER_OPTIONS = {
    "codec_whitelist": CODEC_WHITELIST,
    "export_side_data": "enhancements",
    "max_pixels": str(MAX_AREA),
}

#: The oldest releases of FFmpeg that have no known hole in what is on, for PyAV's and for imageio-ffmpeg's
LEAST_LIBRARIES, LEAST_BINARY = (8, 1, 2), (9, 0, 2)
#: the release before which NVIDIA's hardware decoder has known holes (libavcodec/nvdec.c)
LEAST_NVDEC = (9, 0, 3)


def ffmpeg_release(version: str) -> tuple[int, ...]:
    """The numbers of FFmpeg's release in what it calls its version.

    >>> ffmpeg_release("8.1.2"), ffmpeg_release("n9.0.2-17-g2a571b6068-20260930")
    ((8, 1, 2), (9, 0, 2))
    """
    numbers = re.match(r"n?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, numbers[1].split("."))) if numbers else ()
