"""Wall time against a video's length, by the number of array children: `python -m benchmarks.segments`.

The real template, state machine, handlers and jobs on the embedded AWS; only the network is replaced,
by waiting a fixed time for each frame, so that the children don't compete for this machine's cores
with what would be on machines of their own. Each number of children takes its turn at a video, and each once: the
waiting, which is most of a long video's time, is the same whatever else the machine does.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from avflow.cores import visible_cores
from avflow.models.cache import cache_folder
from avflow.workflow.layout import RESULT_PREFIX, START_PREFIX
from benchmarks.common import ROOT, Result, command_line, synthetic
from benchmarks.stand_in import FRAME_SECONDS
from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws

CHILDREN = (1, 2, 4, 8)
MINUTES, QUICK_MINUTES = (1, 4, 16, 64), (0.25, 1)
#: frames a second, and what a frame costs
RATE = 5
#: what is replaced in the template: YOLOv3's command, and limits that keep short videos whole
REPLACED = {
    "batch_jobs.yolov3.job": "benchmarks.segment_job",
    "SEGMENT_SECONDS: !Ref SegmentSeconds": 'SEGMENT_SECONDS: "1"',
}
POLL = 0.05


@dataclass(frozen=True)
class Run:
    """Wall time from the upload to the execution's end, and the steps' own times, children apart, in seconds."""

    seconds: float
    steps: dict[str, list[float]]


def benchmark_template(folder: Path) -> Path:
    """The project's template with `REPLACED`, in a folder where it finds what it names."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for old, new in REPLACED.items():
        if old not in text:
            raise ValueError(f"template.yaml has no {old!r} any more")
        text = text.replace(old, new)
    for path in ROOT.iterdir():
        if path.name != "template.yaml" and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    template = folder / "template.yaml"
    template.write_text(text, encoding="utf-8")
    return template


class Workflow:
    """The deployed stack."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str]) -> None:
        self._s3, self._states = aws.client("s3"), aws.client("stepfunctions")
        self._bucket, self._machine = outputs["BucketName"], outputs["StateMachineArn"]
        self._seen: set[str] = set()

    def run(self, video: Path) -> Run:
        """Upload a video and wait for its results.

        Raises
        ------
        RuntimeError
            The execution failed.
        """
        began = time.perf_counter()
        self._s3.upload_file(str(video), self._bucket, START_PREFIX + video.name)
        execution = self._execution()
        while (found := self._states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(POLL)
        took = time.perf_counter() - began
        if found["status"] != "SUCCEEDED":
            raise RuntimeError(f"{video.name}: {found['status']} {found.get('error')} {found.get('cause')}")
        manifest = self._s3.get_object(Bucket=self._bucket, Key=f"{RESULT_PREFIX}{video.stem}.json")
        steps: dict[str, list[float]] = {}
        for step in json.loads(manifest["Body"].read())["steps"]:
            steps.setdefault(step["name"], []).append(step["seconds"])
        return Run(took, steps)

    def _execution(self) -> str:
        """The execution that the upload became, once it has begun."""
        while True:
            listed = self._states.list_executions(stateMachineArn=self._machine)["executions"]
            if new := [each["executionArn"] for each in listed if each["executionArn"] not in self._seen]:
                self._seen.update(new)
                return str(new[0])
            time.sleep(POLL)


@contextmanager
def deployed() -> Iterator[dict[int, Workflow]]:
    """For each of `CHILDREN` a workflow that cuts every video into so many segments, all on one AWS."""
    with tempfile.TemporaryDirectory(prefix="avflow-bench-") as name:
        folder = Path(name)
        (folder / "template").mkdir()
        template = benchmark_template(folder / "template")
        with LocalAws(
            ROOT,
            folder / "aws",
            cache_dir=cache_folder("templates"),
            batch_jobs_at_once=max(CHILDREN),
        ) as aws:
            parameters = {"Yolov3Model": "yolov3-tiny", "SpeechModel": "whisper-tiny.en", "DetectorCompute": "gpu"}
            yield {
                count: Workflow(
                    aws, deploy(aws, template, parameters | {"MaxSegments": str(count)}, f"segments-{count}")
                )
                for count in CHILDREN
            }


def measure(videos: Sequence[Path], rounds: int) -> dict[int, list[Run]]:
    """By number of children the run of each video that took the median time.

    Each workflow takes its turn at a video; before, each has the first video once, to warm up.
    """
    with deployed() as workflows:
        for workflow in workflows.values():
            workflow.run(videos[0])
        runs: dict[int, list[Run]] = {children: [] for children in workflows}
        for video in videos:
            turns = [[workflow.run(video) for workflow in workflows.values()] for _ in range(rounds)]
            for measured, same in zip(runs.values(), zip(*turns, strict=True), strict=True):
                measured.append(sorted(same, key=_seconds)[rounds // 2])
    return runs


def _seconds(run: Run) -> float:
    return run.seconds


def describe(runs: dict[int, list[Run]], minutes: Sequence[float], result: Result) -> None:
    """Rows, ratios, the series of the plot, and where the curve bends."""
    ratios = {
        children: f"{children} children over 1, a wait of {1000 * FRAME_SECONDS:g} ms in place of the network"
        for children in runs
        if children > 1
    }
    result.declare(*ratios.values())
    longest = minutes[-1]
    alone = runs[CHILDREN[0]]
    for children, measured in runs.items():
        for length, run in zip(minutes, measured, strict=True):
            result.row(f"{_children(children)}, {length:g} minutes of video", run.seconds, "s")
        if children in ratios:
            result.ratio(ratios[children], alone[-1].seconds / measured[-1].seconds)
    most = runs[CHILDREN[-1]][-1]
    for step, times in most.steps.items():
        result.row(f"{CHILDREN[-1]} children, {longest:g} minutes: {step}, the slowest", max(times), "s")
    result.series = {
        "minutes": list(minutes),
        "seconds": {str(children): [round(run.seconds, 2) for run in measured] for children, measured in runs.items()},
    }
    result.notes += explained(runs, minutes)


def _children(count: int) -> str:
    return f"{count} {'child' if count == 1 else 'children'}"


def explained(runs: dict[int, list[Run]], minutes: Sequence[float]) -> list[str]:
    """How the wall time falls with more children, and what limits it."""
    frames = RATE * 60 * minutes[-1]
    most, last = CHILDREN[-1], runs[CHILDREN[-1]][-1]
    slowest = {name: max(times) for name, times in last.steps.items()}
    return [
        f"The videos have 160x120 pixels and {RATE} frames a second. A wait of "
        f"{1000 * FRAME_SECONDS:g} ms a frame replaces the network. The machine has {visible_cores()} cores.",
        f"Effect of twice as many children: a video of {minutes[0]:g} min becomes {_gains(runs, 0)} times faster, and "
        f"one of {minutes[-1]:g} min {_gains(runs, -1)} times. A short video does not gain, because it mostly takes "
        "the start of processes, the FFmpeg step and the Merge step, whatever the number of segments.",
        f"Where the time goes: {minutes[-1]:g} min with {most} children take {last.seconds:.1f} s. The wait is "
        f"{frames * FRAME_SECONDS / most:.1f} s for each child. The slowest child takes {slowest['yolov3']:.1f} s, "
        "because each child downloads the whole source, seeks in it, decodes and encodes. Here all children share the "
        "cores; on AWS "
        f"each has its own. The FFmpeg step ({slowest['ffmpeg']:.1f} s) and the Merge step ({slowest['merge']:.1f} s) "
        "read the whole video, whatever the number of children. The remaining "
        f"{last.seconds - sum(slowest.values()):.1f} s are the start of processes, and the time until Step Functions "
        "asks Batch again whether the job has ended.",
    ]


def _gains(runs: dict[int, list[Run]], video: int) -> str:
    """`1.8 (1 to 2), 1.5 (2 to 4)`: how much faster each doubling makes one of the videos."""
    pairs = [(few, many) for few, many in pairwise(CHILDREN) if many in runs]
    return ", ".join(f"{runs[a][video].seconds / runs[b][video].seconds:.1f} ({a} to {b})" for a, b in pairs)


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=1).parse_args()
    minutes = QUICK_MINUTES if options.quick else MINUTES
    result = Result("Wall time against length, by array children", quick=options.quick)
    with tempfile.TemporaryDirectory() as folder:
        videos = [synthetic(Path(folder) / f"seconds-{60 * m:.0f}.avi", 60 * m, rate=RATE) for m in minutes]
        runs = measure(videos, options.rounds)
    describe(runs, minutes, result)
    result.publish(options.json)


if __name__ == "__main__":
    main()
