"""How the jobs and functions of one machine share its cores."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_aws.awslambda.functions import Function, _function_environment
from local_aws.batch import Batch
from local_aws.batch.job import Job
from local_aws.batch.slots import Slots


def job(children=0):
    return Job(
        "id", "name", "queue", {"containerProperties": {}}, {"arrayProperties": {"size": children}} if children else {}
    )


def started(limit, cores, wanted):
    """The jobs that begin at once."""
    running = []

    class Now(Slots):
        def _occupy(self, job):  # in no thread, and without an end
            running.append(job)

    slots = Now(limit, cores, lambda job: None)
    slots.add(wanted.runs, 1)
    return running


@pytest.mark.parametrize(
    ("cores", "limit", "alone", "of_ten"),
    [(1, 2, 1, 1), (2, 2, 2, 1), (4, 2, 4, 2), (8, 2, 8, 4), (16, 4, 16, 4), (64, 16, 64, 6)],
)
def test_they_share_the_cores_in_equal_parts(monkeypatch, cores, limit, alone, of_ten):
    monkeypatch.setattr("local_aws.batch.slots.threading.Thread", Inline)
    assert Batch(SimpleNamespace(cores=cores))._slots._free == limit
    (only,) = started(limit, cores, job())
    assert only.cores == alone
    several = started(limit, cores, job(children=10))
    assert [each.cores for each in several] == [of_ten] * min(limit, 10)
    assert sum(each.cores for each in several) <= max(cores, limit)  # each needs one


class Inline:
    """A thread's work, at once."""

    def __init__(self, target, args, **_):
        self.start = lambda: target(*args)


def test_the_job_is_told(bench, tmp_path):
    before = len(bench.aws.batch.jobs())
    bench.run(bench.submit("environment", os.fspath(tmp_path / "env")))
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert seen["PYTHON_CPU_COUNT"] == str(bench.aws.batch.jobs()[before].cores)


@pytest.mark.parametrize(
    ("memory_mb", "cores", "told"), [(128, 8, 1), (1769, 8, 1), (3008, 8, 2), (3008, 1, 1), (10240, 64, 6)]
)
def test_a_function_is_given_what_its_memory_buys(memory_mb, cores, told):
    function = Function("f", "app.handler", Path(), {}, memory_mb=memory_mb)
    assert _function_environment(function, "1", cores)["PYTHON_CPU_COUNT"] == str(told)
