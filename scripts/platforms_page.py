"""Write the tables of docs/platforms.md from scripts/platforms.py and the locked requirements.

usage: python -m scripts.platforms_page
"""

from __future__ import annotations

import re

from scripts.lock import FOLDER, ROOT, pinned
from scripts.platforms import (
    DOCUMENT,
    EVERYWHERE,
    IMAGE_PLATFORM,
    IMAGE_PYTHON,
    IMAGES,
    MISSING,
    PLATFORMS,
    PYTHONS,
    Platform,
    missing,
)

#: where `make run` and the tests ran before a release. For the rest, a resolver found a wheel of every package
RUN = {("Linux x86-64", "3.11"), ("Linux x86-64", "3.12"), ("Linux x86-64", "3.13")}
PAGE = ROOT / DOCUMENT


def written() -> str:
    """The text of the page with new tables."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in (("platforms", platforms()), ("files", files()), ("older", older())):
        page = re.sub(
            rf"(<!-- {name}: .*? -->\n).*?(<!-- end -->)", lambda found, text=text: found[1] + text + found[2],
            page, count=1, flags=re.DOTALL)  # fmt: skip
    return page


def platforms() -> str:
    """A row per platform: the state of each Python, the detection engine, and the Pythons with PocketSphinx."""
    rows = [["platform", *(f"Python {python}" for python in PYTHONS), "detection on the CPU", "PocketSphinx"]]
    for platform in PLATFORMS:
        states = [_state(platform, python) for python in PYTHONS]
        rows.append([platform.name, *states, _engine(platform), _pythons_with("pocketsphinx", platform)])
    rows.append(["Windows, by WSL 2", *["as Linux, not run"] * len(PYTHONS), "as Linux", "as Linux"])
    return _table(rows)


def files() -> str:
    """A row per requirements file."""
    rows = [["requirements", "for", "installs on"]]
    for file, use in EVERYWHERE.items():
        lacks = "".join(f"; not with Python {', '.join(each.pythons)} on {', '.join(each.platforms)}, as {each.why}"
                        for each in MISSING if file in each.files)  # fmt: skip
        rows.append([f"`{file}.txt`", use, f"all of them{lacks}"])
    for file in IMAGES:
        rows.append([f"`{file}.txt`", "the images", f"{IMAGE_PLATFORM.name}, Python {IMAGE_PYTHON}"])
    return _table(rows)


def older() -> str:
    """A line per platform with the packages whose versions differ from those of the first platform."""
    lines = []
    for platform in PLATFORMS[1:]:
        usual, here = (pinned(FOLDER / "dev.txt", each, PYTHONS[0]) for each in (PLATFORMS[0], platform))
        other = [f"{name} {here[name]} instead of {usual[name]}" for name in sorted(usual.keys() & here.keys())
                 if here[name] != usual[name]]  # fmt: skip
        if other:
            lines.append(f"- {platform.name}: {', '.join(other)}\n")
    return "".join(lines)


def _state(platform: Platform, python: str) -> str:
    if missing("local", platform.name, python):
        return "no"
    return "**run**" if (platform.name, python) in RUN else "resolved"


def _engine(platform: Platform) -> str:
    return "OpenVINO" if "openvino" in pinned(FOLDER / "local.txt", platform, PYTHONS[0]) else "ONNX Runtime"


def _pythons_with(package: str, platform: Platform) -> str:
    having = [
        python
        for python in PYTHONS
        if package in pinned(FOLDER / "local.txt", platform, python) and not missing("local", platform.name, python)
    ]
    return f"Python {', '.join(having)}" if having else "no"


def _table(rows: list[list[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
