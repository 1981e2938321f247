"""A console of Rich whose text can't control the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from avflow.filenames import printable


class PrintableConsole(Console):
    """Shows unprintable characters of a text as escape codes. Rich's own control codes are no text, and stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, with printable text."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable(segment.text, keep="\n")
            yield segment if text == segment.text else Segment(text, segment.style)

    def on_broken_pipe(self) -> None:
        """Let the command end as without Rich, which would end it with status 1."""
        raise BrokenPipeError
