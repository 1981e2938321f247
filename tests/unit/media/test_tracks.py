"""Which streams are used, and how their channels are mixed. All sounds are synthesised and their levels measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avflow.ffmpeg import convert, extract_wav
from avflow.media.probing import probe
from avflow.media.tracks.languages import normalised
from avflow.speech.wav import Wav
from tests.media_samples import H264, ffmpeg, lavfi, pattern

#: "speech": bursts of a tone twice a second, whose level varies as that of speech does
BURSTS = "aevalsrc='{level}*sin(2*PI*{pitch}*t)*exp(-6*mod(t,0.5))':s=48000:d=4"
SILENCE = "anullsrc=r=48000:cl=stereo:d=4"
PCM = ("-c:a", "pcm_s16le")


def bursts(level: float = 0.3, pitch: int = 500) -> str:
    return BURSTS.format(level=level, pitch=pitch)


def level(path: Path, pitch: int | None = None) -> float:
    """RMS in dB of a WAV for recognition, or of one pitch in it."""
    with Wav(path) as audio:
        samples = audio.read(0, audio.samples).astype(np.float64) / 2**15
    if pitch is not None:
        turns = np.exp(-2j * np.pi * pitch * np.arange(len(samples)) / 16_000)
        return float(20 * np.log10(abs((samples * turns).mean()) * np.sqrt(2) + 1e-9))
    return float(10 * np.log10(np.square(samples).mean() + 1e-12))


def heard(source: Path, **options) -> float:
    """The level of the WAV that recognition gets."""
    target = source.with_suffix(".speech.wav")
    extract_wav(source, probe(source, **options), target)
    return level(target)


@pytest.fixture
def plain(tmp_path):
    """The level of the bursts in a mono file."""
    ffmpeg(*lavfi(bursts()), *PCM, tmp_path / "plain.wav")
    return heard(tmp_path / "plain.wav")


# ---------------------------------------------------------------- channels
@pytest.mark.parametrize(
    "channels",
    [
        "stereo|c0=c0|c1=-1*c0",
        "stereo|c0=0*c0|c1=c0",
        "5.1|c2=c0",
        "5.1|c0=0.5*c0|c1=0.5*c0|c2=c0|c4=-1*c0|c5=-1*c0",
        "5.1|c0=c0|c1=-1*c0|c4=c0|c5=-1*c0",
        "8C|c3=c0|c7=-1*c0",
        "32C|c30=c0",
    ],
)
def test_a_down_mix_cancels_nothing(tmp_path, plain, channels):
    ffmpeg(*lavfi(bursts() + f",aformat=sample_fmts=fltp,pan={channels}"), *PCM, tmp_path / "s.wav")
    assert heard(tmp_path / "s.wav") == pytest.approx(plain, abs=3)


def test_channels_that_are_inverse_half_of_the_time_are_not_added(tmp_path, plain):
    halves = "asplit[a][b];[a]atrim=0:2,pan=stereo|c0=c0|c1=c0[x];[b]atrim=2:4,pan=stereo|c0=c0|c1=-1*c0[y];"
    ffmpeg(*lavfi(bursts() + f",{halves}[x][y]concat=v=0:a=1"), *PCM, tmp_path / "s.wav")
    assert heard(tmp_path / "s.wav") == pytest.approx(plain, abs=1)


def test_a_channel_of_steady_noise_is_left_out(tmp_path, plain):
    noise = "anoisesrc=r=48000:a=0.2:d=4"
    ffmpeg(*lavfi(bursts(), noise), "-filter_complex", "[0][1]join=inputs=2:channel_layout=stereo", tmp_path / "s.wav")
    assert probe(tmp_path / "s.wav").audio.mix[0].speech == (1, 0)
    assert heard(tmp_path / "s.wav") == pytest.approx(plain, abs=1)


def test_inverted_stereo_stays_stereo_in_the_result(tmp_path):
    inverted = bursts() + ",pan=stereo|c0=c0|c1=-1*c0"
    ffmpeg(*lavfi(pattern(4), inverted), *H264, *PCM, tmp_path / "v.mkv")
    convert(tmp_path / "v.mkv", probe(tmp_path / "v.mkv"), tmp_path / "v.avi")
    out = np.frombuffer(ffmpeg("-i", tmp_path / "v.avi", "-vn", "-f", "f32le", "-"), "<f4").reshape(-1, 2)
    assert np.square(out[:, 0] - out[:, 1]).mean() > 100 * np.square(out[:, 0] + out[:, 1]).mean()


# ---------------------------------------------------------------- loudness
@pytest.mark.parametrize("codec", ["pcm_s24le", "pcm_f32le"])
def test_quiet_speech_is_amplified_before_it_is_rounded(tmp_path, codec):
    ffmpeg(*lavfi(bursts(0.0005) + ",aformat=sample_fmts=flt"), "-c:a", codec, tmp_path / "s.wav")
    assert heard(tmp_path / "s.wav") == pytest.approx(-22, abs=2)


@pytest.mark.parametrize("level", [0.01, 0.0005])
@pytest.mark.parametrize("offset", [-0.5, 0.05, 0.5])
def test_a_constant_offset_does_not_hide_quiet_speech(tmp_path, offset, level):
    sound = bursts(level) + f",aformat=sample_fmts=flt,dcshift={offset}"
    ffmpeg(*lavfi(sound), "-c:a", "pcm_f32le", tmp_path / "s.wav")
    assert heard(tmp_path / "s.wav") == pytest.approx(-22, abs=2)
    with Wav(tmp_path / "s.speech.wav") as audio:
        samples = audio.read(0, audio.samples).astype(float) / 2**15
    assert abs(samples.mean()) < 0.01
    assert abs(samples).max() < 1


@pytest.mark.parametrize("magnitude", [3.0, 30_000.0])
def test_samples_above_full_scale_are_attenuated(tmp_path, magnitude):
    ffmpeg(*lavfi(bursts(magnitude) + ",aformat=sample_fmts=dbl"), "-c:a", "pcm_f32le", tmp_path / "s.wav")
    target = tmp_path / "speech.wav"
    extract_wav(tmp_path / "s.wav", probe(tmp_path / "s.wav"), target)
    with Wav(target) as audio:
        samples = audio.read(0, audio.samples).astype(float) / 2**15
    assert 0.5 < abs(samples).max() < 1
    assert np.mean(abs(samples) > 0.99) < 0.01


@pytest.mark.parametrize("sound", [SILENCE, "anoisesrc=r=48000:a=0.0005:d=4"])
def test_the_noise_of_a_silent_track_is_not_amplified(tmp_path, sound):
    ffmpeg(*lavfi(sound), "-c:a", "pcm_s24le", tmp_path / "s.wav")
    assert probe(tmp_path / "s.wav").audio.speech_gain == 0
    assert heard(tmp_path / "s.wav") < -65


def test_loud_sound_stays_as_it_is(tmp_path):
    ffmpeg(*lavfi(bursts(0.1)), *PCM, tmp_path / "s.wav")
    audio = probe(tmp_path / "s.wav").audio
    assert (audio.speech_gain, audio.sound_gain, audio.mix[0].speech) == (0, 0, (1,))


# ---------------------------------------------------------------- tracks
def tracks(folder: Path, *sounds: str, name: str = "s.mkv", more: tuple[str, ...] = ()) -> Path:
    maps = [part for number in range(len(sounds)) for part in ("-map", str(number))]
    ffmpeg(*lavfi(*sounds), *maps, *PCM, *more, folder / name)
    return folder / name


def chosen(path: Path, **options) -> list[int]:
    return [track.index for track in probe(path, **options).tracks if track.chosen]


def flags(default: int | None, count: int) -> tuple[str, ...]:
    return tuple(part for n in range(count) for part in (f"-disposition:a:{n}", "default" if n == default else "0"))


def stereo(source: str) -> str:
    return f"{source},pan=stereo|c0=c0|c1=0.5*c0"


def test_a_silent_default_track_is_passed_over(tmp_path):
    source = tracks(tmp_path, SILENCE, stereo(bursts()), more=flags(0, 2))
    media = probe(source)
    assert [(track.chosen, track.why) for track in media.tracks] == [
        (False, "silent"),
        (True, "the first audio stream with sound"),
    ]
    assert media.audio.index == 1
    assert heard(source) > -25


def test_a_default_track_that_starts_silent_is_heard(tmp_path):
    late = stereo("aevalsrc='0.3*sin(3000*t)*exp(-6*mod(t,0.5))*gt(t,70)':s=8000:d=72")
    assert chosen(tracks(tmp_path, late, stereo(bursts()), more=flags(0, 2))) == [0]


def test_the_default_flag_decides_between_languages_and_commentary_comes_last(tmp_path):
    two = (stereo(bursts()), stereo(bursts(pitch=700)))
    assert chosen(tracks(tmp_path, *two, name="second.mkv", more=flags(1, 2))) == [1]
    assert chosen(tracks(tmp_path, *two, name="none.mkv", more=flags(None, 2))) == [0]
    title = ("-metadata:s:a:0", "title=Director's commentary")
    assert chosen(tracks(tmp_path, *two, name="title.mkv", more=(*flags(0, 2), *title))) == [1]
    flag = ("-disposition:a:0", "default+comment", "-disposition:a:1", "0")
    assert chosen(tracks(tmp_path, *two, name="flag.mkv", more=flag)) == [1]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", [0]),
        ("1", [1]),
        ("fr", [1]),
        ("fre", [1]),
        ("fra", [1]),
        ("FR-ca", [1]),
        ("en", [0]),
        ("de", [0]),
        ("7", [0]),
    ],
)
def test_the_choice_can_be_overridden(tmp_path, wanted, expected):
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre")
    source = tracks(tmp_path, stereo(bursts()), stereo(bursts(pitch=700)), more=(*flags(0, 2), *languages))
    assert chosen(source, audio_track=wanted) == expected
    notices = [notice.name for notice in probe(source, audio_track=wanted).notices]
    assert notices == (["AudioTrackNotFound"] if wanted in ("de", "7") else [])


@pytest.mark.parametrize("name", ["s.mkv", "s.mov", "s.mxf"])
def test_mono_tracks_of_one_programme_are_mixed(tmp_path, name):
    film = (*lavfi(pattern(4)), *lavfi(bursts(), "anullsrc=r=48000:cl=mono:d=4", bursts(pitch=900)))
    codec = ("-c:v", "mpeg2video") if name == "s.mxf" else H264
    ffmpeg(*film, "-map", "0", "-map", "1", "-map", "2", "-map", "3", *codec, *PCM, tmp_path / name)
    media = probe(tmp_path / name)
    assert [mixed.index for mixed in media.audio.mix] == [1, 3]
    extract_wav(tmp_path / name, media, tmp_path / "out.wav")
    assert level(tmp_path / "out.wav", 500) == pytest.approx(level(tmp_path / "out.wav", 900), abs=1)
    assert level(tmp_path / "out.wav", 500) > -30


def test_a_steady_sound_is_left_out_for_speech_only(tmp_path):
    """A line-up tone, or the beep of a clapperboard, belongs into the result."""
    film = (*lavfi(pattern(4)), *lavfi(bursts(), "sine=900:r=48000:d=4"))
    ffmpeg(*film, "-map", "0", "-map", "1", "-map", "2", *H264, *PCM, tmp_path / "s.mov")
    first, second = probe(tmp_path / "s.mov").audio.mix
    assert (first.speech, second.speech) == ((1,), (0,))
    assert (first.sound, second.sound) == (((0.5,),), ((0.5,),))


def test_a_steady_sound_in_front_stays_in_the_result(tmp_path):
    tone = "sine=900:r=48000:d=4"
    six = (bursts(), tone, bursts(pitch=700), "anullsrc=r=48000:cl=mono:d=4", bursts(), bursts())
    places = "|".join(f"{number}.0-{name}" for number, name in enumerate(("FL", "FR", "FC", "LFE", "BL", "BR")))
    joined = f"join=inputs=6:channel_layout=5.1:map={places}"
    ffmpeg(*lavfi(*six), "-filter_complex", joined, "-c:a", "flac", tmp_path / "s.flac")
    mixed = probe(tmp_path / "s.flac").audio.mix[0]
    assert mixed.speech[1] == 0
    assert mixed.sound[1][1] > 0.2


def test_the_manifest_says_why_each_mono_track_is_mixed(tmp_path):
    media = probe(tracks(tmp_path, bursts(), bursts(pitch=900), SILENCE, name="s.mov", more=flags(1, 3)))
    assert [(track.chosen, track.why) for track in media.tracks] == [
        (True, "a mono stream of the same programme as stream 1, and mixed with it"),
        (True, "the default stream; mixed from 2 mono streams of one programme"),
        (False, "silent"),
    ]


@pytest.mark.parametrize("quiet", [0.03, 0.003])
def test_a_quiet_microphone_is_as_loud_as_the_other_one(tmp_path, quiet):
    source = tracks(tmp_path, bursts(), bursts(quiet, pitch=900), name="s.mov")
    assert heard(source) > -35
    loud, soft = (level(tmp_path / "s.speech.wav", pitch) for pitch in (500, 900))
    assert loud - soft == pytest.approx(20 if quiet < 0.01 else 0, abs=2)


@pytest.mark.parametrize(
    "sound",
    ["anoisesrc=r=48000:a=0.02:d=4", "anoisesrc=r=48000:a=0.01:d=4,volume='1+0.7*sin(3*t)':eval=frame"],
    ids=["steady", "swelling"],
)
def test_the_noise_of_another_microphone_is_not_raised(tmp_path, sound):
    media = probe(tracks(tmp_path, bursts(), sound, name="s.mov"))
    speech, noise = (mixed.speech[0] for mixed in media.audio.mix)
    assert noise <= speech
    assert media.audio.speech_gain == 0


def test_inverse_mono_tracks_do_not_cancel(tmp_path, plain):
    source = tracks(tmp_path, bursts(), bursts(-0.3), name="s.mov")
    assert heard(source) == pytest.approx(plain, abs=1)


def test_mono_tracks_in_two_languages_are_not_mixed(tmp_path):
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre")
    assert chosen(tracks(tmp_path, bursts(), bursts(pitch=900), more=(*flags(0, 2), *languages))) == [0]


def test_if_all_tracks_are_silent_the_sound_is_silent(tmp_path):
    source = tracks(tmp_path, SILENCE, SILENCE, more=flags(1, 2))
    assert chosen(source) == [1]
    assert heard(source) < -90


# ---------------------------------------------------------------- the film
def test_the_film_is_the_stream_with_the_most_pixels_in_all_frames(tmp_path):
    big, small = "testsrc=s=1280x720:r=1:d=1", "testsrc=s=160x120:r=25:d=2"
    ffmpeg(*lavfi(big, small), "-map", "0", "-map", "1", *H264, tmp_path / "preview.mkv")
    media = probe(tmp_path / "preview.mkv")
    assert (media.video.index, media.video.frames) == (1, 50)
    ffmpeg(*lavfi(small, "testsrc=s=320x240:r=25:d=2"), "-map", "0", "-map", "1", *H264, tmp_path / "two.mp4")
    assert probe(tmp_path / "two.mp4").video.index == 1


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("ger", "de"),
        ("deu", "de"),
        ("de-AT", "de"),
        ("zho", "zh"),
        ("chi", "zh"),
        ("und", ""),
        (None, ""),
        ("gsw", "gsw"),
    ],
)
def test_codes_of_languages(code, short):
    assert normalised(code) == short
