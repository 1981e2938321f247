"""Find the file that the user names, or say what is wrong with the name.

`make run` runs this module before it installs anything (`python -m avflow_cli.video`), so it needs nothing but
Python 3.8.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from avflow.errors import AvflowError, SourceMissing
from avflow.filenames import printable
from avflow_cli import terminal

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+[^/]")
_ALL = ".venv/bin/avflow run -- {names}"


class WrongVideo(AvflowError):
    """The name is empty, an address, or names several files."""

    advice = "Give the path of a video: make run VIDEO=path."
    exit_code = os.EX_USAGE


def find(text: str) -> Path:
    """The path of the video that `text` names. A leading `~`, which not every shell expands, is the home folder.

    Raises
    ------
    WrongVideo
        The name is empty, an address, or names several files.
    SourceMissing
        The file does not exist, or can't be read.
    """
    if not text.strip():
        raise WrongVideo("VIDEO is empty", "Give the path of a video: make run VIDEO=path, or leave VIDEO out.")
    path, shown = path_of(text), printable(text)
    if os.path.isdir(path):
        raise SourceMissing(f"{shown} is a folder, not a file.", _of_folder(path))
    if os.path.isfile(path):
        _require_readable(path)
        return path
    if os.path.exists(path):
        raise SourceMissing(f"{shown} is a device or a pipe, not a regular file.", WrongVideo.advice)
    if found := _URL.match(text):
        raise WrongVideo(f"{shown} is an address, not a file on this machine.", _of_url(text, found["scheme"].lower()))
    if several := _several(text):
        raise in_one_name(several)
    if os.path.isfile(path_of(text.strip())):
        raise SourceMissing(
            f"{text!r} is not a file.", f"Did you mean {printable(text.strip())}, without the space around it?"
        )
    raise SourceMissing(f"{shown} is not a file.", _near(path))


def in_one_name(files: Sequence[str]) -> WrongVideo:
    """The error for several videos in one text."""
    names = [*map(_quoted, files[:3]), *(["…"] if len(files) > 3 else [])]
    return WrongVideo(
        "Several files are given in one name.",
        "Give each its own: " + _ALL.format(names=" ".join(names)),
    )


def path_of(text: str) -> Path:
    """The path that a text means: a leading `~` is the home folder, unless there is a file of that name."""
    path = Path(text)
    if text.startswith("~") and not os.path.exists(path):
        try:
            return path.expanduser()
        except RuntimeError:  # no such user
            return path
    return path


def _quoted(text: str) -> str:
    """A word for a shell, printable. With unprintable characters it is in the form $'…' of Bash, Zsh and ksh."""
    if printable(text) == text:
        return shlex.quote(text)
    return "$'" + printable(text.replace("\\", "\\\\").replace("'", "\\'")) + "'"


def _require_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceMissing(f"{printable(str(path))} can't be read: {error.strerror}.", WrongVideo.advice) from error


def _of_folder(folder: Path) -> str:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        files = []
    if not files:
        return WrongVideo.advice
    every = _ALL.format(names=_quoted(str(folder)))
    return f"Give a file in it: VIDEO={_quoted(str(files[0]))}, or process all: {every}"


def _of_url(url: str, scheme: str) -> str:
    other = "Save the video as a file, then give its path: make run VIDEO=path."
    try:
        urlsplit(url)
    except ValueError:  # "[" without "]"
        return other
    if scheme == "file":
        return f"Give its path: VIDEO={_quoted(unquote(urlsplit(url).path))}"
    name = _quoted(unquote(urlsplit(url).path).rpartition("/")[2] or "video")
    if scheme == "s3":
        return f"Download it first: aws s3 cp {_quoted(url)} {name}, then make run VIDEO={name}"
    if scheme in ("http", "https", "ftp"):
        return f"Download it first: curl -L -o {name} {_quoted(url)}, then make run VIDEO={name}"
    return other


def _several(text: str) -> list[str]:
    """The files that `text` names, if it names several."""
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    return words if len(words) > 1 and all(os.path.isfile(path_of(word)) for word in words) else []


def _near(path: Path) -> str:
    """Advice for a path that does not exist: a file or folder with a similar name."""
    missing = path
    while not os.path.isdir(missing.parent):
        missing = missing.parent
    advice = (
        WrongVideo.advice if missing == path else f"There is no folder {printable(str(missing))}. {WrongVideo.advice}"
    )
    try:
        names = {_plain(entry.name): entry for entry in sorted(missing.parent.iterdir())}
    except OSError:
        return advice
    wanted = _plain(missing.name)
    close = difflib.get_close_matches(wanted, names, n=1)
    # the same name with another suffix, or without one
    close = close or [name for name in names if Path(name).stem == Path(wanted).stem]
    return f"Did you mean {printable(str(names[close[0]] / path.relative_to(missing)))}?" if close else advice


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def main() -> int:
    """Check the video for `make run`. Returns the exit status."""
    try:
        find(sys.argv[1])
    except AvflowError as error:
        return terminal.show_error(error)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
