"""A Lambda function as a template declares it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local_aws.names import function_arn


@dataclass(frozen=True)
class Permission:
    """Who may invoke a function: a service principal, on behalf of a resource or (None) of any."""

    principal: str
    source_arn: str | None = None


@dataclass
class Function:
    """One function, as `AWS::Lambda::Function` declares it.

    Parameters
    ----------
    handler:
        `package.module.function`.
    code:
        The folder that comes first on `sys.path`.
    configuration:
        The template's properties; GetFunction shows some of them.
    timeout, memory_mb, scratch_mb:
        In seconds, MiB and MiB; `scratch_mb` is the size of /tmp.
    image_uri, image_digest:
        The image as the template names it, and by digest if functions run in their images.
    max_retries, max_age, on_failure, on_success, dead_letter:
        Of asynchronous invocations: how often one is tried again, for how many seconds at most it is tried at all, and
        ARNs of the targets that are told.
    reserved:
        The concurrency that is reserved for it, of the account's.
    """

    name: str
    handler: str
    code: Path
    configuration: Mapping[str, Any]
    timeout: float = 3
    memory_mb: int = 128
    scratch_mb: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    image_uri: str | None = None
    image_digest: str | None = None
    versions: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    permissions: list[Permission] = field(default_factory=list)
    max_retries: int = 2
    max_age: float = 6 * 3600
    on_failure: str | None = None
    on_success: str | None = None
    dead_letter: str | None = None
    reserved: int | None = None

    @property
    def arn(self) -> str:
        """The function's ARN, without a version."""
        return function_arn(self.name)

    @property
    def resolved_image_uri(self) -> str | None:
        """The image by digest; if functions do not run in their images, the digest is one of the image's name."""
        if self.image_uri is None or self.image_digest is not None:
            return self.image_digest
        repository = re.sub(r"(:[^:/]+|@.+)$", "", self.image_uri)
        return f"{repository}@sha256:{hashlib.sha256(self.image_uri.encode()).hexdigest()}"

    @property
    def log_group(self) -> str:
        """The log group of its output."""
        named: Mapping[str, str] = self.configuration.get("LoggingConfig", {})
        return named.get("LogGroup") or f"/aws/lambda/{self.name}"

    def allows(self, principal: str, source_arn: str) -> bool:
        """Whether a service may invoke it on behalf of a resource."""
        return any(
            p.principal == principal and (p.source_arn is None or p.source_arn == source_arn) for p in self.permissions
        )


@dataclass(frozen=True)
class Caps:
    """Upper limits for functions from images, in seconds, MiB and MiB; they force a workflow to use its fallbacks."""

    timeout: float | None = None
    memory_mb: int | None = None
    scratch_mb: int | None = None

    def apply(self, function: Function) -> Function:
        """The function, with its limits reduced to the caps."""
        if function.image_uri is None:
            return function
        return replace(
            function,
            timeout=_at_most(function.timeout, self.timeout),
            memory_mb=int(_at_most(function.memory_mb, self.memory_mb)),
            scratch_mb=int(_at_most(function.scratch_mb, self.scratch_mb)),
        )


def _at_most(value: float, cap: float | None) -> float:
    return value if cap is None else min(value, cap)
