"""The error report, `result/….error.json`: why the run failed, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorReport:
    """What the user gets instead of results."""

    #: increased when a reader of the former version would misread a report
    schema: int
    #: the uploaded object, s3://BUCKET/KEY
    video: str
    #: name of the Step Functions execution
    execution: str
    #: name of the error, as in docs/failures.md
    error: str
    #: what is wrong
    message: str
    #: what to do
    advice: str

    @property
    def text(self) -> str:
        """The text of the e-mail."""
        return f"{self.video}\n\n{self.message}\n{self.advice}\n\nExecution: {self.execution}\n"
