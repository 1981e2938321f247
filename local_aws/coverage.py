"""How faithful each operation is: the words and the record from which `COVERAGE.md` is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

#: behaves as AWS's documentation says
AS_AWS = "as AWS"
#: stored and read back as it was written; nothing acts on it
KEPT = "kept, no effect"

Handler = TypeVar("Handler")


def differs(how: str) -> str:
    """The note for what behaves otherwise than AWS; `how` is a phrase that names each difference."""
    return f"differs: {how}"


@dataclass(frozen=True)
class Operation(Generic[Handler]):
    """One operation, function or type of a service.

    Parameters
    ----------
    name:
        AWS's name of it.
    handler:
        What does the work.
    fidelity:
        `AS_AWS`, `KEPT` or what `differs` returns.
    """

    name: str
    handler: Handler
    fidelity: str = AS_AWS
