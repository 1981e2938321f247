"""How the videos of a command ended, and the exit status of all of them together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from avflow import errors
from avflow_cli.clips import Clip

State = Literal["done", "failed", "not started"]
DONE: State = "done"
FAILED: State = "failed"
NOT_STARTED: State = "not started"
#: From the least bad to the worst: what is wrong with the video itself, what may be gone the next time, what is wrong
#: with this machine or the command, and what is wrong with the workflow.
RANKS = (
    os.EX_OK,
    os.EX_NOINPUT,
    os.EX_DATAERR,
    os.EX_TEMPFAIL,
    os.EX_USAGE,
    os.EX_CONFIG,
    os.EX_CANTCREAT,
    os.EX_NOPERM,
    os.EX_UNAVAILABLE,
    os.EX_PROTOCOL,
    os.EX_SOFTWARE,
)


@dataclass(frozen=True)
class Outcome:
    """How one video ended.

    Parameters
    ----------
    seconds:
        From the beginning of its upload to its last result; 0 if it was not started.
    files:
        What was written: results, or the error report and the log of the step that failed.
    error, message:
        The error's name, and what is wrong and what to do; empty without an error.
    """

    clip: Clip
    state: State
    seconds: float = 0.0
    files: tuple[Path, ...] = ()
    manifest: Path | None = None
    warnings: tuple[str, ...] = ()
    error: str = ""
    message: str = ""
    exit_status: int = os.EX_OK

    def to_dict(self) -> dict[str, Any]:
        """The line that `--json` prints."""
        return {
            "type": "video",
            "video": str(self.clip.path),
            "name": self.clip.name,
            "state": self.state,
            "seconds": round(self.seconds, 3),
            "files": [str(path) for path in self.files],
            "manifest": None if self.manifest is None else str(self.manifest),
            "warnings": list(self.warnings),
            "error": self.error or None,
            "message": self.message or None,
            "exit_status": self.exit_status,
        }


def worst(outcomes: Iterable[Outcome]) -> int:
    """The worst exit status. An unknown one is as bad as a failure of the workflow."""
    statuses = [each.exit_status for each in outcomes]
    return max(statuses, key=lambda status: RANKS.index(status) if status in RANKS else len(RANKS), default=os.EX_OK)


def summary_of(outcomes: Iterable[Outcome], seconds: float) -> dict[str, Any]:
    """The last line that `--json` prints."""
    ended = list(outcomes)
    counts = {
        state.replace(" ", "_"): sum(each.state == state for each in ended) for state in (DONE, FAILED, NOT_STARTED)
    }
    return {"type": "summary", **counts, "seconds": round(seconds, 3), "exit_status": worst(ended)}


def exit_status(name: str) -> int:
    """The exit status of an error by its name; of one that is not ours, that of any failure of the workflow."""
    known = getattr(errors, name, errors.AvflowError)
    is_ours = isinstance(known, type) and issubclass(known, errors.AvflowError)
    return known.exit_code if is_ours else errors.AvflowError.exit_code
