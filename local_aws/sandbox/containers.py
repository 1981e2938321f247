"""Podman containers for functions and jobs: unprivileged, from their own images, on this machine's network."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: the label of the containers that an embedded AWS started
LABEL = "av-workflow.embedded-aws"
#: file in a sandbox folder: the process id, on this machine, of the container's first process
PID_FILE = "container.pid"
#: variables with the role's access key, which Podman takes from its own environment: other users see its arguments
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class ImageNotHere(Exception):
    """Podman does not have an image that the template names; the message says which and what to do."""


@dataclass(frozen=True)
class Containers:
    """Podman with the settings of this process's environment (CONTAINERS_CONF and the like).

    Parameters
    ----------
    environment:
        Environment variables of all containers.
    """

    environment: Mapping[str, str]
    _mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def resolve(self, image: str) -> str:
        """The image's name by digest, as a registry has it.

        Raises
        ------
        ImageNotHere
            The image was not built, or Podman is not installed.
        """
        command = ["podman", "image", "inspect", "--format", "{{.Digest}}", image]
        try:
            found = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise ImageNotHere(f"{image}: Podman is not installed") from error
        if found.returncode != 0:
            raise ImageNotHere(f"{image}: {found.stderr.strip()}; build it with `make images`")
        return f"{image.rpartition(':')[0] or image}@{found.stdout.strip()}"

    def function(
        self,
        image: str,
        image_config: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        scratch_mb: int,
        sandbox: Path,
    ) -> list[str]:
        """The command that runs a function, which can write to /tmp (of `scratch_mb` MiB) only, as on AWS Lambda."""
        mounts = ["--read-only", "--read-only-tmpfs=false", f"--tmpfs=/tmp:rw,size={scratch_mb}m,mode=1777"]
        # Podman takes one word as it is and JSON for more words; further words work as arguments, too
        entry_point, *arguments = [*image_config.get("EntryPoint", []), *image_config["Command"]]
        command = self._run(environment, sandbox, [*mounts, f"--entrypoint={entry_point}"])
        return [*command, image, *arguments]

    def job(
        self, properties: Mapping[str, Any], command: Sequence[str], environment: Mapping[str, str], sandbox: Path
    ) -> list[str]:
        """The command that runs a job with `containerProperties`; its volumes are folders in the sandbox folder."""
        mounts = ["--read-only", "--read-only-tmpfs=false"] if properties.get("readonlyRootFilesystem") else []
        for number, mount in enumerate(properties.get("mountPoints", [])):
            volume = sandbox / f"volume-{number}"
            volume.mkdir()
            volume.chmod(0o1777)  # ECS takes this mode from the image's folder
            mounts.append(f"--volume={volume}:{mount['containerPath']}:rw")
        return [*self._run(environment, sandbox, mounts), properties["image"], *command]

    def _run(self, environment: Mapping[str, str], sandbox: Path, options: Sequence[str]) -> list[str]:
        command = ["podman", "run", "--rm", "--pull=never", "--network=host", "--log-driver=none"]
        command += [f"--label={LABEL}={self._mark}", f"--pidfile={sandbox / PID_FILE}"]
        command += ["--cap-drop=all", "--security-opt=no-new-privileges", *options]
        command += [f"--env={name}={value}" for name, value in {**self.environment, **environment}.items()]
        return command + [f"--env={name}" for name in CREDENTIALS]

    def remove_all(self) -> None:
        """Remove containers that are left, for example because their Podman was killed."""
        names = ["podman", "ps", "--all", "--quiet", f"--filter=label={LABEL}={self._mark}"]
        left = subprocess.run(names, capture_output=True, text=True, check=False).stdout.split()
        if left:
            subprocess.run(["podman", "rm", "--force", "--time=0", *left], capture_output=True, check=False)
