"""One exception class per failure a user can meet.

The class's *name* is the contract: Step Functions matches it in `Retry` and `Catch`
(AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows"),
a Batch job prints it, and `result/….error.json` carries it. Rename one, and the
workflow changes.
"""

from __future__ import annotations

import os


class AvflowError(Exception):
    """A failure with a name, a sentence on what is wrong with which input, and what to do.

    Parameters
    ----------
    message:
        What is wrong, naming the input; ended with a full stop where it isn't, because the advice follows it.
    advice:
        What the user can do; the class's own advice when left out.
    """

    advice = "Look at the log of the failed step; the source video is untouched."
    #: exit status of a Batch job or of the command line (sysexits.h)
    exit_code = os.EX_SOFTWARE

    def __init__(self, message: str, advice: str | None = None) -> None:
        sentence = message.rstrip()
        if not sentence.endswith((".", "!", "?")):
            sentence += "."
        super().__init__(sentence)
        self.message = sentence
        if advice is not None:
            self.advice = advice

    @property
    def name(self) -> str:
        """The error's name as Step Functions sees it."""
        return type(self).__name__

    def to_dict(self) -> dict[str, str]:
        """`{"error": name, "message": what is wrong, "advice": what to do}`."""
        return {"error": self.name, "message": self.message, "advice": self.advice}


# ---------------------------------------------------------------- the user's input
class InvalidMedia(AvflowError):
    """The uploaded object can't be processed, on whatever machine: never retried, never moved to Batch."""

    advice = "Upload a file that plays in an ordinary video player."
    exit_code = os.EX_DATAERR


class InvalidMediaEmpty(InvalidMedia):
    """Zero bytes."""

    advice = "The upload has no content: upload the file again."


class InvalidMediaUnreadable(InvalidMedia):
    """No demuxer accepts it: a text file, an archive, a damaged header."""


class InvalidMediaTruncated(InvalidMedia):
    """The container announces more than the file holds."""

    advice = "The file ends too early: copy it again from its origin and upload it again."


class InvalidMediaDamaged(InvalidMedia):
    """More of its pictures in a row can't be decoded than may be replaced by their neighbours."""

    advice = (
        "Copy the file again from its origin and upload it again; if it is damaged there too, upload the part "
        "that plays (for example `ffmpeg -ss 10 -t 60 -i in out.mp4`)."
    )


class InvalidMediaPlaylist(InvalidMedia):
    """A playlist or script that would make FFmpeg open other files or addresses."""

    advice = "Upload the media file itself, not a playlist that points at it."


class InvalidMediaNoStreams(InvalidMedia):
    """A readable container with neither picture nor sound."""

    advice = "The file holds neither a picture nor sound: upload one that does."


class InvalidMediaTooLarge(InvalidMedia):
    """Pictures larger than the pipeline accepts."""

    advice = "Scale the video down (for example `ffmpeg -i in -vf scale=3840:-2 out.mp4`) and upload that."


class InvalidMediaTooLong(InvalidMedia):
    """Lasts longer than the pipeline accepts, or says so by a damaged timestamp."""

    advice = (
        "Upload a shorter part of it (for example `ffmpeg -i in -t 3600 out.mp4`); "
        "if it is not that long, a timestamp is damaged, and this removes it."
    )


class SourceMissing(AvflowError):
    """The uploaded object, or this version of it, is no longer in the bucket."""

    advice = "This version was deleted for good before the workflow read it: upload it again."
    exit_code = os.EX_NOINPUT


# ---------------------------------------------------------------- where it runs
class LambdaBudgetExceeded(AvflowError):
    """The step won't finish within Lambda's time, memory or /tmp: the workflow moves it to Batch."""

    advice = "Nothing to do: the workflow moves the step to AWS Batch."


class ScratchFull(AvflowError):
    """The disk that a step works on is full. On Lambda the step moves to Batch."""

    advice = "Give the job more ephemeral storage, or the machine more free space, and start the execution again."


class MemoryExhausted(AvflowError, MemoryError):
    """The memory that a step has is used up: a `MemoryError` too. On Lambda the step moves to Batch."""

    advice = "Give the job more memory and start the execution again."


class StorageUnavailable(AvflowError):
    """S3 throttled, timed out or answered 5xx after the SDK's own retries: worth another try later."""

    advice = "S3 did not answer for a while: start the execution again."
    exit_code = os.EX_TEMPFAIL


# ---------------------------------------------------------------- ours
class FFmpegFailed(AvflowError):
    """FFmpeg ended with an error on input that probed as valid."""


class FrameCountMismatch(AvflowError):
    """A step produced another number of frames than it was given: the result is discarded, never published."""


class DarknetModelInvalid(AvflowError):
    """A Darknet .cfg and .weights that don't describe one YOLOv3-family network."""

    advice = "Check that the .cfg is the one the .weights were trained with."


class GpuUnavailable(AvflowError):
    """A GPU was demanded and the inference engine can't use one."""

    advice = "Use an AMI with a newer driver (docs/images.md), or deploy with DetectorCompute=cpu."
    exit_code = os.EX_UNAVAILABLE


class ModelUnknown(AvflowError):
    """A model name that the model manifest doesn't list."""

    advice = "`avflow models list` shows the names."
    exit_code = os.EX_USAGE


class SettingInvalid(AvflowError):
    """An environment variable of a step is no number, outside its limits, or none of its choices."""

    advice = "Deploy again with the parameter that sets it, or unset the variable: docs/deploy.md lists both."
    exit_code = os.EX_CONFIG


class ModelManifestInvalid(AvflowError):
    """A model manifest that isn't TOML, or that declares a model without what it takes to verify it."""

    advice = "Compare it with avflow/models/models.toml; every file needs its name, bytes and sha256."
    exit_code = os.EX_CONFIG


class PrecisionUnsuitable(AvflowError):
    """In this arithmetic a network doesn't find what it finds in float32."""

    advice = (
        "Choose the precision `fastest`, or quantize with a video more like those to come: "
        "`avflow models quantize NAME --frames PATH`."
    )
    exit_code = os.EX_UNAVAILABLE


class ModelUnavailable(AvflowError):
    """No source of a model file answered with the right bytes."""

    advice = "Check the network, or put the file into the model cache yourself (`avflow models list` shows where)."
    exit_code = os.EX_UNAVAILABLE
