"""`avflow doctor`: what is missing on this machine and in the account before `sam build` and `sam deploy`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from rich.console import Console

from avflow_cli import model_check, samconfig, terminal
from avflow_cli.doctor import costs, gpus, limits, machine
from avflow_cli.doctor.account import Account, Check, asked, credentials, stack
from avflow_cli.doctor.finding import Finding
from avflow_cli.stack.printing import line_of_json

_WORDS = {"ok": "ok", "fix": "FIX", "unknown": "?"}
_STYLES = {"ok": "green", "fix": "bold red", "unknown": "yellow"}
_NAME_WIDTH = 20
#: what is asked after the credentials, by name; the second only where YOLOv3 runs on GPUs
_ALWAYS: tuple[tuple[str, Check], ...] = (
    ("stack", stack),
    ("Fargate quota", limits.fargate_quota),
    ("Lambda concurrency", limits.concurrency),
    ("Lambda memory", limits.memory),
    ("VPC", limits.networks),
    ("budget", costs.budget),
)
_WITH_GPUS: tuple[tuple[str, Check], ...] = (
    ("GPU types", gpus.offerings),
    ("GPU quota", gpus.quota),
    ("Spot role", gpus.spot_role),
)


def run(
    stack_name: str | None, profile: str | None, region: str | None, endpoint_url: str | None, *, as_json: bool
) -> int:
    """Look at everything and print a line for each. Returns the exit status.

    Raises
    ------
    SamconfigInvalid
        samconfig.toml can't be read.
    ModelUnknown
        It names a model that avflow/models/models.toml lacks.
    """
    console, to_do = terminal.console(), 0
    told = samconfig.read()
    account = Account(replace(told, stack_name=stack_name or told.stack_name), profile, region, endpoint_url)
    for finding in chain(on_this_machine(), in_the_account(account)):
        if as_json:
            line_of_json({"type": "finding", **finding.to_dict()})
        else:
            _show(console, finding)
        to_do += finding.state == "fix"
    if as_json:
        line_of_json({"type": "summary", "ready": not to_do, "to_do": to_do})
        return os.EX_UNAVAILABLE if to_do else os.EX_OK
    if to_do:
        things = "one thing" if to_do == 1 else f"{to_do} things"
        console.print(f"\nDo {things} before `sam build` and `sam deploy`.", markup=False)
        return os.EX_UNAVAILABLE
    console.print("\nReady for `sam build` and `sam deploy`.", markup=False)
    return os.EX_OK


def on_this_machine() -> Iterator[Finding]:
    """What `sam build` needs, one finding after the other."""
    yield machine.sam()
    yield machine.engine()
    yield machine.disk()
    yield from machine.models(model_check.of_the_stack())


def in_the_account(account: Account) -> Iterator[Finding]:
    """What `sam deploy` and runs need, one finding after the other; only the first without usable credentials."""
    yield (known := credentials(account))
    if known.state == "ok":
        for name, check in (*_ALWAYS, *(_WITH_GPUS if account.deployment.uses_gpu else ())):
            yield asked(name, check, account)


def _show(console: Console, finding: Finding) -> None:
    word = _WORDS[finding.state]
    console.print(f"{word:<4}", style=_STYLES[finding.state], end="", markup=False)
    console.print(f"{finding.name:<{_NAME_WIDTH}}{finding.message}", soft_wrap=True, markup=False)
    for line in finding.todo:
        console.print(f"    {'':<{_NAME_WIDTH}}{line}", soft_wrap=True, markup=False)
