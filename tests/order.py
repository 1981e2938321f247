"""Which tests begin first when several processes share the modules."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
#: folders and modules of `tests/` that take longest. What comes last is short: no process works on one long module
#: while the others have nothing left.
FIRST = ("corpus/test_hostile.py", "workflow", "e2e", "corpus", "faults", "unit/speech", "unit/detection")


def rank(path: Path) -> int:
    """The place of a test's module: those that are not in `FIRST` share the last one."""
    name = path.relative_to(TESTS).as_posix()
    return next((place for place, first in enumerate(FIRST) if f"{name}/".startswith(f"{first}/")), len(FIRST))


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests in place. Those of one place keep their order, and so do those of one module."""
    items.sort(key=lambda item: rank(item.path))
