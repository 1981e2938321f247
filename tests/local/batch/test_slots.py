"""How the jobs of one machine share its cores."""

import os
import threading
from types import SimpleNamespace

import pytest

from local_aws.batch import Batch
from local_aws.batch.job import Job
from local_aws.batch.slots import Slots


def job(children=0):
    return Job(
        "id", "name", "queue", {"containerProperties": {}}, {"arrayProperties": {"size": children}} if children else {}
    )


@pytest.fixture
def started():
    """Returns the jobs that start at once; they run until the end of the test."""
    end = threading.Event()

    def start(limit, cores, wanted):
        Slots(limit, cores, lambda job: end.wait()).add(wanted.runs, 1)
        return [each for each in wanted.runs if each.status == "STARTING"]

    yield start
    end.set()


@pytest.mark.parametrize(
    ("cores", "limit", "alone", "of_ten"),
    [(1, 2, 1, 1), (2, 2, 2, 1), (4, 2, 4, 2), (8, 2, 8, 4), (16, 4, 16, 4), (64, 16, 64, 6)],
)
def test_they_share_the_cores_in_equal_parts(started, cores, limit, alone, of_ten):
    assert Batch(SimpleNamespace(cores=cores)).jobs_at_once == limit
    (only,) = started(limit, cores, job())
    assert only.cores == alone
    several = started(limit, cores, job(children=10))
    assert [each.cores for each in several] == [of_ten] * min(limit, 10)
    assert sum(each.cores for each in several) <= max(cores, limit)  # each needs one


def test_the_job_is_told(bench, tmp_path):
    before = len(bench.aws.batch.jobs())
    bench.run(bench.submit("environment", os.fspath(tmp_path / "env")))
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert seen["PYTHON_CPU_COUNT"] == str(bench.aws.batch.jobs()[before].cores)
