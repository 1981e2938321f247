"""A step on Lambda stops itself before Lambda stops it."""

from types import SimpleNamespace

import pytest

from avflow.errors import LambdaBudgetExceeded
from avflow.progress import Progress, ignore
from avflow.workflow.budget import RESERVE_SECONDS, Budget
from avflow.workflow.context import paced

#: the time that the clock shows in these tests
NOW = 1_000_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("avflow.workflow.budget.time", SimpleNamespace(monotonic=lambda: NOW))


def seconds(left):
    return Budget(NOW + RESERVE_SECONDS + left)


def test_batch_has_no_limit():
    Budget().require_seconds(1e9, "anything")
    Budget().require_disk(10**15, "anything")
    Budget().check_pace(0.000001, NOW - 1e6, "anything")


def test_work_that_does_not_fit_is_refused_before_it_begins():
    with pytest.raises(LambdaBudgetExceeded, match=r"a film needs about 100 s and 50 s are left"):
        seconds(50).require_seconds(100, "a film")
    with pytest.raises(LambdaBudgetExceeded, match="a film needs 2000 MB of scratch space and 512 MB are free"):
        Budget(disk_bytes=512_000_000).require_disk(2_000_000_000, "a film")


def test_the_pace_tells_early_that_time_will_not_do():
    began = NOW - 10
    seconds(1000).check_pace(0.1, began, "speech")  # 10 s for a tenth: 90 s are left
    with pytest.raises(LambdaBudgetExceeded, match="the rest of speech needs about 90 s"):
        seconds(60).check_pace(0.1, began, "speech")


def test_a_pace_is_not_trusted_at_the_very_beginning():
    seconds(60).check_pace(0.1, NOW - 1, "speech")
    seconds(60).check_pace(0.001, NOW - 20, "speech")


def test_time_for_the_upload_is_kept_back():
    with pytest.raises(LambdaBudgetExceeded, match="ran out of time with 90% done"):
        Budget(NOW + RESERVE_SECONDS - 1).check_pace(0.9, NOW - 100, "speech")


def test_lambda_tells_its_time_and_its_scratch_space():
    budget = Budget.of_lambda(60_000)
    assert budget.seconds_left() == 60 - RESERVE_SECONDS
    assert budget.disk_bytes is not None
    assert budget.disk_bytes > 0


@pytest.mark.parametrize("total", [None, 0.0])
def test_a_deadline_counts_where_no_pace_is_known(total):
    paced(ignore, seconds(1), "speech")(Progress("speech", 0.0, total, "seconds", 0.0))
    with pytest.raises(LambdaBudgetExceeded, match="speech ran out of time with 0% done"):
        paced(ignore, seconds(0), "speech")(Progress("speech", 0.0, total, "seconds", 0.0))


def test_an_upload_may_have_less_time_on_lambda():
    assert Budget().within(1, "film.mkv") == Budget(), "a job has no deadline"
    whole = Budget(NOW + 900, 7)
    assert whole.within(None, "film.mkv") == whole
    limited = whole.within(60, "film.mkv")
    assert limited.seconds_left() == 60 - RESERVE_SECONDS
    assert limited.disk_bytes == 7
    assert whole.within(10_000, "film.mkv") == whole, "never more"
    for seconds in (0, 0.5, 5):
        with pytest.raises(LambdaBudgetExceeded, match=f"film.mkv may use {seconds:g} s of Lambda"):
            whole.within(seconds, "film.mkv")
