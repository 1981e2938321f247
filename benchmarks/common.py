"""What every benchmark shares: its command line, the form of its results, and the clips it works on.

A benchmark is a module that runs by itself (`python -m benchmarks.pipeline`), prints a Markdown
table, and with `--json FILE` writes::

    {"title": str, "rows": [{"name", "value", "unit"}, …], "ratios": {name: float}, "machine": str,
     "processor": "bf16", "date": "2026-11-22", "quick": bool, "notes": [str, …], "skipped": {ratio: why},
     "series": {…}}

In a ratio more is better, and where it can be both of its sides are measured in turn in one run: a
busy machine then slows both, and only ratios are ever compared from run to run, within one class of
processors (`processor`, see benchmarks/processor.py). A benchmark declares its ratios before it
measures, and of each gives the value or the reason why there is none. `quick`, `notes`, `skipped`
and `series` may be left out.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil

from avflow.cores import visible_cores
from avflow.media import probe
from benchmarks import processor

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "my_video.mkv"


def machine() -> str:
    """The processor, its cores and memory, and GPUs: `AMD EPYC (avx2 avx512f avx512_bf16), 2 cores, 8 GB`."""
    memory = psutil.virtual_memory().total / 1e9
    return ", ".join([processor.described(), f"{visible_cores()} cores", f"{memory:.0f} GB", *_gpus()])


def _gpus() -> list[str]:
    """The names of NVIDIA's GPUs here."""
    if not (program := shutil.which("nvidia-smi")):
        return []
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return [] if answer.returncode else answer.stdout.split("\n")[:-1]


@dataclass
class Result:
    """What a benchmark found."""

    title: str
    quick: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    series: dict[str, Any] = field(default_factory=dict)
    machine: str = field(default_factory=machine)
    processor: str = field(default_factory=processor.processor_class)
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    def __post_init__(self) -> None:
        self._declared: dict[str, None] = {}

    def row(self, name: str, value: float | str | None, unit: str) -> None:
        """Note a figure; None where it couldn't be measured."""
        self.rows.append({"name": name, "value": value, "unit": unit})

    def declare(self, *names: str) -> None:
        """Say which ratios there will be, each with a value or with a reason why it has none."""
        self._declared |= dict.fromkeys(names)

    def ratio(self, name: str, value: float) -> None:
        """Note a ratio: more is better.

        Raises
        ------
        ValueError
            It wasn't declared.
        """
        self._known(name)
        self.ratios[name] = round(value, 4)

    def skip(self, why: str, *names: str) -> None:
        """Say why these ratios can't be measured here. Raises ValueError for one that wasn't declared."""
        for name in names:
            self._known(name)
            self.skipped[name] = why

    def _known(self, name: str) -> None:
        if name not in self._declared:
            raise ValueError(f"{self.title} has not declared the ratio {name!r}: call declare() before it is measured")

    def publish(self, path: Path | None) -> None:
        """Print the table, and write the JSON where a path is given.

        Raises
        ------
        ValueError
            A declared ratio has neither a value nor a reason.
        """
        if silent := [name for name in self._declared if name not in self.ratios and name not in self.skipped]:
            raise ValueError(f"{self.title}: neither measured nor skipped for a reason: {', '.join(silent)}")
        print(markdown(asdict(self)))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def markdown(result: Mapping[str, Any]) -> str:
    """A benchmark's own table: its figures, then its ratios.

    >>> print(markdown({"title": "Speed", "rows": [{"name": "a", "value": 1234.5, "unit": "s"}], "ratios": {"b": 2.0}}))
    | Speed | |
    |---|---|
    | a | 1 234 s |
    | **b** | **2.00** |
    """
    title = result["title"] + (" (quick)" if result.get("quick") else "")
    lines = [f"| {title} | |", "|---|---|"]
    lines += [f"| {row['name']} | {shown(row['value'])} {row['unit']}".rstrip() + " |" for row in result["rows"]]
    lines += [f"| **{name}** | **{shown(value)}** |" for name, value in result["ratios"].items()]
    lines += [f"| **{name}** | not measured: {why} |" for name, why in result.get("skipped", {}).items()]
    return "\n".join(lines + [f"\n{note}" for note in result.get("notes", ())])


def digest(results: Mapping[str, Mapping[str, Any]]) -> str:
    """A hash of the results of all parts; the plot stores it."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def columns(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows that have the same names as a Markdown table.

    >>> print(columns([{"a": "1", "b": "2"}]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    head, *body = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def shown(value: float | str | None) -> str:
    """A figure with about three digits."""
    if value is None:
        return "unmeasured"
    if isinstance(value, str):
        return value
    digits = 0 if isinstance(value, int) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", " ")


def command_line(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that every benchmark here has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--quick", action="store_true", help="shorter, to try it out and for `make bench-check`")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"of which the median is taken ({rounds})")
    return parser


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(rounds: int, *works: Callable[[], object]) -> list[list[float]]:
    """Wall times of each of `works`, called one after another, `rounds` times over."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for measured, work in zip(times, works, strict=True):
            measured.append(seconds(work))
    return times


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the rounds' own ratios, which a change of the machine's load between rounds doesn't touch."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def not_installed(module: str) -> str | None:
    """Why a peer can't be measured; None where its Python package is here."""
    return None if importlib.util.find_spec(module) else f"the Python package {module} is not installed"


# ---------------------------------------------------------------- clips
def ffmpeg(*arguments: object) -> None:
    """Run FFmpeg; raises CalledProcessError with its messages on standard error."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    subprocess.run([*command, *map(str, arguments)], check=True)


def repeated(source: Path, length: float, target: Path) -> Path:
    """`source` over and over, `length` seconds of it, encoded anew so that the rate stays constant at the seams."""
    picture = probe(source).video
    assert picture is not None
    encoding = ("-vf", f"fps={picture.nominal_rate}", "-c:v", "libx264", "-preset", "veryfast", "-crf", 18)
    ffmpeg("-stream_loop", -1, "-i", source, "-t", length, *encoding, "-c:a", "aac", "-b:a", "192k", target)
    return target


def synthetic(target: Path, length: float, *, rate: int, size: tuple[int, int] = (160, 120)) -> Path:
    """A silent AVI with a test picture, `length` seconds; what is over a minute repeats the first."""
    first = min(60.0, length)
    minute = target.with_name(f"minute-of-{target.name}")
    picture = f"testsrc2=size={size[0]}x{size[1]}:rate={rate}:duration={first}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "mpeg4", "-q:v", 8, "-g", rate * 5, minute)
    ffmpeg("-stream_loop", -1, "-i", minute, "-t", length, "-c", "copy", target)
    minute.unlink()
    return target
