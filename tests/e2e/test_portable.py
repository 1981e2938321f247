"""The whole workflow without features of Linux: no /proc, no CPU affinity, none of its own system calls."""

import json
import os
import unicodedata

import pytest

from tests.e2e.conftest import SAMPLE, avflow
from tests.result_sets import named

#: module that every Python process of the run imports first
SITE = """
import fcntl, os, resource, select, signal, socket, sys

LINUX = {
    os: ("sched_getaffinity", "sched_setaffinity", "posix_fallocate", "posix_fadvise", "splice", "memfd_create",
         "pidfd_open", "eventfd", "pipe2", "copy_file_range", "getrandom", "unshare", "setns", "O_TMPFILE", "O_PATH",
         "getxattr", "process_cpu_count"),
    signal: ("pidfd_send_signal", "SIGPWR", "SIGPOLL", "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX", "sigtimedwait"),
    resource: ("RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO"),
    select: ("epoll",),
    socket: ("SOCK_CLOEXEC", "SOCK_NONBLOCK", "AF_NETLINK"),
    fcntl: ("F_SETPIPE_SZ", "F_ADD_SEALS", "F_OFD_SETLK"),
}
for module, names in LINUX.items():
    for name in names:
        module.__dict__.pop(name, None)


def deny(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(("/proc", "/sys")):
        frame = sys._getframe()
        while frame is not None:
            if frame.f_globals.get("__name__", "").partition(".")[0] == "psutil":
                return  # stands for what it asks of macOS
            frame = frame.f_back
        with open(os.environ["DENIED"], "a") as log:
            log.write(f"{sys.argv[0]} {arguments[0]}\\n")
        raise FileNotFoundError(2, "No such file or directory", arguments[0])


with open(os.environ["STARTED"], "a") as log:
    log.write(" ".join(sys.orig_argv[1:]) + "\\n")
sys.addaudithook(deny)
"""


@pytest.mark.slow
def test_a_run_needs_nothing_that_only_linux_has(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    started, denied = tmp_path / "started", tmp_path / "denied"
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path / "site"))
    monkeypatch.setenv("STARTED", os.fspath(started))
    monkeypatch.setenv("DENIED", os.fspath(denied))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing answers there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    # an accent in macOS's Unicode form, and a folder behind a link, like /tmp on macOS
    stem = unicodedata.normalize("NFD", "Café Übung")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    video = tmp_path / "link" / f"{stem}.mkv"
    video.write_bytes(SAMPLE.read_bytes())
    monkeypatch.setenv("TMPDIR", os.fspath(tmp_path / "link"))

    done = avflow("run", "--out", tmp_path / "result", "--", video)

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "result").iterdir()) == sorted(named(stem))
    manifest = json.loads((tmp_path / "result" / f"{stem}.json").read_text(encoding="utf-8"))
    assert manifest["source"]["key"] == f"start/{stem}.mkv"
    assert manifest["detections"]["frames"] == 110
    assert [step["ran_on"] for step in manifest["steps"]] == ["lambda", "lambda", "batch", "lambda"]
    assert "/proc/" in denied.read_text(), "the sandbox tried /proc, and did without it"
    programs = started.read_text()
    assert "awslambda/bootstrap.py" in programs
    assert "batch_jobs.yolov3.job" in programs
    assert [path.name for path in (tmp_path / "real").iterdir()] == [video.name], "nothing is left behind"
