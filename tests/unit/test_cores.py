"""The number of usable cores: affinity mask, cgroup quotas, and the count that the user set."""

import os
from pathlib import Path

import pytest

from avflow import cores
from avflow.cores import codec_threads, usable_cores, visible_cores

ROOT = Path(__file__).parents[2]
COUNTS = (1, 2, 4, 16, 64)
V2 = "31 24 0:27 {root} {top} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 24 0:28 {root} {top} rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct"


@pytest.fixture(autouse=True)
def no_count_set(monkeypatch):
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)


def machine(monkeypatch, count):
    """Pretend to run on a machine with `count` visible cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(count)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.setattr(os, "process_cpu_count", lambda: count, raising=False)


class Cgroups:
    """A fake /proc and mounted hierarchies that describe a process's cgroups."""

    def __init__(self, folder):
        self.proc, self.top = folder / "proc", folder / "cgroup fs"
        self.proc.mkdir()
        self.top.mkdir()

    def describe(self, groups, *mounts, root="/"):
        top = str(self.top).replace(" ", "\\040")
        lines = ["22 1 254:0 / / rw,relatime - ext4 /dev/vda rw", *mounts]
        (self.proc / "cgroup").write_text(groups)
        (self.proc / "mountinfo").write_text("\n".join(lines).format(root=root, top=top) + "\n")

    def version_2(self, group, limits, root="/"):
        self.describe(f"0::{group}\n", V2, root=root)
        self.write({f"{where}/cpu.max": text for where, text in limits.items()})

    def version_1(self, group, limits, root="/"):
        self.describe(f"5:memory:/else\n4:cpu,cpuacct:{group}\n0::/\n", V1, root=root)
        for where, (quota, period) in limits.items():
            self.write({f"{where}/cpu.cfs_quota_us": quota, f"{where}/cpu.cfs_period_us": period})

    def write(self, files):
        for name, text in files.items():
            path = self.top / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture
def cgroups(tmp_path):
    return Cgroups(tmp_path)


@pytest.mark.parametrize("count", COUNTS)
def test_without_a_quota_all_cores(monkeypatch, count, tmp_path, cgroups):
    machine(monkeypatch, count)
    assert usable_cores(tmp_path / "no such folder") == count
    cgroups.version_2("/a", {"/": "max 100000\n", "/a": "max 100000\n"})
    assert usable_cores(cgroups.proc) == count
    cgroups.version_1("/a", {"/a": ("-1\n", "100000\n")})
    assert usable_cores(cgroups.proc) == count


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("quota", "allowed"), [(1_000, 1), (50_000, 1), (100_000, 1), (110_000, 2), (400_000, 4)])
@pytest.mark.parametrize("version", ["version_1", "version_2"])
def test_a_quota_below_the_visible_cores(monkeypatch, cgroups, version, count, quota, allowed):
    machine(monkeypatch, count)
    limit = (f"{quota}\n", "100000\n") if version == "version_1" else f"{quota} 100000\n"
    getattr(cgroups, version)("/job/task", {"/job/task": limit})
    assert usable_cores(cgroups.proc) == min(count, allowed)


@pytest.mark.parametrize("version", ["version_1", "version_2"])
def test_the_tightest_of_nested_cgroups_counts(monkeypatch, cgroups, version):
    machine(monkeypatch, 64)

    def limit(quota, period):
        return (quota, period) if version == "version_1" else f"{quota if quota != '-1' else 'max'} {period}"

    limits = {"/": limit("-1", "100000"), "/a": limit("150000", "50000"), "/a/b/c": limit("1600000", "100000")}
    getattr(cgroups, version)("/a/b/c", limits)
    assert usable_cores(cgroups.proc) == 3
    getattr(cgroups, version)("/a/b/c", {"/a/b/c": limit("200000", "100000")})
    assert usable_cores(cgroups.proc) == 2


@pytest.mark.parametrize("version", ["version_1", "version_2"])
@pytest.mark.parametrize(
    ("group", "root"),
    [
        ("/docker/123", "/docker/123"),  # the path on the host, and the container's cgroup is the root of the mount
        ("/docker/123", "/"),  # likewise, but the mount doesn't show its root
        ("/", "/"),  # a cgroup namespace
        ("/../../else", "/"),  # moved out of its namespace
    ],
)
def test_a_container_finds_its_own_limit_at_the_top(monkeypatch, cgroups, version, group, root):
    machine(monkeypatch, 16)
    limit = ("200000", "100000") if version == "version_1" else "200000 100000"
    getattr(cgroups, version)(group, {"/": limit}, root=root)
    assert usable_cores(cgroups.proc) == 2


def test_both_versions_at_once(monkeypatch, cgroups):
    machine(monkeypatch, 16)
    cgroups.version_1("/v1", {"/v1": ("500000", "100000")})
    cgroups.describe("3:cpu,cpuacct:/v1\n0::/v2\n", V1, V2)
    assert usable_cores(cgroups.proc) == 5
    cgroups.write({"/v2/cpu.max": "300000 100000"})
    assert usable_cores(cgroups.proc) == 3


@pytest.mark.parametrize(
    "text", ["", "max", "0 100000", "100000 0", "-5 100000", "1 2 3", "nan 1", "1e5 100000", "\xff\xfe", "100000"]
)
def test_a_malformed_limit_is_ignored(monkeypatch, cgroups, text):
    machine(monkeypatch, 4)
    cgroups.version_2("/a", {"/a": text})
    assert usable_cores(cgroups.proc) == 4
    cgroups.version_1("/a", {"/a": (text.partition(" ")[0] if text != "100000" else "x", text.partition(" ")[2])})
    assert usable_cores(cgroups.proc) == 4


@pytest.mark.parametrize("name", ["cgroup", "mountinfo"])
def test_malformed_proc_files_are_ignored(monkeypatch, cgroups, name):
    machine(monkeypatch, 4)
    cgroups.version_2("/a", {"/a": "100000 100000"})
    (cgroups.proc / name).write_bytes(b"\xff - cgroup2\n::\n\n0:: - cgroup2 x\n1 2 3 4 5 - cgroup")
    assert usable_cores(cgroups.proc) == 4
    (cgroups.proc / name).unlink()
    assert usable_cores(cgroups.proc) == 4


@pytest.mark.parametrize(("text", "count"), [("3", 3), ("64", 4), ("0", 4), ("", 4), ("many", 4), ("-1", 4)])
def test_the_user_sets_the_count(monkeypatch, tmp_path, text, count):
    machine(monkeypatch, 4)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setenv("PYTHON_CPU_COUNT", text)
    assert usable_cores(tmp_path) == count
    assert visible_cores() == 4


def test_python_313_reads_the_count_itself(monkeypatch, tmp_path):
    machine(monkeypatch, 4)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 2, raising=False)
    assert usable_cores(tmp_path) == 2
    monkeypatch.setattr(os, "process_cpu_count", lambda: None, raising=False)
    assert usable_cores(tmp_path) == 4


def test_without_affinity(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_NPROCESSORS_ONLN": 6}.get)
    assert usable_cores(tmp_path) == visible_cores() == 6
    monkeypatch.setattr(os, "sysconf", {"SC_NPROCESSORS_ONLN": -1}.get)
    assert usable_cores(tmp_path) == 1

    def forbidden(pid):
        raise PermissionError

    monkeypatch.setattr(os, "sched_getaffinity", forbidden, raising=False)
    assert usable_cores(tmp_path) == 1


@pytest.mark.parametrize(("count", "threads"), [(1, 1), (2, 3), (4, 5), (16, 9), (64, 9)])
def test_threads_of_a_codec(monkeypatch, count, threads):
    machine(monkeypatch, count)
    monkeypatch.setattr(cores, "quotas", lambda proc: iter(()))
    assert codec_threads() == threads
