"""Which videos a command means: files, the media files of folders, and patterns; and the path that each keeps.

Paths are kept relative to the deepest folder that contains all that was named: the folders themselves, the folders of
files, and the part of a pattern before its first wildcard. So the place of a result depends on what was typed, and not
on what else lies in a folder.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from avflow.errors import SourceMissing
from avflow.filenames import as_stored, printable
from avflow_cli import video

#: names of the media files that a folder may hold, by their ending
SUFFIXES = frozenset(
    """
    .mp4 .m4v .mov .qt .mkv .webm .avi .divx .mpg .mpeg .mpe .m2v .vob .ts .m2ts .mts .mod .tod .mxf .dv .flv .f4v .wmv
    .asf .ogv .ogg .ogm .3gp .3g2 .gif .y4m .ivf .nut .h264 .264 .hevc .265 .obu .mjpeg .mjpg
    .wav .w64 .mp3 .mp2 .m4a .m4b .mka .aac .flac .opus .oga .spx .wma .aif .aiff .aifc .caf .au .amr .ac3 .eac3 .dts
    .wv .ape .tta
    """.split()  # noqa: SIM905 - a list of so many literals is harder to read
)
_WILDCARD = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Clip:
    """One video, and its path relative to the folder that all videos of the command are in, with slashes."""

    path: Path
    name: str

    @property
    def shown(self) -> str:
        """The name as messages quote it."""
        return printable(self.name)


def find(texts: Sequence[str], out: Path, *, also_in: Path | None = None) -> list[Clip]:
    """The videos that these texts name, each once, in the order of the texts; those of a folder sorted by path.

    Parameters
    ----------
    out:
        The folder for the results. What lies in it is no upload, and neither is a result elsewhere.
    also_in:
        Another folder of the command, which counts for the paths that are kept.

    Raises
    ------
    WrongVideo, SourceMissing
        A text names nothing, or something else than files and folders. Nothing else is wrong with the others then.
    """
    found: dict[str, Path] = {}
    tops = [] if also_in is None else [os.path.abspath(also_in)]
    for text in texts:
        top, paths = _named(text, out)
        tops.append(os.path.abspath(top))
        for path in paths:
            found.setdefault(os.path.abspath(path), path)
    common = common_folder(tops)
    return [clip_of(path, common) for path in found.values()]


def common_folder(folders: Iterable[str]) -> Path:
    """The deepest folder that contains all of them. Absolute."""
    return Path(os.path.commonpath([*folders]))


def clip_of(path: Path, top: Path) -> Clip:
    """A file with its path relative to `top`."""
    return Clip(path, Path(os.path.relpath(os.path.abspath(path), top)).as_posix())


def is_many(texts: Sequence[str]) -> bool:
    """Whether these texts name several videos, or may: one that is a file, or nothing, is one."""
    return len(texts) != 1 or _is_folder(texts[0]) or _is_pattern(texts[0])


def in_folder(folder: Path, out: Path) -> Iterator[Path]:
    """The media files in a folder and the folders in it, sorted. Hidden ones are left out, and results are.

    Raises
    ------
    SourceMissing
        The folder can't be read.
    """
    results = os.path.abspath(out)

    def refuse(error: OSError) -> None:
        if error.filename == str(folder):
            raise SourceMissing(f"{printable(str(folder))} can't be read: {error.strerror}.") from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        inside = os.path.abspath(where)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and os.path.join(inside, name) != results
        )
        for name in sorted(names):
            path = Path(where, name)
            if not name.startswith(".") and path.suffix.lower() in SUFFIXES and path.is_file() and not is_result(path):
                yield path


def is_result(path: Path) -> bool:
    """Whether a file is a result of av-workflow: its manifest lies beside it, and lists it."""
    try:
        report = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return any(str(key).endswith("/" + path.name) for key in report["results"]) and "execution" in report
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _named(text: str, out: Path) -> tuple[Path, list[Path]]:
    """What one text names: the folder from which paths are kept, and the files."""
    if _is_folder(text):
        path = video.path_of(text)
        return path, _some(text, list(in_folder(path, out)), "has no media file")
    if _is_pattern(text):
        whole = os.path.expanduser(text)
        paths: list[Path] = []
        for name in sorted(glob.glob(whole, recursive=True)):
            paths += in_folder(Path(name), out) if os.path.isdir(name) else [video.find(name)]
        fixed = whole[: _WILDCARD.search(whole).start()]  # type: ignore[union-attr] # it is a pattern
        return Path(os.path.dirname(fixed) or "."), _some(text, list(dict.fromkeys(paths)), "matches no media file")
    found = as_stored(video.find(text))
    return found.parent, [found]


def _is_folder(text: str) -> bool:
    return bool(text.strip()) and os.path.isdir(video.path_of(text))


def _is_pattern(text: str) -> bool:
    return bool(_WILDCARD.search(text)) and not os.path.exists(video.path_of(text)) and "://" not in text


def _some(text: str, paths: list[Path], nothing: str) -> list[Path]:
    if not paths:
        raise SourceMissing(
            f"{printable(text)} {nothing}.",
            "Folders are searched for files with endings of video and audio, such as .mp4. Name other files directly.",
        )
    return paths
