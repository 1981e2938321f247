"""What a step may still use: time and disk. Lambda's are small and known; Batch's are not limited here."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from avflow.errors import LambdaBudgetExceeded

#: seconds kept back for uploading the result and answering
RESERVE_SECONDS = 5.0
#: a prediction is trusted once this share of the work is done ...
TRUSTED_SHARE = 0.02
#: ... and this many seconds have passed
TRUSTED_SECONDS = 3.0


@dataclass(frozen=True)
class Budget:
    """Time and disk left to a step.

    Parameters
    ----------
    deadline:
        `time.monotonic()` in seconds at which the step must have ended; infinity for none.
    disk_bytes:
        Bytes of scratch space; None for no limit.
    """

    deadline: float = math.inf
    disk_bytes: int | None = None

    @classmethod
    def of_lambda(cls, remaining_milliseconds: int) -> Budget:
        """The budget of this Lambda invocation: its remaining time, and what /tmp has free."""
        free = shutil.disk_usage(Path(tempfile.gettempdir())).free
        return cls(time.monotonic() + remaining_milliseconds / 1000, free)

    def seconds_left(self) -> float:
        """Seconds of work left, the reserve for the upload already taken off."""
        return self.deadline - RESERVE_SECONDS - time.monotonic()

    def require_seconds(self, seconds: float, what: str) -> None:
        """Raise LambdaBudgetExceeded if `what` is predicted to take longer than there is time."""
        left = self.seconds_left()
        if seconds > left:
            raise LambdaBudgetExceeded(f"{what} needs about {seconds:.0f} s and {max(0.0, left):.0f} s are left")

    def require_disk(self, size: int, what: str) -> None:
        """Raise LambdaBudgetExceeded if `what` needs more scratch space than there is."""
        if self.disk_bytes is not None and size > self.disk_bytes:
            raise LambdaBudgetExceeded(
                f"{what} needs {size / 1e6:.0f} MB of scratch space and {self.disk_bytes / 1e6:.0f} MB are free"
            )

    def check_pace(self, done: float, started: float, what: str) -> None:
        """Raise LambdaBudgetExceeded once the pace so far shows that `what` won't end in time.

        Parameters
        ----------
        done:
            Share of the work that is done, 0 to 1.
        started:
            `time.monotonic()` when it began.
        """
        if math.isinf(self.deadline):
            return
        elapsed = time.monotonic() - started
        if self.seconds_left() <= 0:
            raise LambdaBudgetExceeded(f"{what} ran out of time with {done:.0%} done")
        if done >= TRUSTED_SHARE and elapsed >= TRUSTED_SECONDS:
            self.require_seconds(elapsed / done - elapsed, f"the rest of {what}")
