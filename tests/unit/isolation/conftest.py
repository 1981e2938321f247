"""A workplace, a media process in it, and targets of its attacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace, workplace
from tests.unit.isolation.targets import SECRET, TASKS, targets


@pytest.fixture
def place() -> Iterator[Workplace]:
    with workplace() as made:
        yield made


@pytest.fixture
def facts(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with targets(place, tmp_path) as found:
        yield found


@pytest.fixture
def worker(place: Workplace) -> Iterator[MediaWorker]:
    """A media process with all parts, which may run FFmpeg."""
    with MediaWorker(TASKS, place, programs=True) as started:
        yield started
