"""Whether a ratio has fallen since the baseline of this class of processors was taken.

Absolute times are never compared with it, nor are the ratios of another class (benchmarks/processor.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, shown
from benchmarks.parts import Part

BASELINE = ROOT / "benchmarks" / "baseline.json"
#: a ratio may fall by this share of the baseline's
TOLERANCE = 0.15


@dataclass(frozen=True)
class Verdict:
    """On one ratio of one part; `now` is None where it wasn't measured, `before` where the baseline lacks it.

    One with a `target` has to reach it, and isn't compared with what it was before. `missing` says why there is no
    value, and `excused` whether that is a reason that the part gave itself. One that isn't `judged` is only told.
    """

    part: str
    ratio: str
    before: float | None
    now: float | None
    target: float | None = None
    missing: str = ""
    excused: bool = False
    judged: bool = True

    @property
    def least(self) -> float | None:
        """What it has to be; None where there is nothing to go by."""
        if self.target is not None:
            return self.target
        return None if self.before is None else (1 - TOLERANCE) * self.before

    @property
    def sign(self) -> str:
        """A ratio that is gone fails as one that has fallen does, unless its part says why it was left out."""
        if self.now is None:
            return "skipped" if self.excused else "FAIL"
        if self.least is None:
            return "new"
        if not self.judged:
            return "told"
        return "ok" if self.now >= self.least else "FAIL"

    @property
    def passes(self) -> bool:
        """All but a failure."""
        return self.sign != "FAIL"

    def __str__(self) -> str:
        now = shown(self.now) if self.now is not None else f"not measured: {self.missing}"
        line = f"{self.sign:7} {self.part}: {self.ratio}: {now}"
        if self.target is not None:
            return f"{line}, target {shown(self.target)}"
        if self.before is None:
            return line
        change = f", {self.now / self.before - 1:+.0%}" if self.now is not None else ""
        return f"{line}, baseline {shown(self.before)}{change}"


def verdicts(
    part: Part, baseline: Mapping[str, Any], result: Mapping[str, Any] | None, processor: str
) -> list[Verdict]:
    """Compare a part's result, None if it has none, with the class's `baseline` (all parts) and its own targets."""
    before: Mapping[str, float] = baseline["ratios"].get(part.name, {})
    now: Mapping[str, float] = result["ratios"] if result else {}
    skipped: Mapping[str, str] = result.get("skipped", {}) if result else {}
    targets = {name: part.target(name, processor) for name in part.by_target}
    targets = {name: target for name, target in targets.items() if target is not None}
    gone = "the part has no such ratio any more" if result else "the part gave no result"
    return [
        Verdict(
            part.name,
            name,
            before.get(name),
            now.get(name),
            targets.get(name),
            skipped.get(name, gone),
            excused=name in skipped,
            judged=name not in part.engines,
        )
        for name in dict.fromkeys((*before, *now, *skipped, *targets))
    ]


def read_baselines(path: Path = BASELINE) -> dict[str, Any]:
    """`{class of processors: {"machine": str, "ratios": {part: {name: float}}}}`, of quick runs; may be empty."""
    if not path.exists():
        return {}
    baselines: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return baselines


def read_baseline(processor: str, path: Path = BASELINE) -> dict[str, Any]:
    """That of one class; without ratios where there is none yet."""
    baseline: dict[str, Any] = read_baselines(path).get(processor, {"machine": "", "ratios": {}})
    return baseline


def write_baseline(processor: str, results: Mapping[str, Mapping[str, Any]], path: Path = BASELINE) -> None:
    """Take the ratios of `results`, by part, as the class's new baseline; other parts' and other classes' stay."""
    baseline = read_baseline(processor, path)
    baseline["machine"] = next(iter(results.values()))["machine"]
    baseline["ratios"] |= {part: result["ratios"] for part, result in results.items()}
    baselines = read_baselines(path) | {processor: baseline}
    path.write_text(json.dumps(baselines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
