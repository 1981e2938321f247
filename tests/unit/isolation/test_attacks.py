"""What a taken-over media process can't do, with all parts of the isolation and with one of them missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace
from tests.unit.isolation.attacks import ATTACKS
from tests.unit.isolation.conftest import TASKS
from tests.unit.isolation.requests import Attack

pytestmark = pytest.mark.skipif(
    not Path("/sys/kernel/security/landlock").exists() and not Path("/proc/self/status").exists(),
    reason="only Linux has Landlock and seccomp",
)


def succeeded(place: Workplace, facts: dict[str, str], *, programs: bool = True, without: tuple[str, ...] = ()):
    with MediaWorker(TASKS, place, programs=programs, without=without) as worker:
        assert not set(worker.isolation.missing) - set(without)
        return worker.do(Attack(facts)).succeeded


@pytest.mark.parametrize("programs", [True, False])
def test_nothing_succeeds_with_all_parts(place, facts, programs):
    assert len(ATTACKS) > 50
    assert succeeded(place, facts, programs=programs) == {}


def test_with_no_part_most_attacks_succeed(place, facts):
    """The attacks are real: without the isolation they work. What remains closed is so by the process itself."""
    found = succeeded(place, facts, without=("landlock", "seccomp"))
    assert len(found) > 30, sorted(set(ATTACKS) - set(found))
    assert "environment" not in found


def test_what_stays_open_without_landlock(place, facts):
    """A kernel without Landlock, as Lambda's: files of the same user, programs, and other processes of the user."""
    found = set(succeeded(place, facts, without=("landlock",)))
    print(sorted(found))
    assert found == set()


def test_what_stays_open_without_seccomp(place, facts):
    found = set(succeeded(place, facts, without=("seccomp",)))
    print(sorted(found))
    assert found == set()
