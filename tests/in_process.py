"""A media process that is none: the tasks of a step run in the process of the test.

It keeps the hundreds of tests that are not about isolation fast, and lets them replace parts. Requests and answers pass
through the same JSON and the same checks as between two processes. `tests/unit/isolation` tests the real one.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avflow.isolation import answers, messages
from avflow.isolation.policy import Isolation
from avflow.isolation.ranges import RangedSource
from avflow.isolation.requests import Request
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.workplace import Workplace
from avflow.progress import Progress, Report, ignore
from avflow.workflow.budget import Budget
from avflow.workflow.settings import Settings


class InProcess:
    """Does what `avflow.isolation.worker.MediaWorker` does, by a `Tasks` object in this process."""

    isolation = Isolation(process=False, no_new_privs=False, seccomp=False, landlock=0)

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks
        self._asked: list[Request[Any]] = []

    def begin(self, request: Request[Any]) -> None:
        self._asked.append(type(request).from_dict(json.loads(json.dumps(request.to_dict()))))

    def finish(
        self,
        request: Request[Any],
        report: Report = ignore,
        limit: TimeLimit | None = None,
        source: RangedSource | None = None,
    ) -> Any:
        def checked(progress: Progress) -> None:
            report(answers.progress(json.loads(json.dumps(progress.to_dict()))))

        asked = self._asked.pop(0)
        if source:
            self._tasks.need = source.wait
        done = getattr(self._tasks, asked.task)(asked, checked)
        line = messages.line("answer", done.to_dict())
        return answers.read(request.answer, answers.message(line)[1])

    def do(
        self,
        request: Request[Any],
        report: Report = ignore,
        limit: TimeLimit | None = None,
        source: RangedSource | None = None,
    ) -> Any:
        self.begin(request)
        return self.finish(request, report, limit, source)


@contextmanager
def in_process(
    tasks: str, place: Workplace, settings: Settings, budget: Budget, *, makes: Sequence[Path] = ()
) -> Iterator[InProcess]:
    """`avflow.workflow.isolating.start` without a process."""
    yield InProcess(importlib.import_module(tasks).Tasks())


def with_detector(detector: Any) -> Any:
    """As `in_process`, with a stand-in for the detector, or a function that opens one."""

    @contextmanager
    def start(
        tasks: str, place: Workplace, settings: Settings, budget: Budget, *, makes: Sequence[Path] = ()
    ) -> Iterator[InProcess]:
        done = importlib.import_module(tasks).Tasks()
        if tasks.endswith("yolov3"):
            done.open = lambda asked: detector() if callable(detector) else detector
            done.is_ready = lambda asked: True
        yield InProcess(done)

    return start
