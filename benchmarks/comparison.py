"""What an hour of video costs here and elsewhere, and the speed against two programs on one machine, for one page.

`python -m benchmarks.comparison [--write]`; `--write` puts both tables into docs/comparison.md. Costs are computed:
ours as in `benchmarks.hour`, those of others from the figures that their sources state (`OTHERS`). The speed is that
of `benchmarks.peers`, from its recorded result.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import hour, short_videos
from benchmarks.common import ROOT, columns, shown
from benchmarks.peers import RATIO
from benchmarks.report import between, load

PAGE = ROOT / "docs" / "comparison.md"
COST = ("<!-- cost:start -->", "<!-- cost:end -->")
SPEED = ("<!-- speed:start -->", "<!-- speed:end -->")
MINUTES = hour.SECONDS / 60


@dataclass(frozen=True)
class Elsewhere:
    """What an hour of video costs at somebody else's.

    `usd` are US dollars, `worked` the arithmetic with the figures of the source, `source` its title or file and date.
    """

    name: str
    usd: float
    worked: str
    source: str


LABELS_MINUTE, TRANSCRIBE_MINUTE = 0.10, 0.024
MEDIA2CLOUD_HUNDRED_HOURS = 12_149.95
VOD_HD, VOD_SD, VOD_HOURS = 69.05, 27.53, 3
OTHERS = (
    Elsewhere(
        "Rekognition Video (labels) and Transcribe",
        MINUTES * (LABELS_MINUTE + TRANSCRIBE_MINUTE),
        f"{MINUTES:.0f} min × (${LABELS_MINUTE:.2f} + ${TRANSCRIBE_MINUTE})",
        "READMEs of santoshmn26/AWS-Rekognition and hello112334/speech-to-text (first 250 000 min a month), undated",
    ),
    Elsewhere(
        "media2cloud, default settings",
        MEDIA2CLOUD_HUNDRED_HOURS / 100,
        f"${MEDIA2CLOUD_HUNDRED_HOURS:,.2f} / 100 h, once; and $1,104.60 a month for storage and search of these",
        'its "Plan your deployment", undated copy',
    ),
    Elsewhere(
        "video-on-demand-on-aws, default settings of 2020",
        (VOD_HD + VOD_SD) / VOD_HOURS,
        f"(${VOD_HD} + ${VOD_SD}) / {VOD_HOURS} h, a user's bill; 5.3.0 (2021) makes fewer outputs, cost not found",
        "its issue 90, 2020-07-04",
    ),
)


def costs() -> str:
    """The table of an hour of video, as Markdown."""
    spot = "1080p, 25 frames/s, 2.25 GB, GPU on Spot at 100 frames/s (assumed): scaling.md"
    rows = [
        _cost(f"av-workflow, {uploads} at once", hour.row(uploads, hour.AFTER)["USD a video"], spot, "prices.toml")
        for uploads in (1, 10)
    ]
    fargate = short_videos.costs(hour.SECONDS)["Fargate, 4 vCPUs"].partition("$")[2]
    rows.append(_cost("av-workflow, YOLOv3 alone on Fargate", fargate, "2.5 frames/s (assumed)", "prices.toml"))
    rows += [_cost(each.name, f"{each.usd:.2f}", each.worked, each.source) for each in OTHERS]
    return columns(rows)


def _cost(name: str, usd: str, worked: str, source: str) -> dict[str, str]:
    return {"an hour of video": name, "USD": usd, "how": worked, "source": source}


def speed(peers: Mapping[str, Any]) -> str:
    """The recorded times of the two programs and of `avflow run`, as Markdown. `peers` is the part's result."""
    rows = [{"what": row["name"], "time": f"{shown(row['value'])} {row['unit']}"} for row in peers["rows"]]
    rows.append({"what": "the two, one after the other, over `avflow run`", "time": shown(peers["ratios"][RATIO])})
    return f"{columns(rows)}\n\nMeasured on {peers['machine']}, {peers['date']}, with YOLOv3-tiny."


def page(text: str) -> str:
    """The page with both tables as they are now."""
    return between(between(text, costs(), *COST), speed(load()["peers"]), *SPEED)


def main() -> None:
    """Print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/comparison.md")
    options = parser.parse_args()
    written = page(PAGE.read_text(encoding="utf-8"))
    if options.write:
        PAGE.write_text(written, encoding="utf-8")
    else:
        print(costs(), speed(load()["peers"]), sep="\n\n")


if __name__ == "__main__":
    main()
