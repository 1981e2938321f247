"""Options that all commands for a deployed stack have."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce, wraps
from typing import Any
from urllib.parse import urlsplit

import click

from avflow.filenames import printable


class Address(click.ParamType[str]):
    """The address of a service: `http://127.0.0.1:4566`."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it was typed, if it has a scheme and a host."""
        try:
            parts = urlsplit(str(value))
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            usable = False
        if not usable:
            self.fail(f"{printable(str(value))!r} is no address. Write it as http://127.0.0.1:4566.", param, ctx)
        return str(value)


_WHERE = (
    click.option("--stack-name", metavar="NAME", help="Name of the stack; by default that of samconfig.toml."),
    click.option("--profile", metavar="NAME", help="Profile of your AWS configuration."),
    click.option("--region", metavar="REGION", help="Region; by default that of samconfig.toml or the profile."),
    click.option(
        "--endpoint-url", type=Address(), metavar="URL", help="Another address for AWS, such as that of `avflow up`."
    ),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each thing.")

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def on_a_stack(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options, --json too, and give the command the `stack` that they name.

    Errors of AWS become errors of ours.
    """

    @wraps(command)
    def on_that(
        *arguments: Any,
        stack_name: str | None,
        profile: str | None,
        region: str | None,
        endpoint_url: str | None,
        **options: Any,
    ) -> int:
        from avflow_cli.access import Access  # noqa: PLC0415  all of these are slow to import, and --help needs none
        from avflow_cli.stack.aws_errors import in_words  # noqa: PLC0415
        from avflow_cli.stack.stack import Stack  # noqa: PLC0415

        access = Access.named(stack_name, profile, region, endpoint_url)
        with in_words(access):
            return command(*arguments, stack=Stack.of(access), **options)

    return where_options(json_option(on_that))


def where_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that name a stack and where it is. The command gets them as they are."""
    return reduce(lambda decorated, option: option(decorated), reversed(_WHERE), command)


def of_one_run(command: Callable[..., int]) -> Callable[..., int]:
    """Add the argument NAME and the option --last. The command gets a `name`; None means the newest run."""

    @click.argument("name", required=False, metavar="NAME|--last", shell_complete=_names)
    @click.option("--last", is_flag=True, help="The newest run.")
    @click.pass_context
    @wraps(command)
    def on_one(context: click.Context, /, name: str | None, *, last: bool, **options: Any) -> int:
        if (name is None) != last:
            raise click.UsageError("Name one run: NAME, or --last.", context)
        return command(name=name, **options)

    return on_one


class Since(click.ParamType[Any]):
    """A time: so long ago (`90m`, `12h`, `7d`, `4w`), or a date (`2026-11-26`), in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time, in UTC."""
        text, now = str(value), datetime.now(UTC)
        if ago := re.fullmatch(r"([0-9]{1,4})([mhdw])", text):
            return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail(
                f"{text!r} is neither so long ago, such as 90m, 12h, 7d or 4w, nor a date such as 2026-11-26.",
                param,
                ctx,
            )


since_option = click.option(
    "--since",
    type=Since(),
    default="7d",
    show_default=True,
    metavar="TIME",
    help="12h, 7d or a date.",
)


def _names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The uploads of the newest runs, for completion."""
    from avflow_cli.stack.completion import uploads  # noqa: PLC0415

    return uploads(context.params, incomplete)
