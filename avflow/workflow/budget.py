"""The time and the disk space that a step may still use.

Lambda limits both. A Batch job has no limit here. A check that fails raises LambdaBudgetExceeded: then the step moves
from Lambda to Batch. See `avflow.workflow.entry` for the whole way.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from avflow.errors import LambdaBudgetExceeded

#: seconds reserved for the upload of the result and the answer
RESERVE_SECONDS = 5.0
#: a prediction counts after this share of the work ...
TRUSTED_SHARE = 0.02
#: ... and after this many seconds
TRUSTED_SECONDS = 3.0


@dataclass(frozen=True)
class Budget:
    """The time and the disk space left to a step.

    Parameters
    ----------
    deadline:
        `time.monotonic()`, in seconds, by which the step must have ended. Infinity for no deadline.
    disk_bytes:
        Bytes of scratch space. None for no limit.
    """

    deadline: float = math.inf
    disk_bytes: int | None = None

    @classmethod
    def of_lambda(cls, remaining_milliseconds: int) -> Budget:
        """The budget of this Lambda invocation: its remaining time and the free space of /tmp."""
        free = shutil.disk_usage(Path(tempfile.gettempdir())).free
        return cls(time.monotonic() + remaining_milliseconds / 1000, free)

    def within(self, seconds: float | None, what: str) -> Budget:
        """This budget with at most so many seconds from now; None leaves it. Without a deadline it stays without one.

        Raises
        ------
        LambdaBudgetExceeded
            The seconds do not even suffice for the upload of a result.
        """
        if seconds is None or math.isinf(self.deadline):
            return self
        limited = replace(self, deadline=min(self.deadline, time.monotonic() + seconds))
        if limited.seconds_left() <= 0:
            raise LambdaBudgetExceeded(f"{what} may use {seconds:g} s of Lambda, as its metadata says")
        return limited

    def seconds_left(self) -> float:
        """Seconds left for work, without the reserve for the upload."""
        return self.deadline - RESERVE_SECONDS - time.monotonic()

    def require_seconds(self, seconds: float, what: str) -> None:
        """Raise LambdaBudgetExceeded if `what` needs more than the seconds left."""
        left = self.seconds_left()
        if seconds > left:
            raise LambdaBudgetExceeded(f"{what} needs about {seconds:.0f} s and {max(0.0, left):.0f} s are left")

    def require_disk(self, size: int, what: str) -> None:
        """Raise LambdaBudgetExceeded if `what` needs more than the free scratch space. `size` is in bytes."""
        if self.disk_bytes is not None and size > self.disk_bytes:
            raise LambdaBudgetExceeded(
                f"{what} needs {size / 1e6:.0f} MB of scratch space and {self.disk_bytes / 1e6:.0f} MB are free"
            )

    def check_pace(self, done: float, started: float, what: str) -> None:
        """Raise LambdaBudgetExceeded if `what` has run out of time, or will at its present pace.

        Parameters
        ----------
        done:
            Share of the work done so far, 0 to 1.
        started:
            `time.monotonic()` at the start of the work.
        """
        if math.isinf(self.deadline):
            return
        elapsed = time.monotonic() - started
        if self.seconds_left() <= 0:
            raise LambdaBudgetExceeded(f"{what} ran out of time with {done:.0%} done")
        if done >= TRUSTED_SHARE and elapsed >= TRUSTED_SECONDS:
            self.require_seconds(elapsed / done - elapsed, f"the rest of {what}")
