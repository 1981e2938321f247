"""Options that several commands have, and types of values that click lacks."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from avflow.choices import CHOICES, OF_STACK, Choice, Choices, NumberWithin, OneOf, refusal, written
from avflow.models.kinds import PRECISIONS

Command = TypeVar("Command", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """A whole number between two bounds, which are part of the range."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        return _within_bounds(self, super().convert, value, param, ctx)


class Number(click.FloatRange):
    """A number between two bounds, which are part of the range."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        return _within_bounds(self, super().convert, value, param, ctx)


def _within_bounds(
    kind: click.IntRange | click.FloatRange,
    convert: Callable[[Any, click.Parameter | None, click.Context | None], float],
    value: Any,
    param: click.Parameter | None,
    ctx: click.Context | None,
) -> float:
    """What click's own types lack: they take NaN for a number in any range, and name the bounds in some errors only."""
    try:
        number = convert(value, param, ctx)
    except click.BadParameter:
        number = math.nan
    if math.isnan(number):
        kind.fail(f"{value!r} is not a {kind.name} from {kind.min} to {kind.max}.", param, ctx)
    return number


class Chosen(click.ParamType[Any]):
    """A value of a choice (`avflow.choices`) whose kind click lacks."""

    def __init__(self, choice: Choice) -> None:
        self._kind = choice.kind
        self.name = choice.field.replace("_", " ")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value that the text means."""
        try:
            return self._kind.read(str(value))
        except ValueError:
            said = refusal(self._kind, str(value))
            self.fail(f"{value!r} {said}{'' if said.endswith('?') else '.'}", param, ctx)


class Folder(click.Path):
    """A folder, which may not exist yet. A leading `~/`, which a shell leaves in `--out=~/x`, is the home folder."""

    def __init__(self) -> None:
        super().__init__(readable=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The folder's path."""
        text = os.fspath(value)
        if not text.strip():
            self.fail("the name of the folder is empty. The current folder is '.'.", param, ctx)
        path = Path(text)
        return path.expanduser() if text.startswith("~/") and not path.exists() else path


def _option(name: str, **settings: Any) -> Callable[[Command], Command]:
    """An option whose value may also come from the variable of that name, as `make run` passes it."""
    variable = name.removeprefix("--").replace("-", "_").upper()
    return click.option(name, envvar=variable, show_envvar=True, **settings)


def _choice(choice: Choice) -> Callable[[Command], Command]:
    """The option of a choice for the stack, as the table declares it."""
    default = written(choice.default)
    return _option(choice.option, **_type_of(choice), default=default, show_default=bool(default), help=choice.help)


def _type_of(choice: Choice) -> dict[str, Any]:
    kind = choice.kind
    of: click.ParamType[Any] = Chosen(choice)
    if isinstance(kind, NumberWithin):
        least, most = kind.least, kind.most
        of = WholeNumber(int(least), int(most)) if kind.whole else Number(least, most)
    elif isinstance(kind, OneOf):
        of = click.Choice(kind.allowed)
    return {"type": of, "metavar": None if isinstance(kind, OneOf) else kind.form}


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that uploads to a stack: all choices, which the stack makes if they are not named.

    The command gets them as `chosen`: the values by field, None for those that are not named.
    """

    @wraps(command)
    def with_chosen(**options: Any) -> Any:
        chosen = {choice.field: options.pop(choice.field) for choice in CHOICES}
        return command(**options, chosen=chosen)

    declared = [click.option(choice.option, **_type_of(choice), help=choice.help) for choice in CHOICES]
    return reduce(lambda decorated, option: option(decorated), reversed(declared), with_chosen)


_DEPLOYMENT = (
    _option("--yolov3-model", metavar="NAME", default="yolov3-tiny", show_default=True, help="Model of the detector."),
    _option(
        "--speech-model",
        metavar="NAME",
        default="whisper-base",
        show_default=True,
        help="Model for speech recognition.",
    ),
    *map(_choice, OF_STACK),
    _option(
        "--detector-precision",
        type=click.Choice(PRECISIONS),
        default="fastest",
        show_default=True,
        help="Arithmetic of the detector. int8 needs `avflow models quantize NAME` first.",
    ),
    _option(
        "--on-truncated",
        type=click.Choice(("process", "fail")),
        default="process",
        show_default=True,
        help="Process a file that is cut as far as it goes, if at least half is there, or refuse it.",
    ),
    _option(
        "--max-run-cost",
        metavar="USD",
        type=Number(0.01, 100_000),
        default=20.0,
        show_default=True,
        help="Refuse an upload that would probably cost more than so many US dollars on AWS.",
    ),
    _option(
        "--isolation",
        type=click.Choice(("best", "required")),
        default="best",
        show_default=True,
        help="Isolate media work as far as this system can, or refuse to work where it lacks a part.",
    ),
    _option(
        "--short-videos",
        type=click.Choice(("batch", "lambda")),
        default="batch",
        show_default=True,
        help="Detect objects in short videos on AWS Batch as in others, or in Lambda functions side by side.",
    ),
    _option("--containers", is_flag=True, help="Run the steps in the images that `make images` built."),
    _option(
        "--segment-seconds",
        metavar="N",
        type=Number(1, 86400),
        show_default="600",
        help="Divide a longer video into segments of about N seconds, which are processed side by side.",
    ),
    # bounds: AWS Lambda Developer Guide, "Lambda quotas"; /tmp has no less than 512 MB on AWS
    _option("--lambda-timeout", metavar="N", type=WholeNumber(1, 900), help="Give Lambda functions at most N seconds."),
    _option(
        "--lambda-memory",
        metavar="N",
        type=WholeNumber(128, 10240),
        help="Give Lambda functions at most N MB of memory.",
    ),
    _option(
        "--lambda-tmp",
        metavar="N",
        type=WholeNumber(1, 10240),
        help="Give Lambda functions at most N MB of /tmp. AWS has at least 512 MB; with less, steps move to Batch.",
    ),
    _option(
        "--lambda-concurrency",
        metavar="N",
        type=WholeNumber(1, 100_000),
        default=10,
        show_default=True,
        help="Let N Lambda functions run at once in the account; more are throttled. A new account has 10.",
    ),
)


def deployment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that deploys the template: the fields of `DeploymentOptions`, and its `choices`."""

    @wraps(command)
    def with_choices(**options: Any) -> Any:
        values = {choice.field: options.pop(choice.field) for choice in OF_STACK}
        return command(**options, choices=Choices(**values))

    return reduce(lambda decorated, option: option(decorated), reversed(_DEPLOYMENT), with_choices)
