"""Change when the packets of a stored film are shown, or leave some out, without decoding them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.corpus.film import AAC, H264, Film, Samples, ffmpeg, record

#: every frame decodes by itself, so that any may be left out
INTRA = (*H264, "-g", "1")


def remade(source: Path, target: Path, *options: str) -> Path:
    """Copy the packets of all streams with options such as bitstream filters."""
    ffmpeg("-copyts", "-i", source, "-map", "0", "-c", "copy", *options, target)
    source.unlink()
    return target


def without(suffix: str, film: Film, *, sound: Sequence[tuple[float, float]] = (),
            picture: Sequence[tuple[float, float]] = (), video: Sequence[str] = INTRA, audio: Sequence[str] = AAC,
            options: Sequence[str] = ()) -> Callable[[Path], Path]:  # fmt: skip
    """A recipe: a film without the packets of these seconds. The clock goes on meanwhile."""

    def make(folder: Path) -> Path:
        whole = record(folder / "whole.nut", film, video, audio)
        filters = []
        for stream, gaps in (("a", sound), ("v", picture)):
            if gaps:
                inside = "+".join(f"between(pts*tb,{start},{end - 0.001})" for start, end in gaps)
                filters += [f"-bsf:{stream}", f"noise=drop='{inside}'"]
        return remade(whole, folder / f"film.{suffix}", *filters, *options)

    return make


def stepping(suffix: str, film: Film, at: float, by: float, *, streams: str = "av", video: Sequence[str] = H264,
             audio: Sequence[str] = AAC, options: Sequence[str] = ()) -> Callable[[Path], Path]:  # fmt: skip
    """A recipe: a film whose clock steps by `by` seconds at `at` seconds, in sound ("a"), picture ("v") or both."""

    def make(folder: Path) -> Path:
        whole = record(folder / "whole.nut", film, video, audio)
        later = f"setts=ts='if(gte(TS*TB,{at - 0.001}),TS+{by}/TB,TS)'"
        filters = [option for stream in streams for option in (f"-bsf:{stream}", later)]
        return remade(whole, folder / f"film.{suffix}", *filters, *options)

    return make


def apart(suffix: str, film: Film, *, sound_late: float = 0.0, picture_late: float = 0.0,
          video: Sequence[str] = H264, audio: Sequence[str] = AAC, samples: Samples | None = None,
          options: Sequence[str] = ()) -> Callable[[Path], Path]:  # fmt: skip
    """A recipe: a film whose sound or picture begins late. Its beeps or flashes are late by as much."""

    def make(folder: Path) -> Path:
        picture = record(folder / "picture.nut", film, video, None)
        sound = record(folder / "sound.nut", film, None, audio, samples=samples)
        target = folder / f"film.{suffix}"
        ffmpeg("-itsoffset", str(picture_late), "-i", picture, "-itsoffset", str(sound_late), "-i", sound,
               "-map", "0:v", "-map", "1:a", "-c", "copy", *options, target)  # fmt: skip
        picture.unlink()
        sound.unlink()
        return target

    return make
