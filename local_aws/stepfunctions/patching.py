"""Patches of moto: their list, and how they are applied and undone. `moto_patches` has the patches themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from local_aws.stepfunctions.engine import Engine


@dataclass(frozen=True)
class Patch:
    """One patch: what moto does otherwise than AWS, and what has to change in moto before the patch can go."""

    name: str
    why: str
    goes_when: str
    apply: Callable[[Engine], None]


#: all patches by name, in the order in which they are applied
PATCHES: dict[str, Patch] = {}
_originals: list[tuple[Any, str, object]] = []
_ABSENT = object()


def apply(engine: Engine, names: Collection[str] | None = None) -> None:
    """Apply all patches, or those named; patches that an earlier call applied are undone first."""
    undo()
    for patch in PATCHES.values():
        if names is None or patch.name in names:
            patch.apply(engine)


def undo() -> None:
    """Leave moto as it comes."""
    while _originals:
        owner, name, value = _originals.pop()
        delattr(owner, name) if value is _ABSENT else setattr(owner, name, value)


def patch(goes_when: str) -> Callable[[Callable[[Engine], None]], Callable[[Engine], None]]:
    """Register a patch; `goes_when` completes "This patch can go when moto …"."""

    def register(function: Callable[[Engine], None]) -> Callable[[Engine], None]:
        why = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
        PATCHES[function.__name__] = Patch(function.__name__, why, goes_when, function)
        return function

    return register


def replace(owner: Any, name: str, value: object) -> None:
    """Set an attribute of moto until `undo`."""
    _originals.append((owner, name, vars(owner).get(name, _ABSENT)))
    setattr(owner, name, value)
