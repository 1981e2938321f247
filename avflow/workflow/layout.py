"""The keys of all objects of a run: the names of the results and of the intermediates.

`VideoRef.result` adds a suffix to the base that the start function claimed for the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from avflow.filenames import UNPRINTABLE, printable

START_PREFIX = "start/"
RESULT_PREFIX = "result/"
#: suffixes of all results of a video except its manifest, `.json`. A new one is also added to
#: lambdas/start/result_names.py, whose function does not contain this package
RESULT_SUFFIXES = (
    ".avi",
    ".mp4",
    ".detections.jsonl",
    ".srt",
    ".vtt",
    ".txt",
    ".transcript.json",
    ".jpg",
    ".contact.jpg",
    ".html",
    ".error.json",
)
#: the files of a segment: the annotated video in two formats, the detections, and the still pictures
SEGMENT_FILES = {
    "avi": ("boxed", ".avi"),
    "mp4": ("boxed", ".mp4"),
    "detections": ("detections", ".jsonl"),
    "pictures": ("pictures", ".zip"),
}


@dataclass(frozen=True)
class VideoRef:
    """One version of one uploaded video, and the execution that processes it.

    `execution` is the name of the Step Functions execution. It separates the intermediates of two uploads of one key.
    `base` is the key of all results without their suffixes. The start function claims it (lambdas/start/claims.py). It
    is None for an execution that somebody started by hand.
    """

    bucket: str
    key: str
    execution: str
    version_id: str | None = None
    size: int | None = None
    base: str | None = None

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> VideoRef:
        """Read the state machine's input. Unknown fields belong to the workflow and are ignored."""
        return cls(
            bucket=fields["bucket"],
            key=fields["key"],
            execution=fields["execution"],
            version_id=fields.get("version_id"),
            size=fields.get("size"),
            base=fields.get("base"),
        )

    @property
    def filename(self) -> str:
        """`my_video.mkv`."""
        return self.key.rpartition("/")[2]

    @property
    def shown_name(self) -> str:
        """The file name as messages quote it."""
        return printable(self.filename)

    @property
    def stem(self) -> str:
        """`my_video`: the file name without its last suffix."""
        return PurePosixPath(self.filename).stem

    @property
    def scratch_name(self) -> str:
        """The file name in a form that every file system accepts: its last 200 bytes, never `.` or `..`.

        It has no control characters, because FFmpeg quotes it in its messages.
        """
        name = UNPRINTABLE.sub("_", self.filename).encode(errors="replace")[-200:].decode(errors="ignore")
        return "video" if name in ("", ".", "..") else name

    def result(self, suffix: str) -> str:
        """The claimed base with this suffix. Without a base, `<path>` and name are those of the upload.

        >>> VideoRef("bucket", "start/holiday/my_video.mkv", "run-1").result(".srt")
        'result/holiday/my_video.srt'
        """
        if self.base is not None:
            return self.base + suffix
        path = self.key.removeprefix(START_PREFIX).rpartition("/")
        return RESULT_PREFIX + path[0] + path[1] + self.stem + suffix

    @property
    def _short_stem(self) -> str:
        """The beginning of the stem: the keys of intermediates stay below S3's 1024 bytes."""
        return self.stem.encode(errors="replace")[:200].decode(errors="ignore")

    def _intermediate(self, prefix: str, name: str) -> str:
        return f"{prefix}/{self.execution}/{name}"

    @property
    def media_json(self) -> str:
        """The report of the FFmpeg step. Every later step reads it."""
        return self._intermediate("media", "media.json")

    @property
    def plan_json(self) -> str:
        """What the state machine reads of that report."""
        return self._intermediate("media", "plan.json")

    def part_json(self, step: str, part: int) -> str:
        """The report of a later step on one segment or span."""
        return self._intermediate("media", f"{step}-{part:04}.json")

    def step_error_json(self, step: str) -> str:
        """The named error with which a step ended."""
        return self._intermediate("media", f"{step}.error.json")

    def wav(self, part: int) -> str:
        """The audio of one span for speech recognition."""
        return self._intermediate("audio", f"{self._short_stem}-{part:04}.wav")

    @property
    def converted(self) -> str:
        """The conversion of the video, if the detector cannot read the upload itself."""
        return self._intermediate("video", f"{self._short_stem}.avi")

    @property
    def joined(self) -> str:
        """The recordings of the upload on one clock, if its own clock starts again."""
        return self._intermediate("video", f"{self._short_stem}.joined.mkv")

    def segment_file(self, name: str, part: int) -> str:
        """A file of one segment, before it is published. `SEGMENT_FILES` has the names."""
        kind, suffix = SEGMENT_FILES[name]
        return self._intermediate("video", f"{self._short_stem}.{kind}-{part:04}{suffix}")

    def boxed(self, part: int) -> str:
        """The annotated video of one segment, without audio."""
        return self.segment_file("avi", part)

    def detections(self, part: int) -> str:
        """The detections on each frame of one segment."""
        return self.segment_file("detections", part)
