"""The disk of the embedded AWS is full: clear errors, nothing half visible, and all is well once there is space."""

import logging
import os
import subprocess
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from tests.faults.conftest import deployed
from tests.waiting import until

MB = 1_000_000
#: the disk, and what is left free on it for a full one
DISK, LEFT = 64 * MB, 100_000


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A small file system."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", os.fspath(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here, which takes root: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", os.fspath(folder)], check=True)


@pytest.fixture(scope="module")
def small(disk):
    with deployed(disk, keep=True) as workflow:
        yield workflow


def fill(path, left):
    """Fill the disk but for some bytes."""
    found = os.statvfs(path.parent)
    with suppress(OSError):  # others write, too
        path.write_bytes(bytes(max(0, found.f_bavail * found.f_frsize - left)))


@pytest.fixture
def full(small, disk):
    """The file that fills the disk; when it is removed there is space again."""
    filler = disk / "filler"
    fill(filler, LEFT)
    yield filler
    filler.unlink(missing_ok=True)


def refused(call, **asked):
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return caught.value.response


@pytest.mark.slow
def test_an_upload_that_does_not_fit_is_refused_with_reason_and_advice(small, disk, caplog):
    blobs = disk / "aws" / "s3" / "blobs"
    before = {path.name for path in blobs.iterdir()}
    answer = refused(small.s3.put_object, Bucket=small.bucket, Key="start/large.mp4", Body=os.urandom(DISK))
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("InsufficientStorage", 507)
    assert os.fspath(disk / "aws" / "s3") in answer["Error"]["Message"], "what is full"
    assert "Free space" in answer["Error"]["Message"], "what to do"
    upload = small.s3.create_multipart_upload(Bucket=small.bucket, Key="start/large.mp4")["UploadId"]
    part = {"Bucket": small.bucket, "Key": "start/large.mp4", "UploadId": upload}
    small.s3.upload_part(**part, PartNumber=1, Body=os.urandom(8 << 20))
    assert refused(small.s3.upload_part, **part, PartNumber=2, Body=os.urandom(DISK))["Error"]["Code"] == (
        "InsufficientStorage"
    )
    small.s3.abort_multipart_upload(**part)
    assert "Contents" not in small.s3.list_objects_v2(Bucket=small.bucket, Prefix="start/large.mp4")
    until(lambda: {path.name for path in blobs.iterdir()} == before, "the removal of all parts")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.slow
def test_a_full_index_is_the_same_error(small, full, caplog):
    """Objects without content need space in the index."""
    for number in range(2000):
        try:
            small.s3.put_object(Bucket=small.bucket, Key=f"notes/{number}-{'x' * 900}", Body=b"")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "InsufficientStorage"
            break
    else:
        pytest.fail("the index never filled the disk")
    assert small.s3.list_objects_v2(Bucket=small.bucket, Prefix="notes/", MaxKeys=1)["KeyCount"] <= 1
    full.unlink()
    small.s3.put_object(Bucket=small.bucket, Key="notes/after", Body=b"there is space")
    assert small.s3.get_object(Bucket=small.bucket, Key="notes/after")["Body"].read() == b"there is space"
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.slow
@pytest.mark.parametrize("state", ["FFmpeg", "Yolov3", "Merge"])
def test_a_disk_that_fills_while_a_run_writes_ends_it_by_name(small, disk, full, state, caplog):
    full.unlink()
    small.upload(name := f"filling-{state.lower()}")
    arn = small.begun(name)
    until(lambda: state in small.entered(arn), f"the state {state}")
    fill(full, 0)
    execution = small.ended(name)
    full.unlink()
    if execution["status"] == "FAILED":
        names = {"StorageUnavailable", "ScratchFull", "Lambda.ServiceException", "MediaWorkFailed"}
        if unreported := execution["error"].startswith("Unreported."):  # no space for the reporter to look for more
            names |= {"JobFailed", "States.TaskFailed"}
        assert execution["error"].removeprefix("Unreported.") in names
        assert small.results(name) <= {".error.json"}, "nothing partial"
        if unreported:
            told = until(lambda: small.results(name) or small.letter(name), "a report, or a letter about the event")
            assert told == {".error.json"} or name in told
    small.upload(f"{name}-again")
    assert small.judge(f"{name}-again") == "SUCCEEDED"
    assert small.json(f"{name}-again", ".json")["input"]["picture"]["frames"] == 10
    assert not [record for record in caplog.records if record.exc_info]
