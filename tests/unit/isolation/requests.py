"""What the tests ask of their media processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from avflow.isolation.requests import Request
from avflow.media.contract import Contract


@dataclass(frozen=True)
class Found(Contract):
    """What an attack got, by its name; only those that succeeded."""

    succeeded: dict[str, str]


@dataclass(frozen=True)
class Attack(Request[Found]):
    """Run attacks by their names, all if there are none. `facts` is what an attacker can know or guess."""

    facts: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    task: ClassVar[str] = "attack"
    answer: ClassVar[type[Contract]] = Found


@dataclass(frozen=True)
class Done(Contract):
    """Some text."""

    text: str = ""


@dataclass(frozen=True)
class Run(Request[Done]):
    """Run Python code in the media process. Its variable `text` is the answer."""

    code: str
    facts: dict[str, str] = field(default_factory=dict)

    task: ClassVar[str] = "run"
    answer: ClassVar[type[Contract]] = Done
