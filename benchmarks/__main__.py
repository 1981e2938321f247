"""`make bench` and `make bench-check`: runs the parts, each in a process of its own, and reports.

A part that fails doesn't take the others' results with it; the exit status tells of it in the end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import check, report
from benchmarks.common import ROOT, machine
from benchmarks.parts import BY_NAME, CHECK_MINUTES, PARTS, Part
from benchmarks.processor import processor_class

BUILD = ROOT / "build" / "bench"


def run_part(part: Part, folder: Path, *, quick: bool) -> dict[str, Any] | None:
    """Run a part, its output on the terminal and its results in `folder`; None if it fails."""
    path = folder / f"{part.name}.json"
    path.unlink(missing_ok=True)
    options = ["--quick"] if quick else []
    print(f"\n--- {part.name} {' '.join(options)}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{part.name}", *options, "--json", str(path)]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    took = f"{(time.monotonic() - began) / 60:.1f} minutes"
    if status or not path.exists():
        print(f"--- {part.name} FAILED with status {status} after {took}", flush=True)
        return None
    print(f"--- {part.name} took {took}", flush=True)
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    result |= {"machine": machine(), "processor": processor_class()}
    result |= {"date": datetime.now(UTC).date().isoformat(), "quick": quick}
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def bench(parts: Sequence[Part], folder: Path) -> int:
    """Whole runs; keeps the results, and writes table and plot anew. Returns the exit status."""
    failed = []
    report.RESULTS.mkdir(exist_ok=True)
    for part in parts:
        if run_part(part, folder, quick=False) is None:
            failed.append(part.name)
        else:
            shutil.copyfile(folder / f"{part.name}.json", report.RESULTS / f"{part.name}.json")
    results = report.load()
    report.write(results)
    print(f"\n{report.table(results)}\n\nin {report.DOCUMENT.name}, {report.README.name}, {report.PLOT.name}.png, .svg")
    return _outcome(failed, "still stand as they were measured before, if ever")


def bench_check(parts: Sequence[Part], folder: Path, *, update: bool) -> int:
    """Quick runs, compared with the baseline of this machine's class of processors. Returns the exit status.

    A part that falls short is run once more. What the baseline lacks is new, and doesn't fail.
    """
    results: dict[str, dict[str, Any]] = {}
    verdicts: list[check.Verdict] = []
    failed = []
    kind = processor_class()
    baseline = check.read_baseline(kind)
    for part in parts:
        result = run_part(part, folder, quick=True)
        found = check.verdicts(part, baseline, result, kind)
        if result and not update and not all(verdict.passes for verdict in found):
            print(f"--- {part.name} once more, as it fell short")
            again = run_part(part, folder, quick=True)
            found = better(found, check.verdicts(part, baseline, again, kind))
        if result is None:
            failed.append(part.name)
        else:
            results[part.name] = result
        verdicts += found
    print("\n" + "\n".join([*map(str, verdicts), "", *_remarks(kind, baseline, verdicts, update=update)]))
    if update and results:
        check.write_baseline(kind, results)
        print(f"These are the baseline of the class {kind} now: {check.BASELINE.name}")
    elif not all(verdict.passes for verdict in verdicts):
        return _outcome([*failed, *(f"{v.part}: {v.ratio}" for v in verdicts if not v.passes)], "fell short twice")
    return _outcome(failed, "gave no result")


def _remarks(
    kind: str, baseline: Mapping[str, Any], verdicts: Sequence[check.Verdict], *, update: bool
) -> Iterator[str]:
    """What was compared with what."""
    yield f"Class of processors: {kind}, {machine()}"
    if baseline["machine"] and baseline["machine"] != machine():
        yield f"The baseline was taken on another machine of this class: {baseline['machine']}"
    advice = "`make bench-check BASELINE=1` takes one."
    if not update and not baseline["ratios"]:
        yield f"There is no baseline of the class {kind} yet: {advice}"
    elif not update and any(verdict.sign == "new" for verdict in verdicts):
        yield f"What is new is not in its baseline: {advice}"


def better(first: Sequence[check.Verdict], second: Sequence[check.Verdict]) -> list[check.Verdict]:
    """Of each ratio the run in which it did better."""
    by_name = {verdict.ratio: verdict for verdict in second}
    pairs = [(verdict, by_name.get(verdict.ratio, verdict)) for verdict in first]
    return [max(pair, key=lambda verdict: verdict.now if verdict.now is not None else -1.0) for pair in pairs]


def _outcome(failed: Sequence[str], what: str) -> int:
    if failed:
        print(f"\nFAILED: {', '.join(failed)} {what}", file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    """Parse the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all if none is named: {', '.join(BY_NAME)}")
    parser.add_argument("--check", action="store_true", help="quick runs, compared with the baseline")
    parser.add_argument("--baseline", action="store_true", help="with --check: take what is found as the baseline")
    options = parser.parse_args()
    if unknown := [name for name in options.parts if name not in BY_NAME]:
        parser.error(f"there is no part {', '.join(unknown)}")
    chosen = [part for part in PARTS if part.name in options.parts]
    folder = BUILD / "quick" if options.check else BUILD
    folder.mkdir(parents=True, exist_ok=True)
    if options.check:
        print(f"All that bench-check measures takes about {CHECK_MINUTES} minutes on two quiet cores.")
        return bench_check(chosen or [part for part in PARTS if part.checked], folder, update=options.baseline)
    chosen = chosen or list(PARTS)
    minutes = sum(part.minutes for part in chosen)
    print(f"{', '.join(part.name for part in chosen)}: about {minutes:.0f} minutes on two quiet cores.")
    return bench(chosen, folder)


if __name__ == "__main__":
    sys.exit(main())
