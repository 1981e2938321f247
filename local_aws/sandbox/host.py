"""The machine on which functions and jobs run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_aws.sandbox import Processes
from local_aws.sandbox.activity import Listener
from local_aws.sandbox.containers import Containers


@dataclass(frozen=True)
class Host:
    """What functions and jobs use of this machine.

    Parameters
    ----------
    processes:
        Runs commands.
    environment:
        Environment variables of all functions and jobs.
    code:
        The repository: the working folder of jobs.
    sandboxes, logs:
        Folders for the files of running functions and jobs, and for their output.
    listener:
        Called with each event.
    credentials:
        The environment variables with a role's access key, by the role's ARN.
    containers:
        Runs functions and jobs in their images; if None, they run as processes.
    cores:
        The number of cores that jobs share.
    """

    processes: Processes
    environment: Mapping[str, str]
    code: Path
    sandboxes: Path
    logs: Path
    listener: Listener
    credentials: Callable[[str], Mapping[str, str]]
    containers: Containers | None = None
    cores: int = 1
