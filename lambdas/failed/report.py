"""The error report, `result/….error.json`: why the run failed, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: the same characters as avflow.filenames.UNPRINTABLE; a test compares them
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class ErrorReport:
    """What the user gets instead of results."""

    #: increased when a reader of the former version would misread a report
    schema: int
    #: the uploaded object, s3://BUCKET/KEY
    video: str
    #: name of the Step Functions execution
    execution: str
    #: name of the error, as in docs/failures.md
    error: str
    #: what is wrong
    message: str
    #: what to do
    advice: str

    @property
    def text(self) -> str:
        """The text of the e-mail."""
        return f"{shown(self.video)}\n\n{self.message}\n{self.advice}\n\nExecution: {self.execution}\n"


def shown(text: str, keep: str = "") -> str:
    """The text with an escape code for each unprintable character. It is avflow.filenames.printable, in short: this
    function's package has no avflow.

    >>> print(shown("a\\x1b[31m\\u202e 🎬é.mp4"))
    a\\x1b[31m\\u202e 🎬é.mp4
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
