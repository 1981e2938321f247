"""The original's three scripts against `avflow run` on the same video: `python -m benchmarks.chain`.

`avflow run` is what `make run` calls: it deploys the template to the embedded AWS, uploads, runs the
state machine with every step in a process of its own, and fetches the results; all of that counts.
The models are on the machine before, on both sides, as they are in the images of both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from avflow.darknet import DATA
from avflow.media import probe
from avflow.models.store import ModelStore
from benchmarks import original_chain, random_yolov3
from benchmarks.common import ROOT, SAMPLE, Result, command_line, repeated, seconds
from benchmarks.random_yolov3 import MODELS


@dataclass(frozen=True)
class Case:
    """A detector, and how many seconds of the sample it gets, also in a quick run."""

    model: str
    cfg: Path
    length: float
    quick_length: float

    @property
    def ratio(self) -> str:
        """Its name."""
        return f"{self.model}: avflow run over the three scripts"


CASES = (
    Case("yolov3-tiny", DATA / "yolov3-tiny.cfg", 80, 11),
    Case(random_yolov3.NAME, DATA / "yolov3.cfg", 4.5, 0.4),
)


def avflow_run(video: Path, model: str, out: Path, variables: Mapping[str, str] = MappingProxyType({})) -> None:
    """`make run YOLOV3_MODEL=…`, without make, with these environment variables besides."""
    command = [sys.executable, "-m", "avflow_cli.main", "run", "--yolov3-model", model]
    command += ["--speech-model", "whisper-tiny.en", "--out", str(out), str(video)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, check=True)


def measure(case: Case, length: float, rounds: int, folder: Path, result: Result) -> None:
    """The chain once, with half of the rounds of ours before it and half after it: it is much the slower."""
    video = repeated(SAMPLE, length, folder / "video.mkv")
    picture = probe(video).video
    assert picture is not None
    out = folder / "out"
    run = partial(avflow_run, video, case.model, out, random_yolov3.environment(MODELS))
    run()  # compiles the network, as the first run on a machine does
    ours = [seconds(run) for _ in range(rounds - rounds // 2)]
    chain_folder = folder / "chain"
    chain_folder.mkdir()
    weights = ModelStore(MODELS, MODELS / "models.toml").path(case.model) / f"{case.model}.weights"
    chain = original_chain.run(video, case.cfg, weights, chain_folder)
    ours += [seconds(run) for _ in range(rounds // 2)]
    name = f"{case.model}, {length:g} s, {picture.frames} frames"
    result.row(f"{name}: the three scripts", chain.seconds, "s")
    for step in ("ffmpeg", "pocketsphinx", "darknet"):
        result.row(f"{name}: of these, {step}", getattr(chain, step), "s")
    result.row(f"{name}: avflow run", statistics.median(ours), "s")
    for step, took in _steps(out).items():
        result.row(f"{name}: of these, {step}", took, "s")
    result.ratio(case.ratio, chain.seconds / statistics.median(ours))
    if not picture.frames - 2 <= chain.frames <= picture.frames:
        result.notes.append(f"Darknet drew {chain.frames} of {picture.frames} frames.")


def _steps(out: Path) -> dict[str, float]:
    """Seconds by step of the last run, as its manifest has them; of parts side by side the slowest."""
    steps: dict[str, float] = {}
    for step in json.loads((out / "video.json").read_text(encoding="utf-8"))["steps"]:
        steps[step["name"]] = max(step["seconds"], steps.get(step["name"], 0.0))
    return steps


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=4).parse_args()
    result = Result("`avflow run` against the three scripts of the original", quick=options.quick)
    result.declare(*(case.ratio for case in CASES))
    random_yolov3.model_folder(MODELS)
    for case in CASES:
        if why := original_chain.unavailable():
            result.skip(why, case.ratio)
            continue
        with tempfile.TemporaryDirectory() as folder:
            length = case.quick_length if options.quick else case.length
            measure(case, length, options.rounds, Path(folder), result)
    result.notes.append(
        "The scripts run one after another, without the start of containers: FFmpeg to wav and AVI, PocketSphinx, "
        f"`darknet detector demo`. avflow run is the median of {options.rounds} runs, half of them before and half "
        "after the scripts. It includes the deployment and uses Whisper tiny.en."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
