"""Several tracks: silent ones, one for each microphone, commentary, languages, previews and cover art."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, FLAC, H264, MP3, MPEG2, OPUS, PCM, VORBIS, VP8, Film, ffmpeg, record
from tests.corpus.kinds.common import GARDEN, MILK, TRAIN

MAIN = Film(seconds=5, flashes=(0.52, 4.4), beeps=(0.52, 4.4), said={0.8: GARDEN})
COMMENT = Film(seconds=5, beeps=(2.2, 4.8), said={0.4: MILK})
SILENT = Film(seconds=5, beeps=())
BEEPS = Film(seconds=5, beeps=(0.52, 4.4))
SPEAKER = Film(seconds=5, beeps=(), said={0.8: GARDEN})
PICTURE = Film(seconds=5, flashes=(0.52, 4.4))

HEARD = Right(
    frames=125,
    rate=None,
    seconds=5,
    size=(160, 128),
    pictures=range(125),
    marks=(0.52, 4.4),
    said={0.8: GARDEN},
    said_within=0.6,
)


def tracks(
    suffix: str,
    *sounds: Film,
    video: Sequence[str] = H264,
    audio: Sequence[str] = AAC,
    options: Sequence[str] = (),
    mono: bool = False,
    languages: Sequence[str] = (),
) -> Callable[[Path], Path]:
    """A recipe: a film with a picture and these tracks of sound. `options` come before the target."""

    def make(folder: Path) -> Path:
        picture = replace(PICTURE, seconds=max(sound.seconds for sound in sounds))
        inputs: list[str | Path] = ["-i", record(folder / "picture.nut", picture, video, None)]
        maps = ["-map", "0:v"]
        for number, sound in enumerate(sounds):
            inputs += ["-i", record(folder / f"sound{number}.wav", sound, None, PCM)]
            maps += ["-map", f"{number + 1}:a"]
        named = [option for n, name in enumerate(languages) for option in (f"-metadata:s:a:{n}", f"language={name}")]
        target = folder / f"film.{suffix}"
        ffmpeg(*inputs, *maps, "-c:v", "copy", *audio, *(("-ac", "1") if mono else ()), *named, *options, target)
        for source in inputs[1::2]:
            Path(source).unlink()
        return target

    return make


def _case(
    id: str, what: str, make: Callable[[Path], Path], right: Right = HEARD, quick: bool = False, **environ: str
) -> Case:
    return Case(f"track-{id}", what, make, right, quick, environ)


def _disposed(*dispositions: str) -> list[str]:
    return [option for n, name in enumerate(dispositions) for option in (f"-disposition:a:{n}", name)]


SILENT_FIRST = (
    _case("silent-mp4", "MP4, the first track silent (OBS)", tracks("mp4", SILENT, MAIN), quick=True),
    _case(
        "silent-mkv",
        "Matroska, the first track silent and flagged as default",
        tracks("mkv", SILENT, MAIN, options=_disposed("default", "0")),
    ),
    _case("silent-ts", "transport stream, the first track silent", tracks("ts", SILENT, MAIN)),
    _case(
        "silent-mov", "QuickTime, the first two of three tracks silent", tracks("mov", SILENT, SILENT, MAIN, audio=PCM)
    ),
    _case("silent-flac", "Matroska with FLAC, the first track silent", tracks("mkv", SILENT, MAIN, audio=FLAC)),
    _case("silent-last", "MP4, the second track silent", tracks("mp4", MAIN, SILENT)),
    _case(
        "default-second",
        "Matroska, the second track flagged as default",
        tracks("mkv", COMMENT, MAIN, options=_disposed("0", "default")),
    ),
    _case(
        "all-silent",
        "MP4, both tracks silent",
        tracks("mp4", SILENT, SILENT),
        replace(HEARD, marks=(), flashes=(0.52, 4.4), said={}),
    ),
)

#: microphones of one programme; each sentence is on another
TURNS = (
    Film(seconds=10, beeps=(), said={0.4: GARDEN}),
    Film(seconds=10, beeps=(), said={5.0: TRAIN}),
)
TOGETHER = Right(frames=250, pictures=range(250), flashes=(0.52, 4.4), said={0.4: GARDEN, 5.0: TRAIN}, said_within=0.6)
MONO = (
    _case(
        "mono-mxf",
        "MXF, one mono track for each microphone",
        tracks("mxf", *TURNS, video=MPEG2, audio=PCM, mono=True),
        TOGETHER,
        quick=True,
    ),
    _case(
        "mono-mov",
        "QuickTime, one mono track for each microphone",
        tracks("mov", *TURNS, audio=PCM, mono=True),
        TOGETHER,
    ),
    _case(
        "mono-mov-four",
        "QuickTime, four mono tracks, two of them silent",
        tracks("mov", SILENT, TURNS[0], SILENT, TURNS[1], audio=PCM, mono=True),
        TOGETHER,
    ),
    _case(
        "mono-mxf-beeps",
        "MXF, four mono tracks: silence, beeps only, speech, silence",
        tracks("mxf", SILENT, BEEPS, SPEAKER, SILENT, video=MPEG2, audio=PCM, mono=True),
        HEARD,
    ),
    _case("mono-mp4", "MP4, one mono track for each microphone", tracks("mp4", *TURNS, mono=True), TOGETHER),
    _case(
        "mono-mkv",
        "Matroska, one mono track for each microphone",
        tracks("mkv", *TURNS, audio=OPUS, mono=True),
        TOGETHER,
    ),
)

COMMENTS = (
    _case(
        "comment-first", "Matroska, commentary first", tracks("mkv", COMMENT, MAIN, options=_disposed("comment", "0"))
    ),
    _case(
        "described-first",
        "Matroska, audio description first",
        tracks("mkv", COMMENT, MAIN, options=_disposed("visual_impaired", "0")),
    ),
    _case(
        "described-ts",
        "transport stream, audio description first",
        tracks("ts", COMMENT, MAIN, options=_disposed("visual_impaired", "0")),
    ),
    _case(
        "comment-second",
        "Matroska, commentary second",
        tracks("mkv", MAIN, COMMENT, options=_disposed("default", "comment")),
    ),
    _case(
        "comment-beside-silent",
        "Matroska, a silent track and commentary before the main track",
        tracks("mkv", SILENT, COMMENT, MAIN, options=_disposed("default", "comment", "0")),
    ),
)

CHOSEN = (
    _case("chosen-index", "MP4 with two tracks, the second one chosen", tracks("mp4", COMMENT, MAIN), AUDIO_TRACK="2"),
    _case(
        "chosen-language",
        "MP4 with two languages, one chosen",
        tracks("mp4", COMMENT, MAIN, languages=("deu", "eng")),
        AUDIO_TRACK="eng",
        quick=True,
    ),
    _case(
        "chosen-mkv",
        "Matroska with two languages, one chosen",
        tracks("mkv", COMMENT, MAIN, languages=("ger", "eng")),
        AUDIO_TRACK="eng",
    ),
    _case("chosen-first", "MP4 with two tracks, the first one chosen", tracks("mp4", MAIN, COMMENT), AUDIO_TRACK="1"),
)


def _preview(
    suffix: str, video: Sequence[str] = H264, audio: Sequence[str] = AAC, size: str = "320x256"
) -> Callable[[Path], Path]:
    """A recipe: a video stream of one large picture, then the film."""

    def make(folder: Path) -> Path:
        film = record(folder / "film.nut", MAIN, video, audio)
        still = folder / "still.nut"
        ffmpeg("-f", "lavfi", "-i", f"color=blue:s={size}:r=25", "-frames:v", "1", *video, still)
        target = folder / f"film.{suffix}"
        ffmpeg("-i", still, "-i", film, "-map", "0:v", "-map", "1", "-c", "copy", target)
        still.unlink()
        film.unlink()
        return target

    return make


def _two_films(suffix: str) -> Callable[[Path], Path]:
    """A recipe: a small film, a large one, and the sound."""

    def make(folder: Path) -> Path:
        film = record(folder / "film.nut", MAIN, H264, AAC)
        small = record(folder / "small.nut", Film(seconds=5, size=(80, 64), first=500, flashes=()), H264, None)
        target = folder / f"film.{suffix}"
        ffmpeg("-i", small, "-i", film, "-map", "0:v", "-map", "1", "-c", "copy", target)
        small.unlink()
        film.unlink()
        return target

    return make


def _covered(suffix: str, *options: str, film: bool = False, audio: Sequence[str] = AAC) -> Callable[[Path], Path]:
    """A recipe: cover art beside the sound, or beside a film."""

    def make(folder: Path) -> Path:
        cover = folder / "cover.jpg"
        ffmpeg("-f", "lavfi", "-i", "color=red:s=600x600", "-frames:v", "1", cover)
        main = record(folder / "main.nut", MAIN, H264 if film else None, audio)
        target = folder / f"film.{suffix}"
        number = 1 if film else 0
        ffmpeg(
            "-i",
            main,
            "-i",
            cover,
            "-map",
            "0",
            "-map",
            "1",
            "-c",
            "copy",
            f"-disposition:v:{number}",
            "attached_pic",
            *options,
            target,
        )
        cover.unlink()
        main.unlink()
        return target

    return make


SOUND_ONLY = Right(video=False, said={0.8: GARDEN}, said_within=0.6)
PICTURES = (
    _case("preview-mp4", "MP4, one picture in a track before the film", _preview("mp4"), quick=True),
    _case("preview-mkv", "Matroska, one picture in a track before the film", _preview("mkv")),
    _case("preview-ts", "transport stream, one picture before the film", _preview("ts", MPEG2)),
    _case("preview-large", "MP4, one picture of 1280x1024 before the film", _preview("mp4", size="1280x1024")),
    _case("two-films-mp4", "MP4, a small film before the large one", _two_films("mp4")),
    _case("two-films-mkv", "Matroska, a small film before the large one", _two_films("mkv")),
    _case("cover-mp3", "MP3 with cover art", _covered("mp3", "-id3v2_version", "3", audio=MP3), SOUND_ONLY),
    _case("cover-m4a", "M4A with cover art", _covered("m4a"), SOUND_ONLY, quick=True),
    _case("cover-flac", "FLAC with cover art", _covered("flac", audio=FLAC), SOUND_ONLY),
    _case("cover-mp4", "MP4 film with cover art", _covered("mp4", film=True)),
)


def _with_subtitles(folder: Path) -> Path:
    text = folder / "text.srt"
    text.write_text("1\n00:00:00,500 --> 00:00:02,000\nNot what is said.\n")
    main = record(folder / "main.nut", MAIN)
    target = folder / "film.mkv"
    ffmpeg("-i", text, "-i", main, "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt", target)
    text.unlink()
    main.unlink()
    return target


def _sound_first(folder: Path) -> Path:
    main = record(folder / "main.nut", MAIN, VP8, VORBIS)
    target = folder / "film.webm"
    ffmpeg("-i", main, "-map", "0:a", "-map", "0:v", "-c", "copy", target)
    main.unlink()
    return target


OTHERS = (
    _case("subtitles-first", "Matroska, subtitles in the first track", _with_subtitles),
    _case(
        "timecode",
        "QuickTime with a track of time codes",
        tracks("mov", MAIN, audio=PCM, options=("-timecode", "01:00:00:00")),
    ),
    _case("sound-first", "WebM, the sound in the first track", _sound_first),
)


KIND = Kind(
    "Several tracks",
    "The film is the stream with the most pixels times frames; the sound is the default track unless it is silent; "
    "microphones are mixed for recognition; commentary comes last.",
    (*SILENT_FIRST, *MONO, *COMMENTS, *CHOSEN, *PICTURES, *OTHERS),
)
