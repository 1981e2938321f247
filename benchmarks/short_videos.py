"""Videos on Lambda, a GPU and Fargate: time and cost of YOLOv3, and of uploads at once. Computed, not measured.

`python -m benchmarks.short_videos [--write]`; `--write` puts the tables into docs/scaling.md.

The first is `avflow.workflow.elsewhere`, as each manifest has it. The second walks the real state machine as
`benchmarks.scale` does, with 1, 10 and 100 uploads of the same length at once. The third does so with other numbers of
retries of a busy Lambda.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from avflow.video.segments import Segments
from avflow.workflow import cost, elsewhere, paces, plan
from avflow.workflow.settings import Settings
from benchmarks import scale
from benchmarks.common import ROOT, columns
from benchmarks.report import between
from benchmarks.simulated_aws import Quotas
from benchmarks.simulated_workflow import Steps

PAGE = ROOT / "docs" / "scaling.md"
COSTS = ("<!-- short videos:start -->", "<!-- short videos:end -->")
AT_ONCE = ("<!-- at once:start -->", "<!-- at once:end -->")
PATIENCE = ("<!-- patience:start -->", "<!-- patience:end -->")
#: retries of a function of a short video that a busy account refuses, to choose from
RETRIES = (0, 5, 15, 20, 30, 120)
LENGTHS = {"10 s": 10.0, "1 min": 60.0, "10 min": 600.0, "1 h": 3600.0}
RATE = Fraction(scale.FRAME_RATE)
#: what a new account allows, and all that the template does
SMALL = Settings(short_videos="lambda")
LARGE = Settings(short_videos="lambda", short_videos_memory=10_240, max_short_video_functions=40)
#: from the start of the video to the last upload of it; enough for all of them
_WINDOW_HOURS = 48.0
STACKS = {
    "batch": (Settings(), Quotas()),
    "lambda, new account": (SMALL, Quotas(lambda_concurrency=10, fargate_vcpus=6)),
    "lambda, 40 x 10 240 MB": (LARGE, Quotas()),
}


def costs(seconds: float) -> dict[str, str]:
    """YOLOv3's time and cost on each machine for a video of so many seconds, without any wait for one."""
    frames = max(1, round(seconds * scale.FRAME_RATE))
    jobs = Segments.of(frames, RATE, seconds=SMALL.segment_seconds, most=SMALL.max_segments)
    usd = elsewhere.usd_of(frames, RATE, scale.PIXELS, scale.WEIGHTS)
    gpu = cost.INSTANCE_START_SECONDS + paces.on_gpu(jobs.frames, scale.PIXELS)
    fargate = cost.FARGATE_START_SECONDS + paces.on_fargate(jobs.frames, scale.WORKED, scale.WEIGHTS)
    return {
        "Lambda, 8 x 3 008 MB": _on_lambda(frames, SMALL),
        "Lambda, 40 x 10 240 MB": _on_lambda(frames, LARGE),
        "GPU on Spot": f"{scale._time(gpu)}, ${usd['gpu_spot']:.4f}",
        "Fargate, 4 vCPUs": f"{scale._time(fargate)}, ${usd['fargate']:.4f}",
    }


def _on_lambda(frames: int, settings: Settings) -> str:
    segments = plan.functions(frames, RATE, scale.WORKED, scale.WEIGHTS, settings)
    seconds = paces.on_lambda(segments.frames, scale.WORKED, scale.WEIGHTS, settings.short_videos_memory)
    usd = elsewhere.usd_of(frames, RATE, scale.PIXELS, scale.WEIGHTS, settings)["lambda"]
    is_short = plan.is_short(segments, scale.WORKED, scale.WEIGHTS, settings)
    shown = f"{scale._time(seconds)}, ${usd:.4f}"
    return shown if is_short else f"({shown})"


class AtOnce(scale.Simulation):
    """So many uploads of the same length at once."""

    def __init__(
        self, uploads: int, seconds: float, settings: Settings, quotas: Quotas, *, as_before: bool = False
    ) -> None:
        scenario = scale.Scenario("at once", uploads, _WINDOW_HOURS, quotas, settings=settings, whole_source=as_before)
        super().__init__(scenario)
        self._seconds = seconds
        #: whether functions detect also what is not short
        self.even_if_long = False

    def _arrivals(self) -> Steps:
        for _ in range(self.scenario.uploads):
            self.arrived += 1
            made = _video(self.arrived, self._seconds, self.random)
            made = scale.planned(made, self.scenario.settings, even_if_long=self.even_if_long)
            self.env.process(self.upload(made))
        yield self.env.timeout(0)


def _video(number: int, seconds: float, rng: random.Random) -> dict[str, Any]:
    """An upload of so many seconds, with the segments and spans of the defaults."""
    made, settings = scale.video(number, rng), Settings()
    frames = max(1, round(seconds * scale.FRAME_RATE))
    segments = Segments.of(frames, RATE, seconds=settings.segment_seconds, most=settings.max_segments)
    spans = max(1, min(settings.max_spans, round(seconds / settings.speech_span_seconds)))
    array = {"Size": segments.count} if segments.count > 1 else {}
    made["media"]["plan"] |= {"segments": {"count": segments.count}, "array": array, "spans": list(range(spans))}
    return made | {"seconds": seconds, "size": int(seconds * scale.BYTE_RATE), "frames_of_part": segments.frames}


def at_once(uploads: int, length: str, stack: str) -> dict[str, str]:
    """When the first and the last of the uploads has its results, and what each costs."""
    settings, quotas = STACKS[stack]
    done = AtOnce(uploads, LENGTHS[length], settings, quotas).run()
    waits = sorted(ended - came for came, ended in done.finished)
    return {
        "video": length,
        "at once": str(uploads),
        "ShortVideos": stack,
        "done": str(len(waits)),
        "first": scale._time(waits[0]) if waits else "-",
        "last": scale._time(waits[-1]) if waits else "-",
        "USD a video": f"{scale.usd_per_video(done):.4f}",
    }


def patience(retries: int | None) -> dict[str, str]:
    """When the last of clips at once in a new account has its results, with so many retries; None: without Lambda."""
    row = {"retries": "ShortVideos=batch" if retries is None else str(retries)}
    for uploads in (10, 30, 100):
        settings, quotas = STACKS["batch" if retries is None else "lambda, new account"]
        simulation = AtOnce(uploads, LENGTHS["10 s"], settings, quotas)
        if retries is not None:
            _retried(simulation.machine, retries)
        done = simulation.run()
        row[f"last of {uploads} clips"] = scale._time(max(ended - came for came, ended in done.finished))
        row[f"USD a clip, {uploads}"] = f"{scale.usd_per_video(done):.4f}"
    return row


def _retried(part: Mapping[str, Any], retries: int) -> None:
    """Give the function of a short video so many retries."""
    for name, state in part["States"].items():
        if name == "Yolov3OnLambda":
            state["Retry"][-1]["MaxAttempts"] = retries
        for inner in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            _retried(inner, retries)


def cost_table() -> str:
    """YOLOv3's time and cost by length and machine, as Markdown."""
    return columns([{"video": length, **costs(seconds)} for length, seconds in LENGTHS.items()])


def at_once_table() -> str:
    """Uploads of one length at once, as Markdown."""
    return columns([at_once(n, length, stack) for length in LENGTHS for n in (1, 10, 100) for stack in STACKS])


def patience_table() -> str:
    """Clips at once by the number of retries, as Markdown."""
    return columns([patience(retries) for retries in (None, *RETRIES)])


def main() -> None:
    """Compute, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling.md")
    options = parser.parse_args()
    first, second, third = cost_table(), at_once_table(), patience_table()
    print(first, second, third, sep="\n\n")
    if options.write:
        text = between(PAGE.read_text(encoding="utf-8"), first, *COSTS)
        text = between(text, second, *AT_ONCE)
        PAGE.write_text(between(text, third, *PATIENCE), encoding="utf-8")


if __name__ == "__main__":
    main()
