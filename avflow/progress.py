"""How far long work is, and the one way to stop it.

Whoever starts long work hands over a report. The work calls it with its progress, at least every `TICK_SECONDS`, also
while there is nothing new to tell. What the report raises ends the work: it stops its processes and threads, writes
nothing, and the exception goes on to the caller. So a deadline, a pace that is too slow or an abort need nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of a step; `rate` is units per second since it began.

    `unit` is "frames" or "seconds" (of media).
    """

    step: str
    done: float
    total: float | None
    unit: str
    rate: float

    def to_dict(self) -> dict[str, object]:
        """As it stands in a log line."""
        return asdict(self)


#: shows, logs or judges the progress of long work; what it raises ends the work
Report = Callable[[Progress], None]
#: seconds that long work may go without a call of its report
TICK_SECONDS = 0.5


def ignore(progress: Progress) -> None:
    """Report to nobody."""


class Meter:
    """Measures the pace of one step and reports it, at most once per `interval` seconds.

    To be called from one thread.
    """

    def __init__(
        self, step: str, total: float | None, unit: str, report: Report, interval: float = TICK_SECONDS
    ) -> None:
        self.step, self.total, self.unit = step, total, unit
        self.started = time.monotonic()
        self._report, self._interval, self._last, self._done = report, interval, 0.0, 0.0

    def tick(self) -> None:
        """Tell that nothing more is done yet; to be called every `TICK_SECONDS` while waiting."""
        self.update(self._done)

    def update(self, done: float) -> None:
        """Tell that `done` units are done; reports when the interval has passed or the end is reached."""
        self._done = done
        now = time.monotonic()
        at_end = self.total is not None and done >= self.total
        if now - self._last < self._interval and not at_end:
            return
        self._last = now
        elapsed = now - self.started
        self._report(Progress(self.step, done, self.total, self.unit, done / elapsed if elapsed > 0 else 0.0))


def divided(report: Report, *shares: float) -> list[Report]:
    """A report for each phase of one step, which tell as one how far the step is.

    Parameters
    ----------
    shares:
        Of the step's time that each phase takes, about; together 1. Each phase goes through the same units.
    """
    started = time.monotonic()

    def phase(before: float, share: float) -> Report:
        def tell(progress: Progress) -> None:
            if not progress.total:
                report(progress)
            else:
                done = (before + share * progress.done / progress.total) * progress.total
                elapsed = time.monotonic() - started
                report(replace(progress, done=done, rate=done / elapsed if elapsed > 0 else 0.0))

        return tell

    return [phase(sum(shares[:number]), share) for number, share in enumerate(shares)]
