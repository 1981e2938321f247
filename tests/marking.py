"""Marks that several test modules set in the same way."""

from typing import Any

import pytest


def some_slow(kind: object, *quick: object) -> Any:
    """A kind of file, or a place in it, that `make test` tries only if it is one of `quick`."""
    return pytest.param(kind, marks=() if kind in quick else pytest.mark.slow)
