"""How the jobs of one machine share its cores."""

import os
from types import SimpleNamespace

import pytest

from local_aws.batch import Batch
from local_aws.batch.job import Job
from local_aws.batch.slots import Slots


def job(vcpus, children=0):
    needs = [] if vcpus is None else [{"type": "VCPU", "value": str(vcpus)}]
    definition = {"containerProperties": {"resourceRequirements": needs}}
    return Job("id", "name", "queue", definition, {"arrayProperties": {"size": children}} if children else {})


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
    [(1, 2, 1, 1), (2, 2, 2, 2), (4, 2, 4, 4), (8, 2, 8, 4), (16, 4, 16, 4), (64, 16, 64, 6)],
)
def test_each_is_given_its_vcpus_and_more_where_there_are_more(monkeypatch, cores, limit, alone, of_ten):
    monkeypatch.setattr("local_aws.batch.slots.threading.Thread", Inline)
    assert Batch(SimpleNamespace(cores=cores))._slots._free == limit
    (only,) = started(limit, cores, job(4))
    assert only.cores == alone
    several = started(limit, cores, job(4, children=10))
    assert [each.cores for each in several] == [of_ten] * min(limit, 10)
    if cores >= 8:
        assert sum(each.cores for each in several) <= cores


class Inline:
    """A thread's work, at once."""

    def __init__(self, target, args, **_):
        self.start = lambda: target(*args)


@pytest.mark.parametrize(("vcpus", "cores"), [(None, 1), ("0.25", 1), ("2", 2), ("16", 4)])
def test_what_a_job_asks_for(monkeypatch, vcpus, cores):
    monkeypatch.setattr("local_aws.batch.slots.threading.Thread", Inline)
    first, *_ = started(4, 4, job(vcpus, children=4))
    assert first.cores == cores


def test_the_job_is_told(bench, tmp_path):
    before = len(bench.aws.batch.jobs())
    bench.run(bench.submit("environment", os.fspath(tmp_path / "env")))
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert seen["PYTHON_CPU_COUNT"] == str(bench.aws.batch.jobs()[before].cores)
