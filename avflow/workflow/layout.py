"""Which object of a run lives where in the bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

START_PREFIX = "start/"
RESULT_PREFIX = "result/"
#: all that can stand under `result/` for a video besides its manifest, `.json`
RESULT_SUFFIXES = (".avi", ".detections.jsonl", ".srt", ".error.json")


@dataclass(frozen=True)
class VideoRef:
    """One version of one uploaded video, and the execution that processes it.

    `execution` is the Step Functions execution's name: it keeps the intermediates of
    two uploads of the same key apart.
    """

    bucket: str
    key: str
    execution: str
    version_id: str | None = None
    size: int | None = None

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> VideoRef:
        """From the state machine's input; unknown fields are the workflow's own and ignored."""
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
        """`my_video`: the file's name without its last suffix."""
        return PurePosixPath(self.filename).stem

    @property
    def scratch_name(self) -> str:
        """The file's name as far as every file system takes it: 200 bytes, and never a folder's."""
        name = self.filename.replace("\0", "").encode()[-200:].decode(errors="ignore")
        return "video" if name in ("", ".", "..") else name

    def result(self, suffix: str) -> str:
        """`result/<path>/my_video<suffix>`, `<path>` being what stood behind `start/`.

        >>> VideoRef("bucket", "start/holiday/my_video.mkv", "run-1").result(".srt")
        'result/holiday/my_video.srt'
        """
        path = self.key.removeprefix(START_PREFIX).rpartition("/")
        return RESULT_PREFIX + path[0] + path[1] + self.stem + suffix

    def _intermediate(self, prefix: str, name: str) -> str:
        return f"{prefix}/{self.execution}/{name}"

    @property
    def media_json(self) -> str:
        """What the FFmpeg step found and wrote; every later step reads it."""
        return self._intermediate("media", "media.json")

    def part_json(self, step: str, part: int) -> str:
        """The report of a later step on one segment or span: where it ran, how long, what it made."""
        return self._intermediate("media", f"{step}-{part:04}.json")

    def step_error_json(self, step: str) -> str:
        """The named error with which a step's Batch job ended."""
        return self._intermediate("media", f"{step}.error.json")

    def wav(self, part: int) -> str:
        """The audio of one span for speech recognition."""
        return self._intermediate("audio", f"{self.stem}-{part:04}.wav")

    @property
    def converted(self) -> str:
        """The video in a form the detector reads, where the source wasn't."""
        return self._intermediate("video", f"{self.stem}.avi")

    def boxed(self, part: int) -> str:
        """The pictures of one segment with boxes, without sound."""
        return self._intermediate("video", f"{self.stem}.boxed-{part:04}.avi")

    def detections(self, part: int) -> str:
        """What was detected on each frame of one segment, before it is published."""
        return self._intermediate("video", f"{self.stem}.detections-{part:04}.jsonl")
