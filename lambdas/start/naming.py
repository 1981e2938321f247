"""Make the name of the execution that processes one version of one object. `result_names` names its results."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

#: longest name of an execution, in characters (AWS Step Functions API Reference, "StartExecution")
NAME_LENGTH = 80
#: all characters but those that are safe in every name
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class EventInvalid(ValueError):
    """The event is none of S3 about a new object. EventBridge keeps it in the dead-letter queue."""


def execution_name(filename: str, version: str) -> str:
    """`my_video-mkv-1f0c9a6b3d2e5f70`: readable in the console, unique for one version of one object."""
    digest = hashlib.sha256(version.encode(errors="surrogatepass")).hexdigest()[:16]
    readable = _UNSAFE.sub("-", filename).strip("-")[: NAME_LENGTH - len(digest) - 1]
    return f"{readable}-{digest}".lstrip("-")


def video_of(event: dict[str, Any]) -> dict[str, Any]:
    """The video of an EventBridge "Object Created" event, in the form of the state machine's input.

    Raises
    ------
    EventInvalid
        The event has another form.
    """
    try:
        bucket, found = event["detail"]["bucket"]["name"], event["detail"]["object"]
        key = found["key"]  # keys in these events are not URL-encoded
        # without versions, the content and the order of the events identify an upload
        version = found.get("version-id") or found.get("etag", "") + found.get("sequencer", "")
        if not (isinstance(bucket, str) and isinstance(key, str) and isinstance(version, str)):
            raise TypeError("a name is no text")
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise EventInvalid(f"this is no event Object Created of S3: {error!r}") from error
    return {
        "bucket": bucket,
        "key": key,
        "execution": execution_name(key.rpartition("/")[2], json.dumps([bucket, key, version])),
        "version_id": found.get("version-id"),
        "size": found.get("size"),
    }
