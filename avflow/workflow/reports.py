"""The JSON objects that a step writes for the later steps and for the user.

docs/schemas/ has the JSON Schema of those that users read. `python -m scripts.schemas` writes it from these classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mashumaro import field_options

from avflow.choices import Choices, Origin
from avflow.isolation.policy import Isolation
from avflow.media import Media, VideoStream
from avflow.media.contract import Contract
from avflow.media.key_frames import KeyFrames
from avflow.media.notices import Notice
from avflow.models.kinds import SpeechTask
from avflow.models.manifest import Model
from avflow.models.sources import ModelFile
from avflow.results.names import ALWAYS
from avflow.speech.transcript import Transcript
from avflow.workflow.compute import Compute

RanOn = Literal["lambda", "batch"]


@dataclass(frozen=True)
class StepRecord(Contract):
    """Where and when a step ran."""

    #: ffmpeg, audio2srt, yolov3 or merge
    name: str
    ran_on: RanOn
    #: the size of the machine; null if unknown
    compute: Compute | None
    #: ISO 8601, UTC
    started: str
    #: duration of the step in seconds
    seconds: float
    #: number of the segment or span, from 0, if the step was divided
    part: int | None = None
    #: the isolation of the process that worked on the media; null if the step worked on none
    isolation: Isolation | None = None

    def __post_serialize__(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave out `part` if the step was not divided."""
        if self.part is None:
            del fields["part"]
        return fields


@dataclass(frozen=True)
class ModelEntry(Contract):
    """A model that the run used, and the checksums of its files."""

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
    """How the video is divided for YOLOv3: into `count` segments of `frames` frames. The last may be shorter."""

    count: int
    frames: int


@dataclass(frozen=True)
class SpanPlan(Contract):
    """Seconds `start` to `end` of the audio. One Lambda invocation or Batch job recognises them."""

    part: int
    start: float
    end: float
    #: whether the span clearly exceeds Lambda's limits and goes to Batch directly
    on_batch: bool


@dataclass(frozen=True)
class Plan(Contract):
    """How the work of the later steps is divided."""

    segments: SegmentPlan
    #: ArrayProperties for AWS Batch; empty for one segment
    array: dict[str, int]
    spans: tuple[SpanPlan, ...]
    #: whether the Merge step clearly exceeds Lambda's limits and goes to Batch directly
    merge_on_batch: bool
    #: how functions divide a short video; null if no function detects it. Their segments are numbered behind `segments`
    functions: SegmentPlan | None = None


@dataclass(frozen=True)
class SegmentCount(Contract):
    """Into how many segments the video is divided on Batch."""

    count: int
    #: the numbers of the segments of functions, if these detect the video first; otherwise left out
    on_lambda: tuple[int, ...] = ()

    def __post_serialize__(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave out `on_lambda` if it is empty: the state machine asks whether it is there."""
        if not self.on_lambda:
            del fields["on_lambda"]
        return fields


@dataclass(frozen=True)
class Decisions(Contract):
    """The part of the plan on which the way through the state machine depends."""

    segments: SegmentCount
    #: ArrayProperties for AWS Batch; empty for one segment
    array: dict[str, int]
    #: the number of each span, and of those that go to Batch directly
    spans: tuple[int, ...]
    spans_on_batch: tuple[int, ...]
    merge_on_batch: bool


@dataclass(frozen=True)
class WorkflowPlan(Contract):
    """`plan.json`: what the state machine reads. It goes through all later states, so it is small."""

    has_audio: bool = field(metadata=field_options(alias="has_sound"))
    has_video: bool = field(metadata=field_options(alias="has_picture"))
    plan: Decisions
    #: the address of each result by what it is: the output of the execution
    results: dict[str, str]


# ---------------------------------------------------------------- reports of the steps
@dataclass(frozen=True)
class DetectorInput(Contract):
    """The object that the detector reads: the upload itself or its conversion."""

    key: str
    version_id: str | None
    stream: VideoStream
    #: where decoding may begin, for readers of ranges, if the container has no index
    key_frames: KeyFrames | None = None


@dataclass(frozen=True)
class MediaReport(Contract):
    """`media.json`, the report of the FFmpeg step: what was uploaded, and the plan of the later steps."""

    has_audio: bool = field(metadata=field_options(alias="has_sound"))
    has_video: bool = field(metadata=field_options(alias="has_picture"))
    input: Media
    #: why the video was converted; empty if the detector reads the upload
    conversion_reasons: tuple[str, ...]
    detector_input: DetectorInput | None = field(metadata=field_options(alias="picture"))
    plan: Plan
    step: StepRecord
    #: key of the copy of joined recordings on one clock, which later steps read in place of the upload; null if the
    #: upload has one clock
    joined: str | None = None
    #: what the user chose; all later steps read it here
    choices: Choices = field(default_factory=Choices)
    #: the fields of it that the upload's metadata set
    chosen_by_upload: tuple[str, ...] = ()

    @classmethod
    def __pre_deserialize__(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Reports of older versions have `outputs` beside the choices; before that, there were no others than these."""
        choices = {"outputs": fields.get("outputs", ALWAYS), **fields.get("choices", {})}
        return {**fields, "choices": choices}

    @property
    def drawn_late(self) -> bool:
        """Whether Merge draws the boxes, and the YOLOv3 step only detects."""
        return self.has_video and self.choices.drawn_late(audio=self.has_audio)


@dataclass(frozen=True)
class SourceRead(Contract):
    """How the YOLOv3 step read its source."""

    #: bytes of the source, and those that were fetched for this segment
    size: int
    fetched: int
    #: requests for ranges of it; null if it was downloaded whole
    ranges: int | None = None


@dataclass(frozen=True)
class FileSum(Contract):
    """What tells the content of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SegmentReport(Contract):
    """The report of the YOLOv3 step on one segment: what it detected."""

    frames: int
    #: number of detections of each class
    objects: dict[str, int]
    #: number of frames in which each class occurs
    frames_with: dict[str, int]
    #: number of frames that could not be decoded; another frame replaces each
    damaged_frames: int = 0
    #: frames per second, as a fraction
    frame_rate: str
    #: width and height in pixels
    size: tuple[int, int]
    engine: str
    model: ModelEntry
    step: StepRecord
    #: null in reports of older versions
    source: SourceRead | None = None
    #: what the user should know about the annotated video
    notices: tuple[Notice, ...] = ()
    #: the files of the segment: avi, detections, mp4, pictures; empty in reports of older versions
    files: dict[str, FileSum] = field(default_factory=dict)
    #: the number in the model of each detected class, from which the colour of its boxes follows
    class_ids: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SpanReport(Contract):
    """The report of the audio2srt step on one span: its transcript, with times from the start of the whole audio."""

    #: ISO 639-1; null without recognised speech
    language: str | None
    seconds: float
    model: ModelEntry
    step: StepRecord
    transcript: Transcript = field(
        metadata=field_options(serialize=Transcript.to_dict, deserialize=Transcript.from_dict)
    )
    #: what the user should know about the transcript
    notices: tuple[Notice, ...] = ()
    #: translate: the transcript's words are English, and its language is the spoken one
    task: SpeechTask = "transcribe"


@dataclass(frozen=True)
class SegmentDoneBefore:
    """The YOLOv3 step's record of a segment that an earlier attempt finished. It is not written to S3."""

    step: StepRecord


@dataclass(frozen=True)
class StepError(Contract):
    """The named error with which a step ended."""

    error: str
    message: str
    advice: str
    #: exit status of the Batch job (sysexits.h)
    exit_code: int
    #: number of the segment or span, from 0
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
    """What the subtitles contain."""

    #: the spoken language, ISO 639-1; null without recognised speech
    language: str | None
    cues: int
    words: int
    #: the language of the subtitles, ISO 639-1: the spoken one, or en if they are a translation; null without subtitles
    subtitles_language: str | None = None


@dataclass(frozen=True)
class DetectionSummary(Contract):
    """What was detected in the whole video."""

    frames: int
    #: number of frames that could not be decoded; another frame replaces each
    damaged_frames: int
    #: frames per second, as a fraction
    frame_rate: str
    #: width and height in pixels
    size: tuple[int, int]
    engine: str
    #: number of detections of each class
    objects: dict[str, int]
    #: number of frames in which each class occurs
    frames_with: dict[str, int]
    #: number of different objects of each class, by their tracks
    unique: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CostEstimate(Contract):
    """An estimate of the cost of the run on AWS, at list prices. It is not a bill: `assumes` says what is left out."""

    #: US dollars
    usd: float
    #: US dollars per service
    by: dict[str, float]
    #: the assumptions, by topic
    assumes: dict[str, str]
    #: names of steps without a price, because the size of their machine is unknown
    not_priced: tuple[str, ...]
    #: whose seconds the prices apply to: AWS's, or those of the machine with the embedded AWS
    seconds_of: str
    #: date of the price table
    prices_of: str
    region: str
    #: US dollars of YOLOv3: `as_run`, and as predicted for where it did not run: `lambda`, `gpu_spot`, `fargate`
    yolov3: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ResultFile(Contract):
    """One of the results."""

    key: str
    bytes: int
    sha256: str
    #: its Content-Type in the bucket, such as `video/mp4`
    media_type: str


@dataclass(frozen=True)
class ChoiceInForce(Contract):
    """A choice that was in force."""

    #: a number, a text, a list of names, or true or false
    value: Any
    #: the table's default, a parameter of the stack, or the metadata of the upload
    origin: Origin = field(metadata=field_options(alias="from"))


@dataclass(frozen=True)
class Manifest(Contract):
    """`result/….json`: the input, the results, the models, and where and how long each step ran."""

    #: increased when a reader of the former version would misread a manifest
    schema: int
    #: name of the Step Functions execution
    execution: str
    source: Source
    input: Media
    #: why the video was converted before detection; empty if it was not
    converted_because: tuple[str, ...]
    #: keys of the objects published before the manifest
    results: tuple[str, ...]
    #: by role: detector, speech
    models: dict[str, ModelEntry]
    #: null without audio
    speech: SpeechSummary | None
    #: null without video
    detections: DetectionSummary | None
    steps: tuple[StepRecord, ...]
    cost: CostEstimate
    #: what the user should know about the results
    warnings: tuple[Notice, ...] = ()
    #: the content of each of `results`, in the same order; empty in manifests of older versions
    files: tuple[ResultFile, ...] = ()
    #: what was chosen, by name as in avflow/choices.py
    choices: dict[str, ChoiceInForce] = field(default_factory=dict)


@dataclass(frozen=True)
class MergeReport:
    """The report of the Merge step, for logs and metrics. It is not written to S3."""

    input: Media
    step: StepRecord
    #: None if a newer version of the upload publishes in its place
    manifest: Manifest | None
