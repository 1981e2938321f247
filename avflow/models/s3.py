"""An object of Amazon S3 as the source of a model file, read with the user's own credentials.

The only module of the media floor that knows an AWS library, and only while it fetches: no step does that. Without
boto3 or credentials, such as in the build of an image, the source fails like any other.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avflow.models import sources
from avflow.models.sources import Answer, ModelFile, Offer, SourceFailed, reason, resume
from avflow.progress import Report

#: what `url` of such a source begins with
SCHEME = "s3://"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class S3Source(Offer):
    """The object `s3://BUCKET/KEY`, as the AWS SDK finds credentials and Region."""

    url: str

    def __post_init__(self) -> None:
        bucket, _, key = self.url.removeprefix(SCHEME).partition("/")
        if not bucket or not key:
            raise ValueError(f"{self.url} does not name a bucket and a key: s3://BUCKET/KEY")

    def origin(self, file: ModelFile) -> str:
        """The URI of the object."""
        return self.url.replace("{file}", file.name)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Download the rest of the object, from where an earlier download stopped."""
        client = _client()
        resume(file, target, report, lambda have: self._open(client, file, f"bytes={have}-"), _drops())

    def probe(self, file: ModelFile) -> None:
        """Read the first bytes: that needs the same permission as the whole object."""
        client = _client()
        try:
            with self._open(client, file, f"bytes=0-{sources.PROBE_BYTES - 1}") as answer:
                sources.check(file, answer, next(iter(answer.blocks()), b""))
        except _drops() as error:
            raise SourceFailed(reason(error)) from error

    @contextmanager
    def _open(self, client: Any, file: ModelFile, wanted: str) -> Iterator[Answer]:
        from botocore.exceptions import ClientError, NoCredentialsError  # noqa: PLC0415  heavy

        bucket, _, key = self.origin(file).removeprefix(SCHEME).partition("/")
        try:
            answer = client.get_object(Bucket=bucket, Key=key, Range=wanted)
        except ClientError as error:
            told = error.response.get("Error", {})
            code, message = told.get("Code", "an error"), told.get("Message", "")
            hint = ", or there is no such key: only who may list the bucket is told" if code == "AccessDenied" else ""
            raise SourceFailed(f"S3 answered {code}: {message}{hint}") from error
        except NoCredentialsError as error:
            raise SourceFailed("there are no AWS credentials here: set AWS_PROFILE, or fetch it before") from error
        start, size = wanted.removeprefix("bytes=").partition("-")[0], answer["ContentRange"].rpartition("/")[2]
        with closing(answer["Body"]) as body:
            yield Answer(int(start), int(size), lambda: body.iter_chunks(_BLOCK), "is a web page")


def _client() -> Any:
    try:
        import boto3.session  # noqa: PLC0415  heavy, and not everywhere
        from botocore.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise SourceFailed("boto3 is not installed here") from error
    seconds = sources.SILENCE_SECONDS
    options = Config(connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard", "max_attempts": 2})
    try:
        return boto3.session.Session().client("s3", config=options)  # of its own: the default one is not for threads
    except Exception as error:  # a profile that does not exist, a damaged configuration: botocore has many such
        raise SourceFailed(str(error)) from error


def _drops() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    return (OSError, http.client.HTTPException, BotoCoreError)
