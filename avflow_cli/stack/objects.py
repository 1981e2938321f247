"""What the commands and the console do alike with objects of a stack: an upload anew, and the address of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

#: what an upload keeps when it is copied onto itself
_KEPT = ("ContentType", "ContentDisposition", "ContentEncoding", "ContentLanguage", "CacheControl")


@dataclass(frozen=True)
class Uploaded:
    """A version of an upload that is in the bucket.

    Parameters
    ----------
    source:
        Bucket, key and version, as boto3 names them.
    told:
        The answer of HeadObject.
    """

    s3: Any
    source: Mapping[str, str]
    told: Mapping[str, Any]

    @classmethod
    def found(cls, s3: Any, bucket: str, key: str, version_id: str | None) -> Uploaded:
        """The version. Raises ClientError if it is not there any more, for example."""
        source = {"Bucket": bucket, "Key": key, **({"VersionId": version_id} if version_id else {})}
        return cls(s3, source, s3.head_object(**source))

    def copy_onto_itself(self) -> None:
        """Make it the newest version, which starts an execution.

        A copy onto itself must replace something (Amazon S3 API Reference, "CopyObject"): the metadata, by the same.
        """
        kept = {name: self.told[name] for name in _KEPT if name in self.told}
        replaced = {"MetadataDirective": "REPLACE", "Metadata": self.told.get("Metadata", {}), **kept}
        self.s3.copy(dict(self.source), self.source["Bucket"], self.source["Key"], ExtraArgs=replaced)


def with_video(page: str, video: str) -> str:
    """The address of a result page that finds its video at another address (docs/results.md)."""
    return f"{page}#video={quote(video, safe='')}"
