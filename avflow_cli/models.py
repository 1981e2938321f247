"""`avflow models`: list, fetch, verify, quantize."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from avflow.errors import ModelUnavailable
from avflow.models.store import ModelStore
from avflow.progress import Progress as Step
from avflow.speech import require_engine
from avflow_cli import terminal

EX_UNAVAILABLE = 69


def run(action: str, names: list[str], frames: Path | None = None) -> int:
    """Carry out one of the actions; returns the exit status. `frames` are what to quantize by."""
    store = ModelStore()
    if action == "list":
        _list(store)
        return 0
    if action == "fetch":
        for name in names or store.names():
            fetch(store, name)
            print(f"{name}: {store.path(name)}")
        return 0
    if action == "quantize" and frames is not None:
        return _quantize(store, names[0], frames)
    return _verify(store, names or [name for name in store.names() if _is_here(store, name)])


def fetch(store: ModelStore, name: str) -> None:
    """Fetch a model, with a progress bar if there is anything to fetch.

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


def _list(store: ModelStore) -> None:
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


def _quantize(store: ModelStore, name: str, frames: Path) -> int:
    from avflow.workflow.yolov3 import quantize_model  # noqa: PLC0415 - heavy

    fetch(store, name)
    path, agreement = quantize_model(name, store, frames)
    print(f"{name} in int8: {path}")
    if agreement.boxes:
        found = f"{agreement.recall:.1%} of the {agreement.boxes} boxes that float32 finds"
        print(f"It finds {found} in pictures of {frames.name}.")
    else:
        print(f"float32 finds nothing in {frames.name} to compare it with: give --frames like those to come.")
    return 0


def _verify(store: ModelStore, names: list[str]) -> int:
    status = 0
    for name in names:
        problems = store.verify(name)
        print(f"{name}: {'right' if not problems else 'WRONG'}")
        for problem in problems:
            status = EX_UNAVAILABLE
            print(f"  {problem}", file=sys.stderr)
    return status
