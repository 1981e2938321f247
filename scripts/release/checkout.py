"""What a release is made from: the version, its entry in the changelog, and the commit."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

#: Keep a Changelog: `## [1.0.0] - 2026-11-27`
_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


class NotReleasable(Exception):
    """The message says what is wrong and what to do."""


def version(root: Path) -> str:
    """The version in pyproject.toml, the only place that states it."""
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def changes(root: Path) -> dict[str, tuple[str | None, str]]:
    """The date and the text of each entry of CHANGELOG.md by version, the newest first; `Unreleased` has no date."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = list(_HEADING.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    return {each["name"]: (each["date"], text[each.end() : end].strip()) for each, end in zip(found, ends, strict=True)}


def tag(root: Path) -> str:
    """The name of the tag of this version."""
    return f"v{version(root)}"


def check(root: Path) -> None:
    """Refuse a checkout that can't be released.

    Raises
    ------
    NotReleasable
        There are changes without a commit, the changelog does not have the version, or another commit has its tag.
    """
    if changed := git(root, "status", "--porcelain"):
        raise NotReleasable(f"These files differ from the commit: commit or remove them.\n{changed}")
    number = version(root)
    entries = changes(root)
    date, text = entries.get(number, (None, ""))
    if date is None or not text:
        raise NotReleasable(
            f"CHANGELOG.md has no entry for {number}: write `## [{number}] - YYYY-MM-DD` and what users should know."
        )
    if entries.get("Unreleased", (None, ""))[1]:
        raise NotReleasable(f"CHANGELOG.md has changes under Unreleased: move them to {number}.")
    tagged = git(root, "for-each-ref", "--format=%(objectname) %(*objectname)", f"refs/tags/{tag(root)}").split()
    if tagged and commit(root) not in tagged:
        raise NotReleasable(f"The tag {tag(root)} is at another commit: write a new version into pyproject.toml.")


def commit(root: Path) -> str:
    """The full name of the commit that is checked out."""
    return git(root, "rev-parse", "HEAD")


def epoch(root: Path) -> int:
    """When the commit was made, in seconds since 1970: the time of all files in the release."""
    return int(git(root, "log", "-1", "--format=%ct"))


def make_tag(root: Path) -> None:
    """Tag the commit, unless it has the tag already."""
    if not git(root, "tag", "--points-at", "HEAD", "--list", tag(root)):
        git(root, "tag", "--annotate", tag(root), "--message", f"av-workflow {version(root)}")


def git(root: Path, *arguments: str) -> str:
    """The output of Git, without its last newline.

    Raises
    ------
    NotReleasable
        Git failed: the folder is no checkout, for example.
    """
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReleasable(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()
