"""Puts the sources of the site together in a folder: the pages of docs/, and those of other folders.

In the repository a page links to files beside the documentation. On the site such a link leads to the page that shows
the file, or becomes the file's path.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

#: pages that lie elsewhere in the repository, by their name on the site
ELSEWHERE = {
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
    "embedded-aws.md": "local_aws/README.md",
    "embedded-aws-coverage.md": "local_aws/COVERAGE.md",
    "recorded.md": "tests/local/recorded/README.md",
}
#: what a page shows or offers
_FILES = ("*.png", "*.svg", "schemas/*.json")
#: a link in Markdown: its text, and its target up to a `#`
_LINK = re.compile(r"\[(?P<text>[^\]\[]*)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
_FENCE = re.compile(r"^(?:```|~~~)", re.MULTILINE)


def assemble(root: Path, folder: Path) -> None:
    """Write the sources of the site into a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    docs = root / "docs"
    for pattern in _FILES:
        for path in docs.glob(pattern):
            target = folder / path.relative_to(docs)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copytree(Path(__file__).parent / "assets", folder / "assets")
    pages = {path.name: path.relative_to(root).as_posix() for path in docs.glob("*.md")} | ELSEWHERE
    for name, source in pages.items():
        text = (root / source).read_text(encoding="utf-8")
        (folder / name).write_text(relinked(text, source, pages), encoding="utf-8")


def relinked(text: str, source: str, pages: dict[str, str]) -> str:
    """The text of a page for the site.

    Parameters
    ----------
    source:
        The path of the page in the repository.
    pages:
        The paths of all pages in the repository, by their names on the site.
    """
    names = {path: name for name, path in pages.items()} | {"README.md": "index.md"}

    def link(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), found["path"]))
        anchor = found["anchor"] or ""
        if path in names:
            return f"[{found['text']}]({names[path]}{'' if path == 'README.md' else anchor})"
        if path.startswith("docs/"):
            return f"[{found['text']}]({path.removeprefix('docs/')}{anchor})"
        return found["text"] if path in found["text"] else f"{found['text']} (`{path}`)"

    return "".join(part if fenced else _LINK.sub(link, part) for part, fenced in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text, cut at the fences of code blocks, each part with whether it is code."""
    starts = [0, *(found.start() for found in _FENCE.finditer(text)), len(text)]
    for number, (start, end) in enumerate(pairwise(starts)):
        yield text[start:end], number % 2 == 1
