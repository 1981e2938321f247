"""Whether a ratio has fallen since the baseline was taken; absolute times are never compared with it."""

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

    One with a `target` has to reach it, and isn't compared with what it was before.
    """

    part: str
    ratio: str
    before: float | None
    now: float | None
    excuse: str | None = None
    target: float | None = None

    @property
    def least(self) -> float | None:
        """What it has to be; None where there is nothing to go by."""
        if self.target is not None:
            return self.target
        return None if self.before is None else (1 - TOLERANCE) * self.before

    @property
    def passes(self) -> bool:
        """A ratio that is gone without a reason fails as one that has fallen does."""
        if self.least is None:
            return True
        if self.now is None:
            return self.excuse is not None
        return self.now >= self.least

    def __str__(self) -> str:
        sign = "ok  " if self.passes else "FAIL"
        now = shown(self.now) if self.now is not None else f"not measured ({self.excuse or 'no reason given'})"
        if self.target is not None:
            return f"{sign} {self.part}: {self.ratio}: {now}, target {shown(self.target)}"
        if self.before is None:
            return f"new  {self.part}: {self.ratio}: {now} (make bench-check BASELINE=1 adds it to the baseline)"
        change = f", {self.now / self.before - 1:+.0%}" if self.now is not None else ""
        return f"{sign} {self.part}: {self.ratio}: {now}, baseline {shown(self.before)}{change}"


def verdicts(part: Part, baseline: Mapping[str, Any], result: Mapping[str, Any] | None) -> list[Verdict]:
    """Compare a part's result, None if it has none, with `baseline` (that of all parts) and its own targets."""
    before: Mapping[str, float] = baseline["ratios"].get(part.name, {})
    now: Mapping[str, float] = result["ratios"] if result else {}
    skipped: Mapping[str, str] = result.get("skipped", {}) if result else {}
    targets = {name: part.targets[name] for name in part.by_target}
    names = dict.fromkeys((*before, *now, *targets))
    return [
        Verdict(part.name, name, before.get(name), now.get(name), skipped.get(name), targets.get(name))
        for name in names
    ]


def read_baseline(path: Path = BASELINE) -> dict[str, Any]:
    """`{"machine": str, "ratios": {part: {name: float}}}`, of quick runs; empty where there is none yet."""
    if not path.exists():
        return {"machine": "", "ratios": {}}
    baseline: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return baseline


def write_baseline(results: Mapping[str, Mapping[str, Any]], path: Path = BASELINE) -> None:
    """Take the ratios of `results`, by part, as the new baseline; the other parts' stay."""
    baseline = read_baseline(path)
    baseline["machine"] = next(iter(results.values()))["machine"]
    baseline["ratios"] |= {part: result["ratios"] for part, result in results.items()}
    path.write_text(json.dumps(baseline, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
