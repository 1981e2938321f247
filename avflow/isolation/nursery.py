"""A process that has loaded the libraries of a step, and forks a media process for each upload.

Loading the libraries takes a media process longer than a small upload itself. A function that stays warm between two
uploads does it once: its nursery loads them, and never reads an upload. What it forks has not seen another upload
either, and gives up its rights as a process that was started by an exec does. Both have the same addresses in memory,
which is all that an upload could learn of the next one's process.

Only on Linux: elsewhere a fork of a process with threads is not safe.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any, NoReturn

from avflow.isolation import linux

_ORDER_BYTES = 1 << 16


def available() -> bool:
    """Whether this system can have nurseries: Linux from 5.3 on."""
    if not linux.ON_LINUX or not hasattr(os, "pidfd_open"):
        return False
    with suppress(OSError):
        os.close(os.pidfd_open(os.getpid()))
        return True
    return False


class Nursery:
    """The parent's side. It has one media process at a time.

    Parameters
    ----------
    command, environment:
        The program whose main function is `main`, and its environment: what its media processes need to compute, and no
        folder of an upload.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.command, self.environment = tuple(command), dict(environment)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [*command, str(os.getpid())],
                env=self.environment,
                cwd="/",
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def fits(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether it lives, and was started with these."""
        return (self.command, self.environment) == (tuple(command), environment) and self._process.poll() is None

    def fork(self, environment: Mapping[str, str], folder: Path) -> Forked | None:
        """A media process with an environment and a working directory; None if the nursery can't have one (now)."""
        if not self._lock.acquire(blocking=False):
            return None
        pipes = [os.pipe() for _ in range(3)]
        (input_, to), (out, output), (error, errors) = pipes
        order = json.dumps({"environment": dict(environment), "folder": str(folder)}).encode()
        try:
            socket.send_fds(self._socket, [order], [input_, output, errors])
        except OSError:  # it has ended
            for end in (to, out, error):
                os.close(end)
            self._lock.release()
            return None
        finally:
            for end in (input_, output, errors):
                os.close(end)
        return Forked(self, (to, out, error))

    def told(self, seconds: float | None) -> dict[str, int] | None:
        """What the process says within so many seconds. The last of a media process is how it ended."""
        if not select([self._socket], [], [], seconds)[0]:
            return None
        with suppress(OSError, ValueError):
            if said := json.loads(self._socket.recv(_ORDER_BYTES) or b"0"):
                if "ended" in said:
                    self._lock.release()
                return dict(said)
        self.close()
        return {"ended": -signal.SIGKILL}

    def kill_child(self) -> None:
        """Kill its media process, and that one's group."""
        with suppress(OSError):
            self._socket.send(b"kill")

    def close(self) -> None:
        """End it, and its media process."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


class Forked:
    """A media process that a nursery has forked, as `subprocess.Popen` describes one that was started by an exec."""

    def __init__(self, nursery: Nursery, pipes: tuple[int, int, int]) -> None:
        self._nursery = nursery
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(pipe, mode, buffering=0) for pipe, mode in zip(pipes, ("wb", "rb", "rb"), strict=True)
        )
        self.returncode: int | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int:
        """The id of the process. Waits until it is forked."""
        while self._pid is None and self.returncode is None:
            self._hear(None)
        return self._pid or 0

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, negative after a signal.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        ends = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            if not self._hear(None if ends is None else max(0.0, ends - time.monotonic())):
                raise subprocess.TimeoutExpired(self._nursery.command, timeout or 0.0)
        return self.returncode

    def _hear(self, seconds: float | None) -> bool:
        said = self._nursery.told(seconds)
        if said is None:
            return False
        self._pid, self.returncode = said.get("born", self._pid), said.get("ended")
        return True

    def kill_group(self) -> None:
        """Kill it and all that it has started. While its nursery still loads libraries, that ends instead."""
        if self._pid is None and self.returncode is None and not self._hear(0.0):
            self._nursery.close()
            self.returncode = -signal.SIGKILL
        if self.returncode is None:
            self._nursery.kill_child()


# ---------------------------------------------------------------- in the nursery
def main(tasks: str) -> None:
    """Load the libraries of the module `tasks`, then fork a media process for each order on standard input."""
    parent = int(sys.argv[1])
    linux.die_with_parent()
    if os.getppid() != parent:  # it died before that
        sys.exit("the parent has ended")
    linux.hide_memory()
    with suppress(Exception):  # the media process will say it
        importlib.import_module(tasks).prepare()
    gc.freeze()
    orders = socket.socket(fileno=os.dup(0))
    while True:
        order, fds, _, _ = socket.recv_fds(orders, _ORDER_BYTES, 3)
        if not order:
            return
        if order == b"kill":  # it came too late
            continue
        child = os.fork()
        if not child:
            orders.close()
            _become(tasks, json.loads(order), fds)
        for fd in fds:
            os.close(fd)
        _mind(child, orders)


def _become(tasks: str, order: dict[str, Any], pipes: Sequence[int]) -> NoReturn:
    """Be a media process."""
    from avflow.isolation import child  # noqa: PLC0415 - it is the program that this process becomes

    status = 1
    try:
        os.setpgid(0, 0)
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
            os.close(pipe)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        tempfile.tempdir = None
        child.main(tasks)
        status = 0
    except SystemExit:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


def _mind(child: int, orders: socket.socket) -> None:
    """Tell the parent of a media process's birth and end, and kill it when it says so."""
    with suppress(OSError):  # both sides do it, so that it is done before either goes on
        os.setpgid(child, child)
    orders.send(json.dumps({"born": child}).encode())
    watch = os.pidfd_open(child)
    try:
        while watch not in select([watch, orders.fileno()], [], [])[0]:
            if not orders.recv(_ORDER_BYTES):
                sys.exit("the parent has ended")  # and the media process with this one
            _kill(child)
    finally:
        os.close(watch)
    _kill(child)  # what it has started; its id is still its own, because nobody has waited for it
    status = os.waitpid(child, 0)[1]
    orders.send(json.dumps({"ended": os.waitstatus_to_exitcode(status)}).encode())


def _kill(child: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)  # without seccomp it may have left its group
