"""One hour of video, before and after: 1, 10 and 100 uploads at once. Computed, not measured.

`python -m benchmarks.hour [--write]`; `--write` puts the table into docs/scaling.md.

*Before*: each child of the array job downloads the whole source, and nothing of YOLOv3 runs on Lambda. *After*: each
child fetches its ranges. *On Lambda*: functions detect the hour first, which the plan does only with short videos. The
real state machine is walked as in `benchmarks.scale`.
"""

from __future__ import annotations

import argparse

from avflow.workflow.settings import Settings
from benchmarks import scale
from benchmarks.common import ROOT, columns
from benchmarks.report import between
from benchmarks.short_videos import LARGE, AtOnce
from benchmarks.simulated_aws import Quotas

PAGE = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- hour:start -->", "<!-- hour:end -->"
SECONDS = 3600.0
AT_ONCE = (1, 10, 100)
BEFORE, AFTER, ON_LAMBDA = "before", "after", "after, on Lambda though it is not short"


def simulated(uploads: int, how: str) -> AtOnce:
    """So many uploads of an hour, to their end."""
    settings = LARGE if how == ON_LAMBDA else Settings()
    simulation = AtOnce(uploads, SECONDS, settings, Quotas(), as_before=how == BEFORE)
    simulation.even_if_long = how == ON_LAMBDA
    simulation.run()
    return simulation


def row(uploads: int, how: str) -> dict[str, str]:
    """When the first and the last upload has its results, and what they cost."""
    done = simulated(uploads, how)
    waits = sorted(ended - came for came, ended in done.finished)
    usd = scale.usd_per_video(done)
    return {
        "uploads at once": str(uploads),
        "how": how,
        "done": str(len(waits)),
        "first": scale._time(waits[0]) if waits else "-",
        "last": scale._time(waits[-1]) if waits else "-",
        "USD a video": f"{usd:.4f}",
        "USD in all": f"{usd * len(waits):.2f}",
    }


def table() -> str:
    """All numbers of uploads, before and after, as Markdown."""
    return columns([row(uploads, how) for uploads in AT_ONCE for how in (BEFORE, AFTER, ON_LAMBDA)])


def main() -> None:
    """Simulate, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/scaling.md")
    options = parser.parse_args()
    found = table()
    print(found)
    if options.write:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), found, BEGIN, END), encoding="utf-8")


if __name__ == "__main__":
    main()
