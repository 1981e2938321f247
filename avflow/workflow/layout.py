"""The keys of all objects of a run: the names of the results and of the intermediates.

`VideoRef.result` makes the name of a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

START_PREFIX = "start/"
RESULT_PREFIX = "result/"
#: suffixes of all results of a video except its manifest, `.json`
RESULT_SUFFIXES = (".avi", ".detections.jsonl", ".srt", ".error.json")


@dataclass(frozen=True)
class VideoRef:
    """One version of one uploaded video, and the execution that processes it.

    `execution` is the name of the Step Functions execution. It separates the intermediates of two uploads of one key.
    """

    bucket: str
    key: str
    execution: str
    version_id: str | None = None
    size: int | None = None

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> VideoRef:
        """Read the state machine's input. Unknown fields belong to the workflow and are ignored."""
        return cls(
            bucket=fields["bucket"],
            key=fields["key"],
            execution=fields["execution"],
            version_id=fields.get("version_id"),
            size=fields.get("size"),
        )

    @property
    def filename(self) -> str:
        """`my_video.mkv`."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """`my_video`: the file name without its last suffix."""
        return PurePosixPath(self.filename).stem

    @property
    def scratch_name(self) -> str:
        """The file name in a form that every file system accepts: its last 200 bytes, never `.` or `..`."""
        name = self.filename.replace("\0", "").encode()[-200:].decode(errors="ignore")
        return "video" if name in ("", ".", "..") else name

    def result(self, suffix: str) -> str:
        """`result/<path>/my_video<suffix>`, where `<path>` is the upload's path after `start/`.

        >>> VideoRef("bucket", "start/holiday/my_video.mkv", "run-1").result(".srt")
        'result/holiday/my_video.srt'
        """
        path = self.key.removeprefix(START_PREFIX).rpartition("/")
        return RESULT_PREFIX + path[0] + path[1] + self.stem + suffix

    def _intermediate(self, prefix: str, name: str) -> str:
        return f"{prefix}/{self.execution}/{name}"

    @property
    def media_json(self) -> str:
        """The report of the FFmpeg step. Every later step reads it."""
        return self._intermediate("media", "media.json")

    def part_json(self, step: str, part: int) -> str:
        """The report of a later step on one segment or span."""
        return self._intermediate("media", f"{step}-{part:04}.json")

    def step_error_json(self, step: str) -> str:
        """The named error with which a step ended."""
        return self._intermediate("media", f"{step}.error.json")

    def wav(self, part: int) -> str:
        """The audio of one span for speech recognition."""
        return self._intermediate("audio", f"{self.stem}-{part:04}.wav")

    @property
    def converted(self) -> str:
        """The conversion of the video, if the detector cannot read the upload itself."""
        return self._intermediate("video", f"{self.stem}.avi")

    @property
    def joined(self) -> str:
        """The recordings of the upload on one clock, if its own clock starts again."""
        return self._intermediate("video", f"{self.stem}.joined.mkv")

    def boxed(self, part: int) -> str:
        """The annotated video of one segment, without audio."""
        return self._intermediate("video", f"{self.stem}.boxed-{part:04}.avi")

    def detections(self, part: int) -> str:
        """The detections on each frame of one segment, before they are published."""
        return self._intermediate("video", f"{self.stem}.detections-{part:04}.jsonl")
