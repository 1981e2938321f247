"""Hostile inputs: each ends with its outcome, in a child process with 60 s and 2 GB."""

import pytest

from tests.corpus.bounded_case import bounded_faults, server
from tests.corpus.kinds import HOSTILE, HOSTILE_KINDS
from tests.corpus.parametrised import MOST_SECONDS, parameter


@pytest.fixture(scope="module")
def bounded():
    with server() as running:
        yield running


@pytest.mark.parametrize("case", [parameter(case, 2 * MOST_SECONDS) for case in HOSTILE])
def test_it_ends_as_it_should_within_its_bounds(case, bounded, tmp_path):
    assert bounded_faults(case, bounded, tmp_path) == []


def test_there_are_many():
    assert len(HOSTILE) >= 120
    assert all(kind.cases for kind in HOSTILE_KINDS)
