"""What one look at a machine or an account found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

#: a deployment can go on; something must be done first; it could not be looked at
State = Literal["ok", "fix", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One line of `avflow doctor`.

    Parameters
    ----------
    name:
        What was looked at.
    state:
        What it means for a deployment.
    message:
        What is there.
    todo:
        What to type or do, line by line.
    """

    name: str
    state: State
    message: str
    todo: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {"name": self.name, "state": self.state, "message": self.message, "todo": list(self.todo)}


def ok(name: str, message: str) -> Finding:
    """A deployment can go on."""
    return Finding(name, "ok", message)


def fix(name: str, message: str, *todo: str) -> Finding:
    """Something must be done before a deployment."""
    return Finding(name, "fix", message, todo)


def unknown(name: str, message: str, *todo: str) -> Finding:
    """It could not be looked at."""
    return Finding(name, "unknown", message, todo)
