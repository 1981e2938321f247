"""A workplace, a media process in it, and targets of its attacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from avflow.isolation.nursery import Nursery, available
from avflow.isolation.worker import MediaWorker, nursery_of
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


@pytest.fixture(scope="session")
def shared_nursery() -> Iterator[Nursery]:
    """One for all tests, as an environment of a function has one for many uploads."""
    if not available():
        pytest.skip("this system has no nurseries")
    found = nursery_of(TASKS)
    assert found
    yield found
    found.close()


@pytest.fixture(params=["by exec", "by a nursery"])
def nursery(request: pytest.FixtureRequest) -> Nursery | None:
    """What forks a media process; None: it is started by an exec."""
    if request.param == "by exec":
        return None
    found: Nursery = request.getfixturevalue("shared_nursery")
    return found


@pytest.fixture
def worker(place: Workplace, nursery: Nursery | None) -> Iterator[MediaWorker]:
    """A media process with all parts, which may run FFmpeg."""
    with MediaWorker(TASKS, place, programs=True, nursery=nursery) as started:
        yield started
