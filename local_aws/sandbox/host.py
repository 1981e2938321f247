"""What functions and jobs need of the machine they run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_aws.sandbox import Processes
from local_aws.sandbox.activity import Listener
from local_aws.sandbox.containers import Containers


@dataclass(frozen=True)
class Host:
    """The machine.

    Parameters
    ----------
    processes:
        Runs commands.
    environment:
        The environment variables of every function and job.
    code:
        The repository.
    sandboxes, logs:
        Folders for what runs, and for what it printed.
    listener:
        Told what happens.
    containers:
        Runs functions and jobs in their images; without it they run as processes of this machine.
    cores:
        How many of the processor's jobs share.
    """

    processes: Processes
    environment: Mapping[str, str]
    code: Path
    sandboxes: Path
    logs: Path
    listener: Listener
    containers: Containers | None = None
    cores: int = 1
