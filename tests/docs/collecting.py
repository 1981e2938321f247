"""The commands that the documents show: in blocks of a shell, and in the running text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
#: what begins a command in the running text or in a block that is not said to be of a shell
PROGRAMS = ("avflow", "make", "sam", "aws", "python", "pytest", "git", "docker", "pip", "scar")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_WORDS_OF_THE_SHELL = {"do", "done", "{", "}", "for", "then", "fi", "$"}
_LEFT_OUT = {"…", "..."}


@dataclass(frozen=True)
class Command:
    """A command as somebody would type it: `whole` if it stands in a block, else it may be only a name."""

    page: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def commands() -> list[Command]:
    """All commands of all pages, each once for a page."""
    return [*dict.fromkeys(command for page in PAGES for command in of_page(page))]


def of_page(page: Path) -> Iterator[Command]:
    """The commands of a page, in blocks first."""
    text, name = page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix()
    for language, block in _BLOCK.findall(text):
        if language == "sh":
            yield from (Command(name, words, whole=True) for words in of_shell(block))
        elif not language:
            lines = [line.removeprefix("$ ") for line in block.splitlines()]
            typed = [line.split("   ")[0] for line in lines if begins_with_a_program(line)]
            yield from (Command(name, words, whole=True) for line in typed for words in of_shell(line))
    for span in re.findall(r"`([^`]+)`", _BLOCK.sub("", text)):
        if begins_with_a_program(span) and " " in span.strip():
            yield from (Command(name, words, whole=False) for words in of_shell(" ".join(span.split())))


def begins_with_a_program(text: str) -> bool:
    """Whether the first word that is no assignment is the name of a program."""
    words = [word for word in text.split() if not _ASSIGNED.match(word)]
    return bool(words) and words[0].removeprefix(".venv/bin/") in PROGRAMS


def of_shell(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each simple command, those within `$(…)` too, without assignments before it and redirections."""
    lexer = shlex.shlex(_COMMENT.sub("", text).replace("\\\n", " "), posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t\r", "", True
    found: list[str] = []
    for token in [*lexer, "\n"]:
        if token and set(token) <= set(";&|()\n"):
            yield from _simple(found)
            found = []
        else:
            found.append(token)
            for inner in re.findall(r"\$\((.*?)\)", token, re.DOTALL):
                yield from of_shell(inner)


def _simple(words: list[str]) -> Iterator[tuple[str, ...]]:
    while words and (words[0] in _WORDS_OF_THE_SHELL or _ASSIGNED.match(words[0])):
        if words[0] == "for":  # `for name in`
            words = words[2:]
        words = words[1:]
    words = [word for word in words if word not in _LEFT_OUT and word != "$"]
    if words:
        yield (words[0].removeprefix(".venv/bin/"), *words[1:])
