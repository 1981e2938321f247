"""The decoders and demuxers that are on, in both FFmpegs, and what a user gets whose codec is off."""

import re
import subprocess

import av
import pytest

from avflow.errors import FFmpegFailed, InvalidMediaCodec, InvalidMediaUnreadable
from avflow.ffmpeg import binary, process
from avflow.ffmpeg.arguments import arguments, source_input
from avflow.media import accepted, containers, probe
from avflow.video import nvdec

SOUND = ("-f", "lavfi", "-i", "sine=d=1")


def made(path, *options, picture="testsrc2=s=64x64:r=25:d=1"):
    command = [binary(), "-v", "error", "-y", "-f", "lavfi", "-i", picture, *options, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def listed(option):
    """The names that imageio-ffmpeg's binary prints after the flags."""
    text = subprocess.run([binary(), "-hide_banner", option], capture_output=True, check=True, text=True).stdout
    return set(re.findall(r"^ [VASDE.XFILB ]+ (\S+) ", text, re.MULTILINE))


def test_every_name_is_that_of_a_decoder_or_demuxer():
    decoders = listed("-decoders")
    assert {name for name in accepted.DECODERS if name not in decoders and not _pyav_has(name)} <= {"libspeex"}
    demuxers = listed("-demuxers") | set(av.formats_available)
    known = {part for name in demuxers for part in name.split(",")}
    assert {part for name in accepted.DEMUXERS for part in name.split(",")} <= known
    assert set(containers.CUT_ANYWHERE | containers.CLOCK_MAY_JUMP | containers.PRESENTATION_TIMES_ONLY) <= (
        accepted.DEMUXERS
    )


def _pyav_has(name):
    try:
        return av.Codec(name, "r").name == name
    except av.codec.codec.UnknownCodecError:
        return False


def test_few_of_ffmpegs_decoders_are_on():
    on = accepted.DECODERS & (listed("-decoders") | set(av.codecs_available))
    assert len(on) < 120 < 400 < len(av.codecs_available)


@pytest.mark.parametrize(
    ("codec", "suffix"), [("magicyuv", "mkv"), ("cinepak", "avi"), ("snow", "mkv"), ("libvvenc", "mp4")]
)
def test_another_codec_is_refused_by_its_name_and_its_sound_is_kept(tmp_path, codec, suffix):
    options = ("-c:v", codec, *(("-pix_fmt", "yuv420p") if codec in ("snow", "libvvenc") else ()))
    strict = ("-strict", "-2")
    alone = made(tmp_path / f"alone.{suffix}", *options, *strict)
    name = {"libvvenc": "vvc"}.get(codec, codec)
    with pytest.raises(InvalidMediaCodec, match=rf"Video stream 0 of alone\.{suffix} .* codec {name} is not one"):
        probe(alone)
    heard = probe(made(tmp_path / f"both.{suffix}", *SOUND, *options, *strict, "-c:a", "aac"))
    assert heard.video is None and heard.audio is not None
    assert [notice.name for notice in heard.notices] == ["VideoUndecodable"]


def test_a_demuxer_that_is_off_opens_nothing(tmp_path):
    path = made(tmp_path / "film.gxf", "-c:v", "mpeg2video", "-r", "25", picture="testsrc2=s=720x576:r=25:d=1")
    with pytest.raises(InvalidMediaUnreadable, match=r"film\.gxf is not a supported video or audio file"):
        probe(path)


@pytest.mark.parametrize(("codec", "suffix", "on"), [("magicyuv", "mkv", False), ("mpeg4", "avi", True)])
def test_ffmpegs_commands_obey_the_same_table(tmp_path, codec, suffix, on):
    path = made(tmp_path / f"film.{suffix}", "-c:v", codec)
    output = source_input(path)["v:0"].output(str(tmp_path / "out.avi"), vcodec="mpeg4")
    command = arguments(output)
    for option, value in accepted.DECODER_OPTIONS.items():
        assert command[command.index(f"-{option}") + 1] == value
        assert command.index(f"-{option}") < command.index("-i")
    assert command[command.index("-protocol_whitelist") + 1] == "file"
    if on:
        subprocess.run(command, check=True)
        return
    with pytest.raises(FFmpegFailed, match="opening decoder"):
        process.run([*command[:-1], "-progress", "pipe:1", command[-1]], path.name, step="test", seconds=1)


def test_both_ffmpegs_are_releases_without_known_holes_in_what_is_on():
    said = subprocess.run([binary(), "-version"], capture_output=True, check=True, text=True).stdout.split()[2]
    assert accepted.ffmpeg_release(said) >= accepted.LEAST_BINARY
    assert accepted.ffmpeg_release(av.ffmpeg_version_info) >= accepted.LEAST_LIBRARIES


def test_a_hardware_decoder_with_known_holes_is_not_used(monkeypatch):
    nvdec.opens.cache_clear()
    monkeypatch.setattr(nvdec, "HWAccel", lambda *_, **__: pytest.fail("it is created"))
    monkeypatch.setattr(av, "ffmpeg_version_info", "9.0.2")
    assert not nvdec.opens("h264")
    nvdec.opens.cache_clear()
