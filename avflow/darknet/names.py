"""The class names of a detector, without its network. It imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from avflow.darknet import DATA
from avflow.errors import ModelUnavailable, ModelUnknown
from avflow.models.store import ModelStore

#: of the models that the project declares, and of others without a .names file
COCO = DATA / "coco.names"


def names_in(path: Path) -> tuple[str, ...]:
    """The names in a .names file, one a line."""
    return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def class_names(model: str, store: ModelStore) -> tuple[str, ...] | None:
    """The names of a detector's classes. None if only another machine has the model's own .names file."""
    try:
        own = [file.name for file in store.describe(model).files if file.name.endswith(".names")]
        return names_in(store.path(model) / own[0] if own else COCO)
    except (ModelUnknown, ModelUnavailable):
        return None
