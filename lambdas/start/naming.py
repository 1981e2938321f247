"""The name of the execution that processes one version of one object."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

#: what Step Functions takes as a name ("StartExecution"): 80 characters, and only these are safe everywhere
NAME_LENGTH = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def execution_name(filename: str, version: str) -> str:
    """`my_video-mkv-1f0c9a6b3d2e5f70`: readable in the console, one for one version of one object."""
    digest = hashlib.sha256(version.encode(errors="surrogatepass")).hexdigest()[:16]
    readable = _UNSAFE.sub("-", filename).strip("-")[: NAME_LENGTH - len(digest) - 1]
    return f"{readable}-{digest}".lstrip("-")


def video_of(event: dict[str, Any]) -> dict[str, Any]:
    """The video of an EventBridge "Object Created" event, as the state machine takes it."""
    bucket, found = event["detail"]["bucket"]["name"], event["detail"]["object"]
    key = found["key"]  # keys in these events are not URL-encoded
    # a bucket without versions is told apart by content and the event's own order
    version = found.get("version-id") or found.get("etag", "") + found.get("sequencer", "")
    return {
        "bucket": bucket,
        "key": key,
        "execution": execution_name(key.rpartition("/")[2], json.dumps([bucket, key, version])),
        "version_id": found.get("version-id"),
        "size": found.get("size"),
    }
