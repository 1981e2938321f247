"""Functions and a job that follow a script in the state machine's input.

`video["script"]["ffmpeg"] = {"lambda": ["Sandbox.Timedout"], "batch": []}`: the first invocation of the FFmpeg function
fails with that error, the next succeeds. "always" at the end repeats the error before it.
`video["script"]["yolov3-2"]` is for segment 2 only, `video["script"]["audio2srt-1"]` for span 1.

A class for an error is made when it is raised: Python code can't name a class like AWS's errors, and Lambda passes on
only the name. This module does not use boto3: tests start hundreds of these processes, and boto3 takes ten times as
long to load as they run.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


def next_of(video: dict[str, Any], step: str, where: str) -> str | None:
    """The error of this attempt, or None. It counts attempts in files, because each runs in a process of its own."""
    planned = video.get("script", {}).get(step, {}).get(where, [])
    for attempt in range(50):
        try:
            (Path(os.environ["ATTEMPTS"]) / f"{video['execution']}-{step}-{where}-{attempt}").touch(exist_ok=False)
        except FileExistsError:
            continue
        if planned[-1:] == ["always"]:
            return planned[min(attempt, len(planned) - 2)]
        return planned[attempt] if attempt < len(planned) else None
    raise AssertionError("50 attempts")


def plan(video: dict[str, Any]) -> dict[str, Any]:
    """Decisions for `segments` segments, first `functions` on Lambda, and a span per item of `spans`: if on Batch."""
    count, spans = video.get("segments", 1), video.get("spans", [False])
    functions = list(range(count, count + video.get("functions", 0)))
    return {
        "segments": {"count": count} | ({"on_lambda": functions} if functions else {}),
        "array": {"Size": count} if count > 1 else {},
        "spans": list(range(len(spans))),
        "spans_on_batch": [part for part, batch in enumerate(spans) if batch],
        "merge_on_batch": video.get("merge_on_batch", False),
    }


def results(video: dict[str, Any]) -> dict[str, str]:
    """The addresses of the results, as the real step gives them."""
    suffixes = {"video": "avi", "detections": "detections.jsonl", "subtitles": "srt", "manifest": "json"}
    name = f"s3://{video['bucket']}/result/{video['execution']}"
    return {kind: f"{name}.{suffix}" for kind, suffix in suffixes.items()}


def leave(video: dict[str, Any], step: str, part: int, where: str) -> None:
    """Write what the real step writes for the later steps."""
    if step == "ffmpeg":
        found = {"has_sound": video.get("sound", True), "has_picture": video.get("picture", True), "plan": plan(video)}
        put(video, "plan.json", {**found, "results": results(video)})
    else:
        put(video, f"{step}-{part:04}.json", {"where": where})


def put(video: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    """Write an intermediate object of the run."""
    urllib.request.urlopen(signed("PUT", video, name, json.dumps(value).encode())).close()


def signed(method: str, video: dict[str, Any], name: str, body: bytes | None = None) -> urllib.request.Request:
    """A request for an intermediate object of the run, signed with the role's key (AWS Signature Version 4)."""
    endpoint, path = os.environ["AWS_ENDPOINT_URL"], f"/{video['bucket']}/media/{video['execution']}/{name}"
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"host": endpoint.partition("//")[2], "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    headers["x-amz-security-token"] = os.environ["AWS_SESSION_TOKEN"]
    lines, names = "".join(f"{key}:{value}\n" for key, value in headers.items()), ";".join(headers)
    canonical = "\n".join([method, urllib.parse.quote(path), "", lines, names, "UNSIGNED-PAYLOAD"])
    scope = [now[:8], os.environ["AWS_REGION"], "s3", "aws4_request"]
    text = "\n".join(["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope, text):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = "/".join([os.environ["AWS_ACCESS_KEY_ID"], *scope])
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    return urllib.request.Request(endpoint + path, body, {**headers, "authorization": authorization}, method=method)


def is_done(video: dict[str, Any], step: str, part: int) -> bool:
    """Whether an earlier array job finished this segment."""
    try:
        urllib.request.urlopen(signed("GET", video, f"{step}-{part:04}.json")).close()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        raise
    return True


def function(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The function of any step. Its environment names the step."""
    step, part = os.environ["STEP"], event.get("part", 0)
    error = next_of(event["video"], scripted_as(event["video"], step, part), "lambda")
    if error == "sleep":
        time.sleep(3600)
    if error == "exit":
        os._exit(1)
    if error:
        raise type(error, (Exception,), {})(f"{step} failed as planned")
    leave(event["video"], step, part, "lambda")
    return {}


def scripted_as(video: dict[str, Any], step: str, part: int) -> str:
    """The name of the part if it has a script of its own, else the step's."""
    return f"{step}-{part}" if f"{step}-{part}" in video.get("script", {}) else step


def job() -> None:
    """The job of any step. A planned failure is an exit status, or a named error in the bucket."""
    step, video = sys.argv[1], json.loads(sys.argv[2])
    part = int(sys.argv[3] if len(sys.argv) > 3 else os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"))
    if step == "yolov3" and is_done(video, step, part):
        return
    error = next_of(video, scripted_as(video, step, part), "batch")
    on_gpu = not os.environ["AWS_BATCH_JQ_NAME"].endswith("Cpu")
    if error == "hold" or (error == "hold on a GPU" and on_gpu):  # until the test or a state's time-out ends it
        time.sleep(3600)
    if error == "hold on a GPU":
        error = None
    if error and error.isdigit():
        sys.exit(int(error))
    if error:
        report = {"error": error, "message": f"{step} failed as planned.", "advice": "Nothing."}
        put(video, f"{step}.error.json", {**report, "exit_code": 65, "part": part})
        sys.exit(65)
    leave(video, step, part, "batch")


if __name__ == "__main__":
    job()
