"""What a step leaves for the steps after it, and for the user: each a JSON object in the bucket.

docs/schemas/ has the JSON Schema of those that users read; `python -m scripts.schemas` writes it from these classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mashumaro import field_options

from avflow.media import Media, VideoStream
from avflow.media.contract import Contract
from avflow.models.sources import ModelFile
from avflow.models.store import Model
from avflow.speech.transcript import Transcript
from avflow.workflow.compute import Compute

RanOn = Literal["lambda", "batch"]


@dataclass(frozen=True)
class StepRecord(Contract):
    """Where and when a step ran."""

    #: ffmpeg, audio2srt, yolov3 or merge
    name: str
    ran_on: RanOn
    #: the size of the machine; null where nothing told it
    compute: Compute | None
    #: ISO 8601, UTC
    started: str
    #: from its start to its end
    seconds: float
    #: number of the segment or span, where the step worked on several; from 0
    part: int | None = None

    def __post_serialize__(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A step that worked on the whole has no part."""
        if self.part is None:
            del fields["part"]
        return fields


@dataclass(frozen=True)
class ModelEntry(Contract):
    """A model that took part, and the sums of its files."""

    #: detector or speech
    role: str
    #: its name in avflow/models/models.toml
    name: str
    kind: str
    files: tuple[ModelFile, ...]

    @classmethod
    def of(cls, role: str, model: Model) -> ModelEntry:
        """The entry of a declared model."""
        return cls(role, model.name, model.kind, model.files)


# ---------------------------------------------------------------- the plan
@dataclass(frozen=True)
class SegmentPlan(Contract):
    """How the video is cut for YOLOv3: into `count` segments of `frames` frames; the last may be shorter."""

    count: int
    frames: int


@dataclass(frozen=True)
class SpanPlan(Contract):
    """Seconds `start` to `end` of the audio, recognised by one function or job."""

    part: int
    start: float
    end: float
    #: known not to fit Lambda
    on_batch: bool


@dataclass(frozen=True)
class Plan(Contract):
    """How the later steps share the work. The state machine reads it too."""

    segments: SegmentPlan
    #: AWS Batch's ArrayProperties: empty for one segment
    array: dict[str, int]
    spans: tuple[SpanPlan, ...]
    #: known not to fit Lambda
    merge_on_batch: bool


# ---------------------------------------------------------------- reports of the steps
@dataclass(frozen=True)
class DetectorInput(Contract):
    """What the detector reads: the upload itself, by its key, or its conversion."""

    key: str
    version_id: str | None
    stream: VideoStream


@dataclass(frozen=True)
class MediaReport(Contract):
    """`media.json`, of the FFmpeg step: what was uploaded, and how the later steps go on."""

    has_audio: bool = field(metadata=field_options(alias="has_sound"))
    has_video: bool = field(metadata=field_options(alias="has_picture"))
    input: Media
    #: why the video was converted; empty where the detector reads the upload
    conversion_reasons: tuple[str, ...]
    detector_input: DetectorInput | None = field(metadata=field_options(alias="picture"))
    plan: Plan
    step: StepRecord


@dataclass(frozen=True, kw_only=True)
class SegmentReport(Contract):
    """Of the YOLOv3 step: what was found in one segment."""

    frames: int
    #: detections of each class that was found
    objects: dict[str, int]
    #: frames in which each of these classes occurs
    frames_with: dict[str, int]
    #: of the frames, those that can't be decoded: another stands for each
    damaged_frames: int = 0
    #: frames a second, as a fraction
    frame_rate: str
    #: width and height in pixels
    size: tuple[int, int]
    engine: str
    model: ModelEntry
    step: StepRecord


@dataclass(frozen=True)
class SpanReport(Contract):
    """Of the audio2srt step: what is said in one span, with times from the start of the audio."""

    #: ISO 639-1; null where nobody speaks
    language: str | None
    seconds: float
    model: ModelEntry
    step: StepRecord
    transcript: Transcript = field(
        metadata=field_options(serialize=Transcript.to_dict, deserialize=Transcript.from_dict)
    )


@dataclass(frozen=True)
class SegmentDoneBefore:
    """Of the YOLOv3 step for a segment that an earlier attempt had finished: its record. Nobody reads it from S3."""

    step: StepRecord


@dataclass(frozen=True)
class StepError(Contract):
    """The named error with which a step ended."""

    error: str
    message: str
    advice: str
    #: of the Batch job (sysexits.h)
    exit_code: int
    #: number of the segment or span
    part: int


# ---------------------------------------------------------------- the manifest
@dataclass(frozen=True)
class Source(Contract):
    """The uploaded object."""

    bucket: str
    key: str
    version_id: str | None


@dataclass(frozen=True)
class SpeechSummary(Contract):
    """What the subtitles hold."""

    #: ISO 639-1; null where nobody speaks
    language: str | None
    cues: int
    words: int


@dataclass(frozen=True)
class DetectionSummary(Contract):
    """What was found in all segments together."""

    frames: int
    #: of the frames, those that can't be decoded: another stands for each
    damaged_frames: int
    #: frames a second, as a fraction
    frame_rate: str
    #: width and height in pixels
    size: tuple[int, int]
    engine: str
    #: detections of each class that was found
    objects: dict[str, int]
    #: frames in which each of these classes occurs
    frames_with: dict[str, int]


@dataclass(frozen=True)
class CostEstimate(Contract):
    """What the run costs on AWS by list prices. It is no bill: `assumes` says what is left out."""

    #: US dollars
    usd: float
    #: US dollars of each service
    by: dict[str, float]
    #: a sentence for each assumption
    assumes: dict[str, str]
    #: steps of which nothing told the machine
    not_priced: tuple[str, ...]
    #: whose seconds were priced: AWS's, or those of the machine that embeds it
    seconds_of: str
    #: date of the table of prices
    prices_of: str
    region: str


@dataclass(frozen=True)
class Manifest(Contract):
    """`result/….json`: what went in, what came out, and who did what, where and for how long."""

    #: raised when a reader of the former version would misread a manifest
    schema: int
    #: name of the Step Functions execution
    execution: str
    source: Source
    input: Media
    #: why the video was converted before detection; empty where it wasn't
    converted_because: tuple[str, ...]
    #: keys of the objects that were published before the manifest
    results: tuple[str, ...]
    #: by role
    models: dict[str, ModelEntry]
    #: null without audio
    speech: SpeechSummary | None
    #: null without video
    detections: DetectionSummary | None
    steps: tuple[StepRecord, ...]
    cost: CostEstimate


@dataclass(frozen=True)
class MergeReport:
    """Of the Merge step, for logs and metrics; nobody reads it from S3."""

    input: Media
    step: StepRecord
    #: None where a newer version of the upload publishes in its place
    manifest: Manifest | None
