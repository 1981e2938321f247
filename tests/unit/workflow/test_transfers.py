"""The store's transfers against the embedded S3, beside other work."""

import os
import threading

import pytest

from avflow.errors import SourceMissing
from avflow.workflow.storage import ObjectStore
from tests.waiting import PATIENCE_SECONDS

CONTENT = os.urandom(40_000_000)


@pytest.fixture
def store(bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=CONTENT)
    return ObjectStore(bucket, s3)


def test_what_goes_on_in_the_background_has_ended_with_the_block(store, tmp_path):
    (tmp_path / "up").write_bytes(CONTENT)
    with store.transfers() as transfers:
        coming = transfers.download("k", tmp_path / "down")
        transfers.upload(tmp_path / "up", "copy")
        coming.result()
        assert (tmp_path / "down").read_bytes() == CONTENT
    assert store.size("copy") == len(CONTENT)


def test_an_error_nobody_asked_for_is_raised_at_the_end(store, tmp_path):
    with pytest.raises(SourceMissing, match="nothing"), store.transfers() as transfers:
        transfers.download("nothing", tmp_path / "down")


def test_after_an_error_nothing_works_on_the_files_any_more(store, tmp_path, monkeypatch):
    begun, dropped, uploaded = threading.Event(), threading.Event(), []

    def upload(path, key):
        begun.set()
        dropped.wait(60)
        uploaded.append(key)

    monkeypatch.setattr(store, "upload", upload)
    with pytest.raises(RuntimeError, match="the work"), store.transfers() as transfers:
        for number in range(20):
            last = transfers.upload(tmp_path / "up", str(number))
        last.add_done_callback(lambda _: dropped.set())
        assert begun.wait(PATIENCE_SECONDS)
        raise RuntimeError("the work failed")
    ended = len(uploaded)
    assert 1 <= ended < 20, "those under way were waited for, the others never began"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("transfer")]
