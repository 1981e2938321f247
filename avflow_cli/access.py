"""How AWS is reached: credentials, Region and address, as the AWS CLI finds them, or as samconfig.toml says."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from avflow_cli import samconfig
from avflow_cli.samconfig import Named

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"})
#: codes by which services refuse an action, credentials whose time is over, and credentials that they don't know
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
WRONG_KEY = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "AuthFailure",
    }
)


@dataclass(frozen=True)
class Access:
    """Credentials and a Region.

    Parameters
    ----------
    deployment:
        The stack that is meant, as samconfig.toml names it.
    profile, region:
        Of the AWS configuration; None for what samconfig.toml or the environment says.
    endpoint_url:
        Another address for all services, as of the embedded AWS.
    """

    deployment: Named
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None

    @classmethod
    def named(cls, stack_name: str | None, profile: str | None, region: str | None, endpoint_url: str | None) -> Access:
        """What the options of a command name; what they leave out, samconfig.toml and the environment say.

        Raises
        ------
        SamconfigInvalid
        """
        told = samconfig.named()
        return Access(replace(told, stack_name=stack_name or told.stack_name), profile, region, endpoint_url)

    @cached_property
    def session(self) -> boto3.Session:
        """The session with these credentials.

        boto3 does not read AWS_REGION, which the AWS CLI prefers to the profile's Region (AWS CLI User Guide,
        "Environment variables").
        """
        profile = self.profile or self.deployment.profile
        region = self.region or self.deployment.region or os.environ.get("AWS_REGION")
        return boto3.Session(profile_name=profile, region_name=region)

    def client(self, service: str, **settings: Any) -> Any:
        """The boto3 client of a service; `settings` are those of botocore's Config."""
        config = CONFIG.merge(Config(**settings))
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)
