"""How the jobs of one machine share its cores."""

import os
import threading
from types import SimpleNamespace

import pytest

from local_aws import system
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


def asking(*memories):
    jobs = []
    for number, memory in enumerate(memories):
        properties = {"resourceRequirements": [{"type": "MEMORY", "value": str(memory)}]}
        jobs.append(Job(str(number), "name", "queue", {"containerProperties": properties}, {}))
    return jobs


@pytest.mark.parametrize(
    ("memories", "machine", "at_once"),
    [
        ((3_500, 3_500), 5_600, [0]),
        ((3_500, 2_048, 500), 5_600, [0, 1]),  # a third does not fit
        ((2_048, 3_500, 500, 500), 5_600, [0, 1]),
        ((500, 3_500, 3_500, 500), 5_600, [0, 1]),  # the last one waits behind one that asks for more
        ((3_500, 500), 3_000, [0]),  # more than there is: alone
        ((500, 3_500, 500), 3_000, [0]),
        ((14_000, 500, 14_000), 5_600, [0, 1]),  # a whole instance's memory counts as 4 096
        ((14_000, 14_000), 9_000, [0, 1]),
        ((500,) * 6, 5_600, [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_jobs_wait_for_the_memory_that_they_ask_for(memories, machine, at_once):
    end, jobs = threading.Event(), asking(*memories)
    running, most = set(), []

    def run(job):
        running.add(job)
        most.append(sum(min(4_096, each.memory_mb()) for each in running))
        end.wait()
        running.discard(job)
        job.ended.set()

    slots = Slots(4, 8, run, memory_mb=machine)
    slots.add(jobs, 1)
    assert [number for number, job in enumerate(jobs) if job.status == "STARTING"] == at_once
    end.set()
    assert all(job.ended.wait(10) for job in jobs)
    assert max(most) <= max(machine, *memories)


def test_jobs_that_wait_for_memory_leave_no_core_idle():
    """Of four segments that ask for much memory, one runs at a time, on all cores."""
    end, jobs = threading.Event(), asking(*[14_000] * 4)
    Slots(4, 8, lambda job: end.wait(), memory_mb=6_000).add(jobs, 1)
    assert jobs[0].cores == 8
    end.set()


@pytest.mark.parametrize(("chosen", "memory_mb"), [(None, system.memory_mb()), (3, float("inf"))])
def test_memory_is_bounded_unless_a_number_of_jobs_is_chosen(chosen, memory_mb):
    assert Batch(SimpleNamespace(cores=2), chosen).memory_mb == memory_mb
