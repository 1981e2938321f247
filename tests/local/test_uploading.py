"""`avflow submit` sends a file to S3 whole, goes on after a crash, and leaves nothing behind after Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from avflow.errors import SourceMissing
from avflow_cli import uploading
from avflow_cli.uploading import MIB, PART_SIZE, Upload, UploadBusy

ROOT = Path(__file__).parents[2]
#: parts of the film: more than are on their way when two have been sent
PARTS = 9
SIZE = (PARTS - 1) * PART_SIZE + MIB
#: sends a file, and gets a signal as soon as S3 has some of its parts
INTERRUPTED = """
import os, sys, threading
from pathlib import Path
from avflow_cli import interrupt
from avflow_cli.uploading import Upload
from tests.s3_server import client_for
endpoint, path, bucket, number, resumable = sys.argv[1:]
sent = []
def report(count):
    sent.append(count)
    if len(sent) == 2:
        os.kill(os.getpid(), int(number))
interrupt.install()
interrupt.allow(60)
try:
    Upload(client_for(endpoint), Path(path), bucket, "start/a.mkv", {"avflow-nms": "0.5"}, bool(resumable)).send(report)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "av-workflow" / "uploads"


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mkv"
    path.write_bytes(os.urandom(SIZE))
    return path


def upload(s3, path, bucket, **more):
    return Upload(s3, path, bucket, "start/a.mkv", **{"metadata": {"avflow-nms": "0.5"}, **more})


def interrupted(server, path, bucket, number, *, resumable=False):
    words = [sys.executable, "-c", INTERRUPTED, server.endpoint, path, bucket, str(int(number)), "1" * resumable]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


def parts_of(s3, bucket):
    """The parts of each upload that has begun."""
    begun = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [s3.list_parts(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"]).get("Parts", []) for each in begun]


def sent_by(s3, wanted):
    """How many parts an upload sends, and how many bytes it reports."""
    sent, reported = [], []

    def count(**_):
        sent.append(1)

    s3.meta.events.register("before-call.s3.UploadPart", count)
    try:
        wanted.send(reported.append)
    finally:
        s3.meta.events.unregister("before-call.s3.UploadPart", count)
    return len(sent), sum(reported)


def resumed_by(s3, wanted):
    """The parts that an upload finds, and what `sent_by` says of it.

    S3 may finish a part after its sender was killed, so only the upload itself knows what was there.
    """
    found = []

    def see(parsed, **_):
        found.extend(parsed.get("Parts", []))

    s3.meta.events.register("after-call.s3.ListParts", see)
    try:
        return found, *sent_by(s3, wanted)
    finally:
        s3.meta.events.unregister("after-call.s3.ListParts", see)


def stored(s3, bucket):
    found = s3.get_object(Bucket=bucket, Key="start/a.mkv")
    return found["Body"].read(), found["Metadata"]


@pytest.mark.parametrize("size", [0, 1, uploading.MULTIPART_FROM, SIZE])
def test_a_file_arrives_whole_with_its_metadata(s3, bucket, cache, tmp_path, size):
    path = tmp_path / "film.mkv"
    path.write_bytes(os.urandom(size))
    assert sent_by(s3, upload(s3, path, bucket))[1] == size
    assert stored(s3, bucket) == (path.read_bytes(), {"avflow-nms": "0.5"})
    assert not parts_of(s3, bucket)
    assert not cache.exists() or not list(cache.iterdir())


def test_after_a_crash_only_what_is_missing_is_sent(server, s3, bucket, film):
    assert interrupted(server, film, bucket, signal.SIGKILL) == -signal.SIGKILL
    (parts,) = parts_of(s3, bucket)
    assert 2 <= len(parts) < PARTS
    found, sent, reported = resumed_by(s3, upload(s3, film, bucket))
    assert len(parts) <= len(found) < PARTS
    assert (sent, reported) == (PARTS - len(found), SIZE)
    assert stored(s3, bucket) == (film.read_bytes(), {"avflow-nms": "0.5"})
    assert not parts_of(s3, bucket)


def test_a_part_whose_bytes_have_changed_is_sent_again(server, s3, bucket, film):
    interrupted(server, film, bucket, signal.SIGKILL)
    (parts,) = parts_of(s3, bucket)
    with film.open("r+b") as file:
        file.seek((parts[0]["PartNumber"] - 1) * PART_SIZE)
        file.write(b"another beginning")
    found, sent, _ = resumed_by(s3, upload(s3, film, bucket))
    assert sent == PARTS + 1 - len(found)
    assert stored(s3, bucket)[0] == film.read_bytes()


def test_without_a_record_two_commands_send_the_same_file(s3, bucket, film, cache):
    with uploading.record_of(bucket, "start/a.mkv", film):
        with pytest.raises(UploadBusy):
            upload(s3, film, bucket).send()
        assert sent_by(s3, upload(s3, film, bucket, recorded=False)) == (PARTS, SIZE)
    assert stored(s3, bucket)[0] == film.read_bytes()
    assert not parts_of(s3, bucket)


def test_other_choices_begin_anew(server, s3, bucket, film):
    interrupted(server, film, bucket, signal.SIGKILL)
    assert sent_by(s3, upload(s3, film, bucket, metadata={"avflow-nms": "0.6"}))[0] == PARTS
    assert stored(s3, bucket) == (film.read_bytes(), {"avflow-nms": "0.6"})
    assert not parts_of(s3, bucket), "what was sent with the first choices is removed"


def test_parts_that_the_bucket_has_removed_are_sent_again(server, s3, bucket, film):
    interrupted(server, film, bucket, signal.SIGKILL)
    (begun,) = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    s3.abort_multipart_upload(Bucket=bucket, Key=begun["Key"], UploadId=begun["UploadId"])
    assert sent_by(s3, upload(s3, film, bucket))[0] == PARTS
    assert stored(s3, bucket)[0] == film.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_an_interrupted_upload_leaves_nothing_behind(server, s3, bucket, film, cache, number):
    assert interrupted(server, film, bucket, number) == 130
    assert not parts_of(s3, bucket)
    assert not list(cache.iterdir())
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_interrupted_upload_can_be_kept(server, s3, bucket, film):
    assert interrupted(server, film, bucket, signal.SIGINT, resumable=True) == 130
    (parts,) = parts_of(s3, bucket)
    assert sent_by(s3, upload(s3, film, bucket))[0] == PARTS - len(parts) < PARTS
    assert stored(s3, bucket)[0] == film.read_bytes()


def test_a_file_that_changes_while_it_is_sent_is_not_uploaded(s3, bucket, film):
    def grow(_):
        with film.open("ab") as file:
            file.write(b"more")

    with pytest.raises(SourceMissing, match="changed while it was sent"):
        upload(s3, film, bucket).send(grow)
    assert not parts_of(s3, bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_two_commands_do_not_share_an_upload(s3, bucket, film):
    with uploading.record_of(bucket, "start/a.mkv", film), pytest.raises(UploadBusy, match="by another command"):
        upload(s3, film, bucket).send(lambda _: None)


def test_a_part_is_large_enough_for_any_file():
    for size in (SIZE, 100 * 2**30, 5 * 2**40):
        assert -(-size // uploading.part_size_of(size)) <= uploading.MOST_PARTS
