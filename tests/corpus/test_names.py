"""Names of uploads: whatever they are, each upload has its own manifest or error report at the end."""

import json

import pytest

from avflow.errors import AvflowError
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow import merge, yolov3
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import StepError
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from lambdas.start.claims import claim
from lambdas.start.naming import video_of
from tests.corpus.film import H264, Film, record
from tests.corpus.kinds import names
from tests.corpus.parametrised import each_name
from tests.corpus.running import ENVIRON, SeesNothing
from tests.in_process import with_detector


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return record(tmp_path_factory.mktemp("film") / "film.mkv", Film(seconds=0.2, flashes=()), H264, None)


@pytest.fixture
def report(s3, monkeypatch):
    """Reports a failure as the state machine's last state does."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    from lambdas.failed import app

    monkeypatch.setattr(app, "s3", s3)
    return lambda video, error: app.handler.__wrapped__.__wrapped__({"video": video, "error": error}, None)


def uploaded(s3, store, upload, film, tmp_path):
    """Upload a film or a text file, and return the video as the start function names it and its results."""
    path = film
    if not upload.good:
        path = tmp_path / "text"
        path.write_text("This is no film.")
    key = f"start/{upload.key}"
    store.upload(path, key)
    found = {"key": key, "etag": upload.key, "size": path.stat().st_size}
    video = video_of({"detail": {"bucket": {"name": store.bucket}, "object": found}})
    return {**video, "base": claim(s3, store.bucket, key)}


def processed(store, fields, report):
    """Take a video through all steps, and report its failure. Returns the message of the failure."""
    video, settings = VideoRef.from_dict(fields), Settings.from_environ(ENVIRON)
    context = StepContext(store, "batch", settings=settings, start=with_detector(SeesNothing))
    try:
        ffmpeg_step.run(video, context)
        yolov3.run(video, context)
        merge.run(video, context)
    except AvflowError as error:
        left = StepError(error.name, error.message, error.advice, error.exit_code, 0)
        store.write(video.step_error_json("ffmpeg"), left)
        report(fields, {"Error": error.name, "Cause": json.dumps({"errorMessage": error.message})})
        return error.message
    return ""


def published(s3, bucket):
    """Every object under result/, and those that are JSON by their content."""
    keys = [each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="result/")
            for each in page.get("Contents", [])]  # fmt: skip
    read = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if key.endswith(".json")}
    return set(keys), {key: json.loads(body) for key, body in read.items()}


@each_name(names.CASES)
def test_each_upload_has_a_report_of_its_own(case, s3, bucket, film, tmp_path, report):
    store, messages, videos = ObjectStore(bucket, s3), [], []
    for upload in case.uploads:
        videos.append(uploaded(s3, store, upload, film, tmp_path))
        messages.append(processed(store, videos[-1], report))
    keys, documents = published(s3, bucket)
    taken: set[str] = set()
    for upload, video in zip(case.uploads, videos, strict=True):
        own = {key: said for key, said in documents.items() if said.get("execution") == video["execution"]}
        assert len(own) == 1, f"{upload.key!r} has {sorted(own)} of {sorted(keys)}"
        [(key, said)] = own.items()
        results = set(said.get("results", ()))
        assert ("results" in said) == upload.good, f"{upload.key!r}: {said}"
        assert results <= keys, f"{upload.key!r} lacks {results - keys}"
        assert not taken & {key, *results}, f"{upload.key!r} shares {taken & {key, *results}}"
        taken |= {key, *results}
    assert all(len(key.encode()) <= names.LONGEST_KEY for key in keys)
    assert all(len(part.encode()) <= names.LONGEST_NAME for key in keys for part in key.split("/"))
    assert all(message.isprintable() for message in messages), messages
