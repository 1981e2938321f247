"""The graph of a state machine, read from its definition (Amazon States Language, https://states-language.net)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Edge:
    """A transition.

    Parameters
    ----------
    kind:
        "next", "choice", "default" or "catch".
    """

    source: str
    target: str
    kind: str


@dataclass
class Node:
    """A state. `levels` are the branches of a Parallel, or the one program of a Map's items."""

    name: str
    kind: str
    comment: str = ""
    resource: str = ""
    ends: bool = False
    levels: list[Level] = field(default_factory=list)


@dataclass
class Level:
    """States that follow each other: the state machine itself, a branch, or the program of a Map's items."""

    start: str
    nodes: list[Node]
    edges: list[Edge]


def graph_of(definition: Mapping[str, Any]) -> Level:
    """The graph of a definition, or of a part of it that has `StartAt` and `States`."""
    nodes, edges = [], dict.fromkeys(_edges(definition["States"]))
    for name, state in definition["States"].items():
        kind = state["Type"]
        inner = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor") or state.get("Iterator")])]
        nodes.append(
            Node(
                name,
                kind,
                str(state.get("Comment", "")),
                str(state.get("Resource", "")),
                bool(state.get("End")) or kind in ("Succeed", "Fail"),
                [graph_of(each) for each in inner],
            )
        )
    return Level(definition["StartAt"], nodes, list(edges))


def _edges(states: Mapping[str, Mapping[str, Any]]) -> Iterator[Edge]:
    for name, state in states.items():
        if "Next" in state:
            yield Edge(name, state["Next"], "next")
        for choice in state.get("Choices", []):
            yield Edge(name, choice["Next"], "choice")
        if "Default" in state:
            yield Edge(name, state["Default"], "default")
        for catcher in state.get("Catch", []):
            yield Edge(name, catcher["Next"], "catch")
