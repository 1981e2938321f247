"""The base class of what a media process can be asked to do."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from avflow.media.contract import Contract

A = TypeVar("A", bound=Contract)


class Request(Contract, Generic[A]):
    """A task and its arguments. `A` is the class of the answer.

    Paths in it are text, relative to the workplace of the media process.
    """

    #: the method of the media process's `Tasks` that does the task
    task: ClassVar[str]
    #: the class `A`
    answer: ClassVar[type[Contract]]
