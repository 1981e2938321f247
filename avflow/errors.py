"""One exception class for each failure that a user can meet.

The *name* of the class is the contract: Step Functions matches it in `Retry` and `Catch` (AWS Step Functions Developer
Guide, "Handling errors in Step Functions workflows"), a Batch job prints it, and `result/….error.json` contains it.
Renaming a class changes the workflow.
"""

from __future__ import annotations

import errno
import os

from avflow.filenames import printable

#: what the system says if a file has no room: on the disk, in the quota, or below the limit of its size
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class AvflowError(Exception):
    """A failure: its name, a sentence that says what is wrong with which input, and advice.

    Parameters
    ----------
    message:
        What is wrong, with the name of the input, made `printable` (line ends stay here, for lists). A missing full
        stop is added, because the advice follows the message.
    advice:
        What the user can do. The default is the advice of the class.
    """

    advice = "Read the log of the failed step. The uploaded video is unchanged."
    #: exit status of a Batch job or of the command line (sysexits.h)
    exit_code = os.EX_SOFTWARE

    def __init__(self, message: str, advice: str | None = None) -> None:
        sentence = printable(message.rstrip(), keep="\n")  # it quotes names, and goes to terminals and logs
        if not sentence.endswith((".", "!", "?")):
            sentence += "."
        super().__init__(sentence)
        self.message = sentence
        if advice is not None:
            self.advice = printable(advice, keep="\n")

    @property
    def name(self) -> str:
        """The name that Step Functions matches."""
        return type(self).__name__

    def to_dict(self) -> dict[str, str]:
        """The error as JSON: `{"error": name, "message": what is wrong, "advice": what to do}`."""
        return {"error": self.name, "message": self.message, "advice": self.advice}


# ---------------------------------------------------------------- the user's input
class InvalidMedia(AvflowError):
    """No machine can process the uploaded object. The workflow neither retries the step nor moves it to Batch."""

    advice = "Upload a file that plays in an ordinary video player."
    exit_code = os.EX_DATAERR


class InvalidMediaEmpty(InvalidMedia):
    """The uploaded object has zero bytes."""

    advice = "The upload has no content: upload the file again."


class InvalidMediaUnreadable(InvalidMedia):
    """No demuxer accepts the file: a text file, an archive, a damaged header."""


class InvalidMediaTruncated(InvalidMedia):
    """Less than half of what the container announces is there, its index is missing, or OnTruncated=fail refuses it."""

    advice = "The file is incomplete: copy it again from its source, then upload it again."


class InvalidMediaDamaged(InvalidMedia):
    """More consecutive frames can't be decoded than neighbouring frames may replace."""

    advice = (
        "Copy the file again from its source, then upload it again. If the source is damaged too, upload the part "
        "that plays (for example `ffmpeg -ss 10 -t 60 -i in out.mp4`)."
    )


class InvalidMediaPlaylist(InvalidMedia):
    """The file is a playlist or script that would make FFmpeg open other files or addresses."""

    advice = "Upload the media file itself, not a playlist that points to it."


class InvalidMediaNoStreams(InvalidMedia):
    """The container is readable, but has neither a video stream nor an audio stream."""

    advice = "Upload a file that has video or audio."


class InvalidMediaTooLarge(InvalidMedia):
    """The frames are larger than the pipeline accepts."""

    advice = "Scale the video down (for example `ffmpeg -i in -vf scale=3840:-2 out.mp4`) and upload that."


class InvalidMediaTooLong(InvalidMedia):
    """The media is longer than the pipeline accepts, or a damaged timestamp makes it appear longer."""

    advice = (
        "Upload a shorter part of it (for example `ffmpeg -i in -t 3600 out.mp4`). "
        "If the video is not that long, a timestamp is damaged, and the same command removes it."
    )


class InvalidMediaOutOfProportion(InvalidMedia):
    """The file would give frames, pixels, sound or memory that its size can't hold: it was made or damaged to do so."""

    advice = (
        "The file repeats its content, or announces far more than it holds. Store what it shows in a new file "
        "(for example `ffmpeg -i in -t 3600 -c:v libx264 -c:a aac out.mp4`), and upload that."
    )


class InvalidMediaTooSlow(InvalidMedia):
    """Reading the file takes longer than a file of its size may take."""

    advice = "Its structure is damaged or extreme. Convert it (for example `ffmpeg -i in out.mp4`), and upload that."


class InvalidMediaCodec(InvalidMedia):
    """The picture and the sound are in formats that are off (`avflow.media.accepted`)."""

    advice = (
        "Convert the file to a common format (for example `ffmpeg -i in -c:v libx264 -c:a aac out.mp4`), "
        "and upload that."
    )


class InvalidMediaSound(InvalidMedia):
    """The sound has a sample rate, or a number of channels, that no recording of speech has."""

    advice = "Convert the sound (for example `ffmpeg -i in -ar 48000 -ac 2 out.wav`), and upload that."


class InvalidMediaFrameRate(InvalidMedia):
    """The header states a frame rate that no camera has."""

    advice = (
        "The frame rate in the header is wrong, or too high: set the true one "
        "(for example `ffmpeg -r 25 -i in -c:v libx264 out.mp4`), and upload that."
    )


class MaxRunCostExceeded(AvflowError):
    """By the estimate after the probe, the run would cost more than MaxRunCost. No Batch job was started for it."""

    advice = (
        "Upload a shorter part of it, or deploy with a higher MaxRunCost (with `make run`: MAX_RUN_COST=50). "
        "docs/scaling.md says what costs how much."
    )
    exit_code = os.EX_DATAERR


class SourceMissing(AvflowError):
    """The uploaded object, or this version of it, is no longer in the bucket."""

    advice = (
        "This version was permanently deleted before the workflow read it: upload it again. If it still exists, a "
        "policy of the bucket or of the account forbids the workflow to read it."
    )
    exit_code = os.EX_NOINPUT


# ---------------------------------------------------------------- where it runs
class LambdaBudgetExceeded(AvflowError):
    """The step can't finish within the time, memory or /tmp of Lambda. The workflow moves it to Batch."""

    advice = "Nothing to do: the workflow moves the step to AWS Batch."


class ScratchFull(AvflowError):
    """The step's disk is full. If the step ran on Lambda, the workflow moves it to Batch."""

    advice = "Give the job more ephemeral storage, or the machine more free space, then start the execution again."


class MemoryExhausted(AvflowError, MemoryError):
    """The step ran out of memory; also a `MemoryError`. If the step ran on Lambda, the workflow moves it to Batch."""

    advice = "Give the job more memory, then start the execution again."


class StorageUnavailable(AvflowError):
    """S3 throttled, timed out or answered 5xx, even after the SDK's retries. A later attempt may succeed."""

    advice = "S3 was temporarily unavailable: start the execution again."
    exit_code = os.EX_TEMPFAIL


# ---------------------------------------------------------------- the product itself
class FFmpegFailed(AvflowError):
    """FFmpeg failed on input that `probe` had accepted."""


class MediaWorkFailed(AvflowError):
    """The media process crashed, or was stopped: by a fault of a decoder or of the code, or by a limit."""

    advice = (
        "The file makes a decoder fail: convert it (for example `ffmpeg -i in out.mp4`), and upload the result. "
        "If that fails too, report it with the log of the step."
    )


class MediaAnswerInvalid(AvflowError):
    """The media process sent or left something that it never does by itself. The upload may have taken it over."""

    advice = "Treat the file as hostile: do not open it with other programs. Nothing of it was published."
    exit_code = os.EX_PROTOCOL


class FrameCountMismatch(AvflowError):
    """A step produced a different number of frames than it received. The result is discarded, never published."""


class DarknetModelInvalid(AvflowError):
    """The Darknet .cfg and .weights don't describe one network of the YOLOv3 family."""

    advice = "Check that the .cfg is the one the .weights were trained with."


class GpuUnavailable(AvflowError):
    """The step requires a GPU, but the inference engine can't use one."""

    advice = "Use an AMI with a newer driver (docs/images.md), or deploy with DetectorCompute=cpu."
    exit_code = os.EX_UNAVAILABLE


class IsolationUnavailable(AvflowError):
    """The setting Isolation=required, and this system can't isolate media work completely."""

    advice = "Run the step where the kernel has Landlock and seccomp, or deploy with Isolation=best."
    exit_code = os.EX_UNAVAILABLE


class ModelUnknown(AvflowError):
    """The model manifest doesn't list the model name."""

    advice = "`avflow models list` shows the names."
    exit_code = os.EX_USAGE


class SettingInvalid(AvflowError):
    """An environment variable of a step is not a number, is out of range, or is not one of the allowed values."""

    advice = "Deploy again with the parameter that sets the variable, or unset it: docs/settings.md lists both."
    exit_code = os.EX_CONFIG


class MetadataInvalid(AvflowError):
    """The metadata of an upload is not what the workflow reads there."""

    advice = "Upload the file again, without this metadata or with a right value: docs/settings.md says what it means."
    exit_code = os.EX_DATAERR


class ModelManifestInvalid(AvflowError):
    """The model manifest is not valid TOML, or lacks the fields that verify a model's files."""

    advice = "Compare it with avflow/models/models.toml. Every file needs its name, bytes and sha256."
    exit_code = os.EX_CONFIG


class PrecisionUnsuitable(AvflowError):
    """At this precision the network doesn't detect the objects that it detects in float32."""

    advice = (
        "Choose the precision `fastest`, or quantize with a video similar to your uploads: "
        "`avflow models quantize NAME --frames PATH`."
    )
    exit_code = os.EX_UNAVAILABLE


class ModelUnavailable(AvflowError):
    """No source of a model file delivered the expected bytes."""

    advice = "Check the network, or copy the file into the model cache yourself (`avflow models list` shows where)."
    exit_code = os.EX_UNAVAILABLE
