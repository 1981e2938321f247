"""The retries of the state machine outlast a thousand uploads in a new account; docs/scaling.md has the figures."""

from dataclasses import replace

import pytest

from benchmarks import scale, throttling
from benchmarks.throttling import BURSTS, Simulation

NAMES = [burst.name for burst in BURSTS]


@pytest.mark.parametrize("burst", BURSTS, ids=NAMES)
def test_a_burst_loses_no_upload(burst):
    done = Simulation(replace(burst, uploads=100)).run()
    assert (len(done.finished), done.failed) == (100, {})


@pytest.mark.slow
def test_the_table_is_that_of_the_simulation():
    page = throttling.PAGE.read_text(encoding="utf-8")
    for burst in BURSTS:
        row = throttling.row(burst)
        assert row["lost"] == "0"
        assert "| " + " | ".join(row.values()) + " |" in page, "run: python -m benchmarks.throttling --write"


def test_too_few_retries_would_lose_some(monkeypatch):
    """The simulation sees a policy that does not suffice."""
    enough = scale.definition("gpu")

    def too_few(compute):
        for state in enough["States"]["Analyse"]["Branches"][1]["States"].values():
            for retrier in state.get("Retry", []):
                retrier["MaxAttempts"] = 1
        return enough

    monkeypatch.setattr(scale, "definition", too_few)
    refused = next(burst for burst in BURSTS if burst.refused)
    done = Simulation(replace(refused, uploads=50)).run()
    assert 0 < sum(done.failed.values()) < 50


@pytest.mark.slow
def test_a_task_ends_by_its_time_out():
    """One job at a time on Fargate does not do the speech of 30 videos of 9 hours in the 15 hours of their states."""
    burst = replace(BURSTS[0], uploads=30, quotas=replace(throttling.NEW, lambda_concurrency=1), seconds=9 * 3600.0)
    done = Simulation(burst).run()
    assert sum(done.failed.values()) > 0
