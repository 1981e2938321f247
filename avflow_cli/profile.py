"""A profile for the `aws` command: files of their own, so that the user's own settings stay as they are."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from local_aws.access.keys import AccessKey
from local_aws.names import REGION

#: the profile's name in the files
NAME = "av-workflow"


@dataclass(frozen=True)
class Profile:
    """The files of the profile, which other users can't read (AWS CLI User Guide, "Configuration and credential file
    settings").
    """

    folder: Path
    url: str

    @property
    def config(self) -> Path:
        """The file with the address."""
        return self.folder / "config"

    @property
    def credentials(self) -> Path:
        """The file with the access key."""
        return self.folder / "credentials"

    def write(self, key: AccessKey) -> None:
        """Write both files."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = [
            f"[profile {NAME}]",
            f"endpoint_url = {self.url}",
            f"region = {REGION}",
            "disable_host_prefix_injection = true",
            "s3 =",
            "  addressing_style = path",
        ]
        keys = [f"[{NAME}]", f"aws_access_key_id = {key.id}", f"aws_secret_access_key = {key.secret}"]
        _write_private(self.config, settings)
        _write_private(self.credentials, keys)

    def remove(self) -> None:
        """Remove both files: the key is worth nothing any more."""
        for path in (self.config, self.credentials):
            path.unlink(missing_ok=True)

    @property
    def variables(self) -> str:
        """Assignments for a shell, by which `aws` finds the files."""
        files = {"AWS_CONFIG_FILE": self.config, "AWS_SHARED_CREDENTIALS_FILE": self.credentials}
        named = [f"{name}={shlex.quote(str(path))}" for name, path in files.items()]
        if any(os.environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
            named.append("no_proxy=127.0.0.1")  # a proxy can't reach this machine's loopback address
        return " ".join(named)

    @property
    def command(self) -> str:
        """The beginning of each `aws` command. AWS CLI before 2.13 ignores `endpoint_url` in the profile."""
        return f"aws --profile {NAME} --endpoint-url {self.url}"


def _write_private(path: Path, lines: list[str]) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    partial.replace(path)
