"""Functions and a job that do what the test wrote into the state machine's input.

`video["script"]["ffmpeg"] = {"lambda": ["Sandbox.Timedout"], "batch": []}`: the first invocation of the
FFmpeg function fails with that name, the next succeeds. Names of AWS's own errors can't be raised by a
Python class of that name, so the class is made on the spot: its name is all that Lambda passes on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import boto3


def next_of(video: dict[str, Any], step: str, where: str) -> str | None:
    """The error of this attempt, or None; counts attempts in files, since each runs in a process of its own."""
    planned = video.get("script", {}).get(step, {}).get(where, [])
    for attempt in range(50):
        try:
            (Path(os.environ["ATTEMPTS"]) / f"{video['execution']}-{step}-{where}-{attempt}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return planned[attempt] if attempt < len(planned) else (planned[-1] if planned[-1:] == ["always"] else None)
    raise AssertionError("50 attempts")


def leave(video: dict[str, Any], step: str) -> None:
    """What the real step leaves for those after it."""
    if step == "ffmpeg":
        media = {"has_sound": video.get("sound", True), "has_picture": video.get("picture", True)}
        key = f"media/{video['execution']}/media.json"
        boto3.client("s3").put_object(Bucket=video["bucket"], Key=key, Body=json.dumps(media))


def function(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Any of the steps' functions: which one, its environment says."""
    step = os.environ["STEP"]
    error = next_of(event["video"], step, "lambda")
    if error == "sleep":
        time.sleep(60)
    if error == "exit":
        os._exit(1)
    if error:
        raise type(error, (Exception,), {})(f"{step} failed as planned")
    leave(event["video"], step)
    return {}


def job() -> None:
    """Any of the steps' jobs; a planned failure is an exit status, or a named error left in the bucket."""
    step, video = sys.argv[1], json.loads(sys.argv[2])
    error = next_of(video, step, "batch")
    if error == "hold":  # until the test ends it as AWS would
        time.sleep(60)
    if error and error.isdigit():
        sys.exit(int(error))
    if error:
        key = f"media/{video['execution']}/{step}.error.json"
        report = {"error": error, "message": f"{step} failed as planned.", "advice": "Nothing.", "exit_code": 65}
        boto3.client("s3").put_object(Bucket=video["bucket"], Key=key, Body=json.dumps(report))
        sys.exit(65)
    leave(video, step)


if __name__ == "__main__":
    job()
