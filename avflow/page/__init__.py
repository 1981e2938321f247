"""The result page: one HTML file with the player, what is seen when, and what is said.

It needs nothing but a browser: styles, script and data are in the file, and the video lies beside it.
"""

from avflow.page.content import ClassRow, PageContent, PageCue, PageFile, PageStep
from avflow.page.presence import Presence
from avflow.page.writing import write

__all__ = ["ClassRow", "PageContent", "PageCue", "PageFile", "PageStep", "Presence", "write"]
