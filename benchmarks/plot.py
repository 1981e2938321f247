"""The plot of `make bench`: ratios with their targets, and wall time against a video's length."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.common import digest
from benchmarks.parts import PARTS

BAR, MISSED, TARGET = "#3b6ea5", "#c46a3f", "#222222"
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def draw(results: Mapping[str, Mapping[str, Any]], target: Path) -> None:
    """Write `target`.png and `target`.svg; the SVG's description is the results' digest."""
    bars = [
        (f"{name} (quick)" if result.get("quick") else name, value, part.target(name, result["processor"]))
        for part in PARTS
        if (result := results.get(part.name))
        for name, value in result["ratios"].items()
        if value > 0
    ]
    height = max(4.5, 1.2 + 0.27 * len(bars))
    # ids in the SVG that are the same in every run
    with mpl.rc_context({"svg.hashsalt": "av-workflow", "font.size": 9}):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(14, height), width_ratios=(3, 2), layout="constrained", squeeze=True
        )
        _ratios(left, bars)
        _lengths(right, results.get("segments", {}).get("series", {}))
        figure.savefig(target.with_suffix(".png"), dpi=110, metadata={"Software": None})
        figure.savefig(target.with_suffix(".svg"), metadata={"Date": None, "Description": digest(results)})
        plt.close(figure)


def _ratios(axes: Axes, bars: list[tuple[str, float, float | None]]) -> None:
    names = [name for name, _, _ in bars]
    values = [value for _, value, _ in bars]
    colors = [MISSED if wanted and value < wanted else BAR for _, value, wanted in bars]
    positions = range(len(bars))
    axes.barh(positions, values, color=colors, height=0.65)
    for position, (_, value, wanted) in enumerate(bars):
        right = max(value, wanted) if wanted and value > 0.6 * wanted else value  # not under the mark
        axes.annotate(f"{value:.3g}", (right, position), (4, 0), textcoords="offset points", va="center")
        if wanted:
            axes.plot([wanted, wanted], [position - 0.42, position + 0.42], color=TARGET, linewidth=2)
    axes.set_xscale("log")
    axes.set_xlim(min([0.5, *values]) / 1.2, 2.2 * max([1, *values]))
    axes.axvline(1, color="grey", linewidth=0.8, linestyle=":")
    axes.set_yticks(positions, names)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.set_title("Ratios, more is better; the black mark is the target")
    axes.spines[["top", "right"]].set_visible(False)


def _lengths(axes: Axes, series: Mapping[str, Any]) -> None:
    """`series` is that of the part `segments`."""
    axes.set_title("Wall time by number of array children")
    axes.set_xlabel("length of the video, minutes")
    axes.set_ylabel("wall time, s")
    axes.spines[["top", "right"]].set_visible(False)
    if not series:
        axes.text(0.5, 0.5, "unmeasured", transform=axes.transAxes, ha="center")
        return
    minutes = series["minutes"]
    for children, times in series["seconds"].items():
        axes.plot(minutes, times, marker="o", label=f"{children} {'child' if children == '1' else 'children'}")
        axes.annotate(f"{times[-1]:.0f} s", (minutes[-1], times[-1]), (5, 0), textcoords="offset points", va="center")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(minutes, [f"{minute:g}" for minute in minutes])
    for formatted in (axes.xaxis, axes.yaxis):
        formatted.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.margins(x=0.12)
    axes.legend(frameon=False)
