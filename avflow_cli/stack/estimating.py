"""What the runs of uploads will probably cost, from the files on this machine, before anything is sent.

The file is described as the FFmpeg step does it, in a media process, and priced by the same code with the stack's
parameters. So what is refused here would fail there, too, after the upload.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from avflow.api.work import working_on
from avflow.choices import OF_STACK
from avflow.errors import AvflowError, MaxRunCostExceeded
from avflow.media import Media
from avflow.progress import ignore
from avflow.workflow import ceilings, choosing
from avflow.workflow.settings import Settings
from avflow_cli import terminal
from avflow_cli.clips import Clip

#: dollars of all videos of a command from which it asks on a terminal
ASK_ABOVE = 1.0
#: parameters of the stack that an estimate depends on, and the variables by which the steps get them
VARIABLES = {
    "MaxRunCost": "MAX_RUN_COST",
    "DetectorCompute": "DETECTOR_COMPUTE",
    "SegmentSeconds": "SEGMENT_SECONDS",
    "MaxSegments": "MAX_SEGMENTS",
    "SpeechSpanSeconds": "SPEECH_SPAN_SECONDS",
    "MaxSpeechSpans": "MAX_SPANS",
    "ShortVideos": "SHORT_VIDEOS",
    "ShortVideosMemory": "SHORT_VIDEOS_MEMORY",
    "MaxShortVideoFunctions": "MAX_SHORT_VIDEO_FUNCTIONS",
    "Yolov3Model": "YOLOV3_MODEL",
    "OnTruncated": "ON_TRUNCATED",
    **{choice.parameter: choice.variable for choice in OF_STACK},
}


class CostNotConfirmed(AvflowError):
    """The videos would cost more than the command may spend without asking, or the answer was no."""

    advice = "Nothing was uploaded. Upload fewer videos, or say --yes, or a higher --ask-above."
    exit_code = os.EX_DATAERR


@dataclass(frozen=True)
class Estimate:
    """What the run of one video will probably cost.

    Parameters
    ----------
    usd:
        US dollars; None if the file can't be described here.
    why:
        The reason then.
    """

    usd: float | None
    why: str = ""

    @property
    def text(self) -> str:
        """`estimated 0.04 US dollars`."""
        return "its cost is unknown" if self.usd is None else f"estimated {dollars(self.usd)}"


def dollars(usd: float) -> str:
    """`0.04 US dollars`; what is less than a cent is not nothing."""
    return "less than 0.01 US dollars" if 0 < usd < 0.005 else f"{usd:.2f} US dollars"


def settings_of(parameters: Mapping[str, str]) -> Settings:
    """The settings that the steps of a stack with these parameters have, as far as an estimate depends on them.

    Raises
    ------
    SettingInvalid
    """
    given = {VARIABLES[name]: value for name, value in parameters.items() if name in VARIABLES}
    return Settings.from_environ(given)


def of_clips(clips: Sequence[Clip], parameters: Mapping[str, str], metadata: Mapping[str, str]) -> list[Estimate]:
    """The estimate of each video.

    Parameters
    ----------
    parameters:
        Those of the stack.
    metadata:
        The choices that all of these uploads will have.

    Raises
    ------
    MaxRunCostExceeded
        The stack would refuse a video.
    """
    found, dear = [], []
    settings = settings_of(parameters)
    with _status(len(clips)) as at:
        for number, clip in enumerate(clips):
            at(number)
            try:
                found.append(_of_clip(clip, settings, metadata))
            except MaxRunCostExceeded as error:
                dear.append(error.message)
            except AvflowError as error:
                found.append(Estimate(None, f"{error.name}: {error.message}"))
            except OSError as error:  # no room for the copy of joined recordings
                found.append(Estimate(None, f"{error.strerror}."))
    if dear:
        raise MaxRunCostExceeded("; ".join(dear), f"Nothing was uploaded. {MaxRunCostExceeded.advice}")
    return found


def _of_clip(clip: Clip, settings: Settings, metadata: Mapping[str, str]) -> Estimate:
    chosen = choosing.of_upload(settings.choices, metadata, clip.shown)
    settings = replace(settings, choices=chosen.choices)
    ceilings.require_affordable_size(clip.shown, clip.path.stat().st_size, settings)
    media = _described(clip.path, settings)
    ceilings.require_affordable(clip.shown, media, settings)
    return Estimate(ceilings.expected_usd(media, settings))


def _described(path: Path, settings: Settings) -> Media:
    with working_on(path, "best", ignore) as work, work.worker("ffmpeg") as worker:
        return work.described(worker, settings.choices.audio_track, refuse_cut=settings.on_truncated == "fail")


def require_consent(estimates: Sequence[Estimate], ask_above: float | None, *, may_ask: bool) -> None:
    """Ask on a terminal whether to upload what is dear, taken together.

    Parameters
    ----------
    ask_above:
        US dollars. None: `ASK_ABOVE` where somebody can be asked, and no limit elsewhere.
    may_ask:
        Whether somebody sits at the terminal.

    Raises
    ------
    CostNotConfirmed
        The answer is no, or nobody can be asked.
    """
    if ask_above is None and not may_ask:
        return
    total, limit = sum(each.usd or 0.0 for each in estimates), ASK_ABOVE if ask_above is None else ask_above
    if total <= limit:
        return
    unknown = sum(each.usd is None for each in estimates)
    what = "The run" if len(estimates) == 1 else f"The {len(estimates)} runs"
    told = f"{what} would cost about {dollars(total)}" + (
        f", without {unknown} whose cost is unknown" if unknown else ""
    )
    if not may_ask:
        raise CostNotConfirmed(f"{told}, and --ask-above is {limit:g}.")
    print(f"{told}. Upload? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CostNotConfirmed(f"{told}, and the answer was no.")


@contextmanager
def _status(count: int) -> Iterator[Callable[[int], None]]:
    """Says on a terminal which file is read."""
    console = terminal.console()
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda number: None
        return
    with console.status("") as status:
        yield lambda number: status.update(f"Estimating the cost: {number + 1} of {count}")
