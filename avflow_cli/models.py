"""`avflow models`: list, fetch, verify and quantize models."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from avflow.errors import ModelUnavailable
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import workplace
from avflow.media_work.requests import Quantize, Quantized, ReadFrames
from avflow.models.kinds import DETECTION
from avflow.models.store import ModelStore
from avflow.progress import Progress as Step
from avflow.speech import require_engine
from avflow_cli import terminal
from avflow_cli.stack.printing import line_of_json


def show(*, as_json: bool = False) -> int:
    """Print a table of all models. Returns the exit status."""
    store = ModelStore()
    if as_json:
        for name in store.names():
            model = store.describe(name)
            facts = {"bytes": model.bytes, "here": _is_here(store, name), "about": model.about}
            line_of_json({"type": "model", "name": name, **facts, "folder": str(store.folder(name))})
        return os.EX_OK
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "size", "here", "what"):
        table.add_column(heading, justify="right" if heading == "size" else "left")
    for name in store.names():
        model = store.describe(name)
        table.add_row(name, f"{model.bytes / 1e6:.0f} MB", "yes" if _is_here(store, name) else "no", model.about)
    console = terminal.console()
    console.print(table)
    if console.is_terminal:
        console.print()
    console.print(f"folder: {store.root}", soft_wrap=True, markup=False)
    return os.EX_OK


def fetch_all(names: Sequence[str], *, as_json: bool = False) -> int:
    """Fetch these models, or all, and print their folders. Returns the exit status.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    """
    store = ModelStore()
    for name in names or store.names():
        fetch(store, name)
        if as_json:
            line_of_json({"type": "model", "name": name, "folder": str(store.path(name))})
        else:
            print(f"{name}: {store.path(name)}")
    return os.EX_OK


def verify(names: Sequence[str], *, as_json: bool = False) -> int:
    """Hash the files of these models, or of all that are on this machine. Returns the exit status.

    Raises
    ------
    ModelUnknown
    """
    store = ModelStore()
    status = os.EX_OK
    for name in names or [name for name in store.names() if _is_here(store, name)]:
        problems = store.verify(name)
        if problems:
            status = os.EX_UNAVAILABLE
        if as_json:
            line_of_json({"type": "model", "name": name, "right": not problems, "problems": problems})
            continue
        print(f"{name}: {'right' if not problems else 'WRONG'}")
        for problem in problems:
            print(f"  {problem}", file=sys.stderr)
    return status


def quantize(name: str, frames: Path, *, as_json: bool = False) -> int:
    """Make the int8 network of a detector, from the video or folder of pictures `frames`. Returns the exit status.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid, InvalidMediaNoStreams, PrecisionUnsuitable
    """
    store = ModelStore()
    store.require(name, DETECTION)
    fetch(store, name)
    made = _quantized(name, store, frames.absolute())
    if as_json:
        recall = made.recall if made.boxes else None
        line_of_json({"type": "model", "name": name, "file": str(made.path), "boxes": made.boxes, "recall": recall})
        return os.EX_OK
    print(f"{name} in int8: {made.path}")
    if made.boxes:
        found = f"{made.recall:.1%} of the {made.boxes} boxes that float32 finds"
        print(f"It finds {found} in pictures of {frames.name}.")
    else:
        print(f"float32 finds nothing in {frames.name}, so nothing was compared. Give --frames that show objects.")
    return os.EX_OK


def _quantized(name: str, store: ModelStore, frames: Path) -> Quantized:
    """The int8 network. The process that decodes the frames does not write it: they may be made to take it over."""
    tasks = "avflow.media_work.quantizing"
    store.converted.mkdir(parents=True, exist_ok=True)
    with workplace() as place:
        with MediaWorker(tasks, place, readable=[frames]) as reader:
            count = reader.do(ReadFrames(str(frames), str(place.work))).count
        pictures = place.inputs / "frames"
        pictures.mkdir()
        for number in range(count):
            place.take(f"{number:02}.npy", pictures)
        with MediaWorker(tasks, place, readable=[store.root], writable=[store.converted]) as maker:
            return maker.do(Quantize(name, str(pictures)))


def fetch(store: ModelStore, name: str) -> None:
    """Fetch a model if it is not on this machine, with a progress bar.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    """
    require_engine(name, store)
    if _is_here(store, name):
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(f"fetching {name}", total=None)

        def report(step: Step) -> None:
            bars.update(bar, completed=step.done, total=step.total)

        store.fetch(name, report)


def _is_here(store: ModelStore, name: str) -> bool:
    try:
        store.path(name)
    except ModelUnavailable:
        return False
    return True
