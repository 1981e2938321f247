"""What the steps ask of their media processes, and the answers. Paths are absolute, as text.

The process with the credentials imports this module and `merge_requests`, and no other one here: they load no decoder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from avflow.annotation.labels import LabelStyle
from avflow.isolation.requests import Request
from avflow.media.contract import Contract
from avflow.media.key_frames import KeyFrames
from avflow.media.model import Media, VideoStream
from avflow.media.notices import Notice
from avflow.media_work.merge_requests import JoinMp4, JoinSegments, MakePictures, Render
from avflow.models.kinds import Precision, SpeechTask
from avflow.speech.spans import Span
from avflow.speech.transcript import Utterance


# ---------------------------------------------------------------- FFmpeg
@dataclass(frozen=True)
class Described(Contract):
    """What the upload is."""

    media: Media
    #: whether `Describe.copy` was made and is to be read in place of the upload
    joined: bool
    #: of the file that is to be read, if it has a video stream and no index
    key_frames: KeyFrames | None = None


@dataclass(frozen=True)
class Describe(Request[Described]):
    """Probe `source`, and write its recordings on one clock to `copy` if it has several."""

    source: str
    copy: str
    audio_track: str
    #: whether to refuse a file that is cut
    refuse_cut: bool

    task: ClassVar[str] = "describe"
    answer: ClassVar[type[Contract]] = Described


@dataclass(frozen=True)
class SoundExtracted(Contract):
    """The spans of the audio; none, and why, if it can't be decoded."""

    spans: tuple[Span, ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class ExtractSound(Request[SoundExtracted]):
    """Write the audio to `wav`, and each span to a file of its own beside it (`avflow.speech.spans.piece_of`)."""

    source: str
    media: Media
    wav: str
    span_seconds: float
    max_spans: int

    task: ClassVar[str] = "extract_sound"
    answer: ClassVar[type[Contract]] = SoundExtracted


@dataclass(frozen=True)
class PictureConverted(Contract):
    """The video stream of the conversion; None if the video can't be decoded."""

    stream: VideoStream | None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class ConvertPicture(Request[PictureConverted]):
    """Convert the video to an AVI, `target`."""

    source: str
    media: Media
    target: str

    task: ClassVar[str] = "convert_picture"
    answer: ClassVar[type[Contract]] = PictureConverted


# ---------------------------------------------------------------- audio2srt
@dataclass(frozen=True)
class EngineLoaded(Contract):
    """The speech engine is ready. `language` is the only one that it knows, or None."""

    language: str | None


@dataclass(frozen=True)
class LoadEngine(Request[EngineLoaded]):
    """Load a speech model. `memory_mb` is the memory of the machine; None if unknown."""

    model: str
    memory_mb: int | None

    task: ClassVar[str] = "load_engine"
    answer: ClassVar[type[Contract]] = EngineLoaded


@dataclass(frozen=True)
class LanguageFound(Contract):
    """The language of the first speech, ISO 639-1; None without speech."""

    language: str | None


@dataclass(frozen=True)
class FindLanguage(Request[LanguageFound]):
    """Find the language of the first speech in `wav`, which starts at second `origin` of the whole audio."""

    wav: str
    origin: float

    task: ClassVar[str] = "find_language"
    answer: ClassVar[type[Contract]] = LanguageFound


@dataclass(frozen=True)
class Recognised(Contract):
    """A transcript (`avflow.speech.Transcript`), with times from the start of the WAV file."""

    utterances: tuple[Utterance, ...]
    duration: float
    language: str | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class Recognise(Request[Recognised]):
    """Recognise the speech in `wav`. The fields are those of `avflow.speech.SpeechEngine.transcribe`."""

    wav: str
    origin: float
    language: str | None
    speech_task: SpeechTask

    task: ClassVar[str] = "recognise"
    answer: ClassVar[type[Contract]] = Recognised


# ---------------------------------------------------------------- YOLOv3
@dataclass(frozen=True)
class GpuDescribed(Contract):
    """The GPU, its driver and CUDA, as `avflow.detection.gpu.GpuFacts` tells them in a line."""

    facts: str


@dataclass(frozen=True)
class DescribeGpu(Request[GpuDescribed]):
    """Find out what GPU there is, before an engine starts on it."""

    task: ClassVar[str] = "describe_gpu"
    answer: ClassVar[type[Contract]] = GpuDescribed


@dataclass(frozen=True)
class DetectorLoaded(Contract):
    """The inference engine, as text. None: the model's network must first be converted, by `ConvertModel`."""

    engine: str | None


@dataclass(frozen=True)
class LoadDetector(Request[DetectorLoaded]):
    """Load a detector's model: on the GPU, or on the best that there is."""

    model: str
    precision: Precision
    gpu: bool
    #: as `Choices` of avflow/choices.py
    confidence: float = 0.25
    nms: float = 0.45
    classes: tuple[str, ...] = ()

    task: ClassVar[str] = "load_detector"
    answer: ClassVar[type[Contract]] = DetectorLoaded


@dataclass(frozen=True)
class ConvertModel(Request[DetectorLoaded]):
    """Convert a model's network and load it. A process that writes into the models' folder sees no upload."""

    model: str
    precision: Precision
    gpu: bool

    task: ClassVar[str] = "convert_model"
    answer: ClassVar[type[Contract]] = DetectorLoaded


@dataclass(frozen=True)
class Annotated(Contract):
    """The detections in a segment (`avflow.annotation.pipeline.AnnotatedVideo`)."""

    frames: int
    objects: dict[str, int]
    frames_with: dict[str, int]
    damaged_frames: int
    notices: tuple[Notice, ...]
    class_ids: dict[str, int]


@dataclass(frozen=True)
class Annotate(Request[Annotated]):
    """Detect on `frames` frames of `source` from frame `first` on. Write the file `detections` and the AVI `boxed`.

    Without `boxed` and the other files of frames, nothing is drawn: `Render` does it later.
    """

    source: str
    stream: VideoStream
    first: int
    frames: int
    boxed: str | None
    detections: str
    #: whether to decode on the GPU
    hardware: bool
    #: whether `source` is read by ranges (`avflow.media.ranged`)
    ranged: bool = False
    #: where decoding may begin, if the container has no index
    key_frames: KeyFrames | None = None
    #: more files to write of the same frames (`avflow.annotation.pipeline.Extras`)
    mp4: str | None = None
    pictures: str | None = None
    labels: LabelStyle = field(default_factory=LabelStyle)
    color_space: str = "unknown"
    #: detect on one in so many frames
    every: int = 1

    task: ClassVar[str] = "annotate"
    answer: ClassVar[type[Contract]] = Annotated


# ---------------------------------------------------------------- avflow models quantize
@dataclass(frozen=True)
class FramesRead(Contract):
    """The number of frames."""

    count: int


@dataclass(frozen=True)
class ReadFrames(Request[FramesRead]):
    """Read frames of a video or a folder of images, and write each to a file of `folder` (NumPy, without a codec)."""

    source: str
    folder: str

    task: ClassVar[str] = "read_frames"
    answer: ClassVar[type[Contract]] = FramesRead


@dataclass(frozen=True)
class Quantized(Contract):
    """The file of the int8 network, and its agreement with float32 (`avflow.detection.agreement.Agreement`)."""

    path: str
    recall: float
    precision: float
    boxes: int


@dataclass(frozen=True)
class Quantize(Request[Quantized]):
    """Make the int8 network of a model from the frames that `ReadFrames` wrote to `folder`."""

    model: str
    folder: str

    task: ClassVar[str] = "quantize"
    answer: ClassVar[type[Contract]] = Quantized


# ---------------------------------------------------------------- avflow.detect
@dataclass(frozen=True)
class PictureRead(Contract):
    """The picture is written."""

    done: bool = True


@dataclass(frozen=True)
class ReadPicture(Request[PictureRead]):
    """Decode the picture `source`, and write it to `target` (NumPy, without a codec): (height, width, 3) BGR uint8."""

    source: str
    target: str

    task: ClassVar[str] = "read_picture"
    answer: ClassVar[type[Contract]] = PictureRead


_ALL: tuple[type[Request[Contract]], ...] = (  # type: ignore[assignment]
    Describe,
    ExtractSound,
    ConvertPicture,
    LoadEngine,
    FindLanguage,
    Recognise,
    DescribeGpu,
    LoadDetector,
    ConvertModel,
    Annotate,
    ReadPicture,
    ReadFrames,
    Quantize,
    Render,
    JoinSegments,
    JoinMp4,
    MakePictures,
)
#: the class of a request by its task
REQUESTS = {kind.task: kind for kind in _ALL}
