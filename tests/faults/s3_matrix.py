"""Which fault of S3 befalls which step, and what becomes of the run: the table of test_s3.py and of docs/faults.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.faults.matrix import Way
from tests.faults.s3_faults import FAULTS

#: the steps by where they run, and the roles by which their requests are signed. YOLOv3 runs on Lambda as that of a
#: short video
LAMBDA = {
    "FFmpeg": "-FFmpegFunctionRole",
    "Audio2srt": "-Audio2srtFunctionRole",
    "Yolov3OnLambda": "-Yolov3FunctionRole",
    "Merge": "-MergeFunctionRole",
}
BATCH = {
    "FFmpegOnBatch": "-FFmpegJobRole",
    "Audio2srtOnBatch": "-Audio2srtJobRole",
    "Yolov3": "-Yolov3JobRole",
    "MergeOnBatch": "-MergeJobRole",
}
START, REPORTER = "StartFunction", "ReportFailure"
ROLES = {**LAMBDA, **BATCH, START: "-StartFunctionRole", REPORTER: "-FailedFunctionRole"}
#: times for which no try of the SDK suffices
EVER = math.inf
_READS = ("503 SlowDown", "500 InternalError")
_BODIES = (
    "reset in the middle of a body",
    "body shorter than Content-Length",
    "body that does not match its checksum",
)
_WRITES = ("503 SlowDown for a write", "500 InternalError for a write", "400 BadDigest for a write")
_PARTS = (
    "503 SlowDown for a part",
    "wrong ETag of a part",
    "200 with an error for CompleteMultipartUpload",
    "lost answer to CompleteMultipartUpload",
)
_STALLED, _SLOW, _DENIED = "no further byte of a body", "4 KB a second", "403 for an object that is there"
_LOST = "lost answer to a write"
#: the steps that write files of more than 32 MB for the large upload, and so in parts
_IN_PARTS = ("FFmpeg", "Yolov3OnLambda", "Merge")


@dataclass(frozen=True)
class S3Rule:
    """What `faults` do in each of `states`, `times` times in each: together in one run if `together`."""

    states: tuple[str, ...]
    faults: tuple[str, ...]
    times: float
    way: Way
    error: str | None = None
    together: bool = False
    upload: str = "tiny"
    key: str = ""


RULES = (
    # ------------------------------------------------------------ it passes: nobody notices
    *(
        S3Rule(states, faults, times, Way.RETRIED, together=True)
        for states in (tuple(LAMBDA), tuple(BATCH))
        for times, faults in (
            (1, (*_READS, *_BODIES, _STALLED, *_WRITES, _LOST)),
            (3, ("503 SlowDown", "503 SlowDown for a write")),
            (EVER, (_SLOW,)),
        )
    ),
    S3Rule((START,), (*_READS, "503 SlowDown for a write", _LOST), 1, Way.RETRIED),
    S3Rule((START,), ("503 SlowDown for a write",), EVER, Way.LETTER),
    S3Rule(_IN_PARTS, _PARTS, 1, Way.RETRIED, together=True, upload="large"),
    # ------------------------------------------------------------ it does not pass: a named error
    S3Rule(
        (*LAMBDA, *(state for state in BATCH if state != "Yolov3")),
        ("503 SlowDown", "reset in the middle of a body", "body that does not match its checksum",
         "503 SlowDown for a write", "400 BadDigest for a write"),
        EVER, Way.NAMED, "StorageUnavailable",
    ),
    S3Rule(("FFmpeg",), ("500 InternalError", "body shorter than Content-Length"), EVER, Way.NAMED,
           "StorageUnavailable"),  # a body that always stalls takes 10 minutes: see tests/unit/workflow/test_storage.py
    S3Rule(("Merge",), ("500 InternalError for a write",), EVER, Way.NAMED, "StorageUnavailable"),
    S3Rule(("Yolov3",), ("503 SlowDown for a write",), EVER, Way.NAMED, "StorageUnavailable"),
    # some results are written, and the last one is not
    *(S3Rule((state,), ("503 SlowDown for a write",), EVER, Way.NAMED, "StorageUnavailable", key=key)
      for state in ("Merge", "MergeOnBatch") for key in (".srt", ".avi", "-.json")),
    S3Rule((*LAMBDA, *BATCH), (_DENIED,), EVER, Way.NAMED, "SourceMissing"),
    S3Rule(("FFmpeg", "Merge"), ("503 SlowDown for a part", "200 with an error for CompleteMultipartUpload"), EVER,
           Way.NAMED, "StorageUnavailable", upload="large"),
    # ------------------------------------------------------------ the report of another error
    S3Rule((REPORTER,), (*_READS, *_BODIES, _STALLED, *_WRITES, _LOST, _SLOW), 1, Way.NAMED, "InvalidMediaUnreadable",
           upload="text"),
    S3Rule((REPORTER,), ("503 SlowDown for a write",), EVER, Way.UNREPORTED, "InvalidMediaUnreadable", upload="text"),
)  # fmt: skip


@dataclass(frozen=True)
class S3Cell:
    """One fault, in one state or in several of one run, and what must become of the run."""

    number: int
    states: tuple[str, ...]
    fault: str
    times: float
    way: Way
    error: str | None
    upload: str
    key: str

    @property
    def id(self) -> str:
        """Its name in the tests' output."""
        often = "always" if self.times == EVER else f"{self.times:.0f}x"
        return f"{' '.join(self.states)}: {self.fault}{self.key and f' of {self.key}'} {often}"

    @property
    def name(self) -> str:
        """The name of its upload."""
        return f"s3-{self.number:03}-"

    @property
    def on_batch(self) -> bool:
        """Whether steps must run on Batch that otherwise run on Lambda."""
        return bool(set(self.states) & set(BATCH))


def cells() -> list[S3Cell]:
    """Every cell."""
    found: list[S3Cell] = []
    for rule in RULES:
        for states in [rule.states] if rule.together else [(state,) for state in rule.states]:
            for fault in rule.faults:
                assert fault in FAULTS
                found.append(S3Cell(len(found), states, fault, rule.times, rule.way, rule.error, rule.upload, rule.key))
    return found
