"""Progress reports of long work, which are also the only way to stop it.

The caller of long work passes a report function. The work calls it with its progress at least every `TICK_SECONDS`,
even if nothing has changed. If the report raises an exception, the work stops its processes and threads, writes no
output, and passes the exception on to the caller. Deadlines, pace checks and aborts all use this one mechanism.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Progress:
    """The progress of a step: `done` of `total` units. `rate` is units per second since the start.

    `unit` is "frames" or "seconds" (of media).
    """

    step: str
    done: float
    total: float | None
    unit: str
    rate: float

    def to_dict(self) -> dict[str, object]:
        """The fields of a log line."""
        return asdict(self)


#: shows, logs or checks the progress of long work; an exception that it raises ends the work
Report = Callable[[Progress], None]
#: longest time in seconds between two calls of a report
TICK_SECONDS = 0.5


def ignore(progress: Progress) -> None:
    """A report that does nothing."""


class Meter:
    """Measures the pace of one step and reports it at most once per `interval` seconds.

    Not thread-safe: call it from one thread.
    """

    def __init__(
        self, step: str, total: float | None, unit: str, report: Report, interval: float = TICK_SECONDS
    ) -> None:
        self.step, self.total, self.unit = step, total, unit
        self.started = time.monotonic()
        self._report, self._interval, self._last, self._done = report, interval, 0.0, 0.0

    def tick(self) -> None:
        """Report without progress. Call it every `TICK_SECONDS` while waiting."""
        self.update(self._done)

    def update(self, done: float) -> None:
        """Set the number of finished units. Reports if the interval has passed or all units are finished."""
        self._done = done
        now = time.monotonic()
        at_end = self.total is not None and done >= self.total
        if now - self._last < self._interval and not at_end:
            return
        self._last = now
        elapsed = now - self.started
        self._report(Progress(self.step, done, self.total, self.unit, done / elapsed if elapsed > 0 else 0.0))


def divided(report: Report, *shares: float) -> list[Report]:
    """One report per phase of a step. Together they show the progress of the whole step.

    Parameters
    ----------
    report:
        Receives the progress of the whole step.
    shares:
        The approximate share of the step's time that each phase takes; their sum is 1. Every phase counts the same
        units.
    """
    started = time.monotonic()

    def phase(before: float, share: float) -> Report:
        def report_phase(progress: Progress) -> None:
            if not progress.total:
                report(progress)
            else:
                done = (before + share * progress.done / progress.total) * progress.total
                elapsed = time.monotonic() - started
                report(replace(progress, done=done, rate=done / elapsed if elapsed > 0 else 0.0))

        return report_phase

    return [phase(sum(shares[:number]), share) for number, share in enumerate(shares)]
