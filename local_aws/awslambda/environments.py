"""Execution environments: processes that run one invocation of a function after another.

As on AWS, an environment is used again while it is warm, keeps its /tmp and its modules, is frozen between invocations,
and is discarded when an invocation in it crashes or times out (AWS Lambda Developer Guide, "Understanding the Lambda
execution environment lifecycle"). Unlike AWS's it has to share this machine: few work at a time, and an invocation
waits for its turn.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from local_aws import system
from local_aws.awslambda.function import Function
from local_aws.sandbox import Limits, Outcome, Sandbox, outcome_of
from local_aws.sandbox.host import Host

#: seconds after which an environment that nobody uses ends; AWS keeps them for some minutes
IDLE_SECONDS = 60.0


@dataclass(eq=False)
class Environment:
    """One warm process of a function's version."""

    function: Function
    version: str
    sandbox: Sandbox
    folder: Path
    idle_since: float = 0.0

    @property
    def tmp(self) -> Path:
        """Its /tmp."""
        return self.folder / "tmp"

    @property
    def usable(self) -> bool:
        """Whether it can run a further invocation: it lives, and what a handler has left running is frozen with it."""
        leader = self.sandbox.process.pid
        return self.sandbox.process.poll() is None and not system.strays(leader)


@dataclass(frozen=True)
class Order:
    """One invocation for an environment: its folder, its limits, and where its output goes, up to `end_mark`."""

    folder: Path
    limits: Limits
    end_mark: str
    on_line: Callable[[str], None]
    log: Path


@dataclass(eq=False)
class _Ticket:
    """An invocation that waits for its turn."""

    function: Function
    version: str
    turn: threading.Event = field(default_factory=threading.Event)
    environment: Environment | None = None

    def suits(self, environment: Environment) -> bool:
        return environment.function is self.function and environment.version == self.version


class _Gone(Exception):
    """The environment had ended before the invocation began."""


class Environments:
    """The environments of all functions.

    Parameters
    ----------
    host:
        The machine.
    limit:
        How many environments work at a time.
    kept:
        How many there are at a time, with those that are idle.
    variables:
        Returns the environment variables of a function's version.
    """

    def __init__(
        self, host: Host, limit: int, kept: int, variables: Callable[[Function, str, int], dict[str, str]]
    ) -> None:
        self.limit, self._kept = limit, max(limit, kept)
        self._host, self._variables = host, variables
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._idle: list[Environment] = []
        self._busy = 0
        self._sweeper: threading.Thread | None = None
        self._closed = threading.Event()

    @contextlib.contextmanager
    def turn(self, function: Function, version: str) -> Iterator[Turn]:
        """Wait for a place on this machine; the time does not count against the function's time-out."""
        ticket = _Ticket(function, version)
        with self._lock:
            self._waiting.append(ticket)
            ended = self._assign()
        self._end(ended)
        ticket.turn.wait()
        turn = Turn(self, ticket.environment)
        try:
            yield turn
        finally:
            with self._lock:
                self._busy -= 1
                if turn.environment is not None:
                    turn.environment.idle_since = time.monotonic()
                    self._idle.append(turn.environment)
                    self._start_sweeper()
                ended = self._assign()
            self._end(ended)

    def idle(self) -> list[Environment]:
        """The warm environments that wait for work."""
        with self._lock:
            return list(self._idle)

    def _assign(self) -> list[Environment]:
        """Give free places to those who wait, in their order; returns environments that must end for them."""
        ended = []
        while self._waiting and self._busy < self.limit:
            ticket = self._waiting.pop(0)
            ticket.environment = next((each for each in self._idle if ticket.suits(each)), None)
            if ticket.environment is not None:
                self._idle.remove(ticket.environment)
            elif self._busy + len(self._idle) >= self._kept:
                ended.append(self._dispensable())
                self._idle.remove(ended[-1])
            self._busy += 1
            ticket.turn.set()
        return ended

    def _dispensable(self) -> Environment:
        """The environment that has been idle for longest, if possible of those for which nobody waits."""
        unwanted = [each for each in self._idle if not any(ticket.suits(each) for ticket in self._waiting)]
        return min(unwanted or self._idle, key=lambda each: each.idle_since)

    def start(self, function: Function, version: str, limits: Limits) -> Environment:
        """A new environment; `limits` are those of its first invocation.

        Raises
        ------
        OSError
            The process cannot be started.
        """
        folder = Path(tempfile.mkdtemp(prefix="environment-", dir=self._host.sandboxes))
        tmp = folder / "tmp"
        tmp.mkdir()
        environment = {**self._host.environment, "PYTHONUNBUFFERED": "1", "TMPDIR": os.fspath(tmp)}
        try:
            sandbox = self._host.processes.open(
                [sys.executable, os.fspath(Path(__file__).with_name("bootstrap.py")), os.fspath(tmp)],
                env=environment
                | self._variables(function, version, self._host.cores)
                | dict(self._host.credentials(function.configuration.get("Role", ""))),
                cwd=function.code,
                limits=replace(limits, scratch=tmp),
            )
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Environment(function, version, sandbox, folder)

    def run(self, environment: Environment, order: Order) -> tuple[Outcome, bool]:
        """Run one invocation; returns how it ended, and whether the environment can be used again.

        Raises
        ------
        _Gone
            The environment had ended before.
        """
        sandbox = environment.sandbox
        assert sandbox.process.stdin is not None
        sandbox.begin(replace(order.limits, scratch=environment.tmp))
        try:
            sandbox.process.stdin.write(json.dumps(os.fspath(order.folder)) + "\n")
            sandbox.process.stdin.flush()
        except OSError as error:
            raise _Gone from error
        if self._host.processes.read(sandbox, order.on_line, order.log, order.end_mark):
            usable = environment.usable
            sandbox.rest()
            return outcome_of(sandbox), usable
        sandbox.process.wait()
        return outcome_of(sandbox), False

    def end(self, environment: Environment) -> None:
        """End an environment, and remove its files."""
        self._host.processes.discard(environment.sandbox)
        shutil.rmtree(environment.folder, ignore_errors=True)

    def _end(self, environments: list[Environment]) -> None:
        for each in environments:
            self.end(each)

    def _start_sweeper(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep, name="lambda-environments", daemon=True)
            self._sweeper.start()

    def _sweep(self) -> None:
        """End environments that nobody has used for a while."""
        while not self._closed.wait(IDLE_SECONDS / 4):
            with self._lock:
                limit = time.monotonic() - IDLE_SECONDS
                ended = [each for each in self._idle if each.idle_since < limit or not each.usable]
                self._idle = [each for each in self._idle if each not in ended]
            self._end(ended)

    def close(self) -> None:
        """Keep nothing warm any more; the processes end with the host's."""
        self._closed.set()


@dataclass(eq=False)
class Turn:
    """A place on this machine for one invocation, with a warm environment if there is one.

    What `environment` is at the end stays for the next invocation.
    """

    _environments: Environments
    environment: Environment | None

    def run(self, function: Function, version: str, order: Order) -> Outcome:
        """Run an invocation in the warm environment, or in a new one.

        Raises
        ------
        OSError
            No process can be started.
        """
        while True:
            warm, self.environment = self.environment, None
            used = warm or self._environments.start(function, version, order.limits)
            try:
                outcome, usable = self._environments.run(used, order)
            except _Gone:
                self._environments.end(used)
                continue  # somebody ended it while it was idle
            if usable:
                self.environment = used
            else:
                self._environments.end(used)
            return outcome
