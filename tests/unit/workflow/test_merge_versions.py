"""Two versions of one upload: whichever ends last, the newer one's results stay."""

import pytest

from avflow.speech import Word, subtitles
from avflow.workflow import merge
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.storage import ObjectStore
from lambdas.failed.own_error import is_current
from tests.reports import media_report, span_report


def uploaded(s3, store, name, says=None):
    """One more version of the upload, of which the steps before Merge have left their reports."""
    version = s3.put_object(Bucket=store.bucket, Key="start/a.mkv", Body=name.encode())["VersionId"]
    video = VideoRef(store.bucket, "start/a.mkv", name, version)
    store.write(video.media_json, media_report(spans=[(0.0, 1.0)] if says else []))
    if says:
        store.write(video.part_json("audio2srt", 0), span_report(Word(0.1, 0.5, says), seconds=1.0))
    return video


@pytest.fixture
def versions(s3, versioned):
    """The bucket's store, and references to an older and a newer version of one upload."""
    store = ObjectStore(versioned, s3)
    return store, uploaded(s3, store, "older"), uploaded(s3, store, "newer")


def test_a_slow_older_version_does_not_replace_the_newer_ones_results(versions):
    store, older, newer = versions
    merge.run(newer, StepContext(store, "lambda"))
    merge.run(older, StepContext(store, "lambda"))
    assert store.read_json("result/a.json")["execution"] == "newer"
    assert store.read_json("result/a.json")["source"]["version_id"] == newer.version_id


def test_an_older_version_alone_leaves_nothing_behind(versions, s3, versioned):
    store, older, _ = versions
    assert merge.run(older, StepContext(store, "lambda")).manifest is None
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned, Prefix="result/")


@pytest.mark.parametrize(
    ("says", "meanwhile"),
    [
        ("Old.", (subtitles, "write")),  # while the results are made
        ("Old.", (ObjectStore, "upload")),  # while they are published
        (None, (ObjectStore, "delete")),  # before what this version has not is taken away
    ],
)
def test_a_version_that_is_published_meanwhile_is_left_alone(s3, versioned, monkeypatch, says, meanwhile):
    store = ObjectStore(versioned, s3)
    older = uploaded(s3, store, "older", says)
    where, action = meanwhile
    act = getattr(where, action)

    def and_then_a_newer_one_comes(*arguments):
        act(*arguments)
        monkeypatch.setattr(where, action, act)
        merge.run(uploaded(s3, store, "newer", "New."), StepContext(store, "lambda"))

    monkeypatch.setattr(where, action, and_then_a_newer_one_comes)
    assert merge.run(older, StepContext(store, "lambda")).manifest is None
    assert store.read_json("result/a.json")["execution"] == "newer"
    assert b"New." in s3.get_object(Bucket=versioned, Key="result/a.srt")["Body"].read()


def test_an_upload_that_was_taken_away_still_gets_its_results(versions, s3, versioned):
    store, _, newer = versions
    s3.delete_object(Bucket=versioned, Key="start/a.mkv")
    merge.run(newer, StepContext(store, "lambda"))
    assert store.read_json("result/a.json")["execution"] == "newer"


def test_only_the_newest_versions_failure_is_reported(versions, s3, versioned):
    _, older, newer = versions
    references = [{"bucket": versioned, "key": v.key, "version_id": v.version_id} for v in (older, newer)]
    assert [is_current(s3, reference) for reference in references] == [False, True]
    s3.delete_object(Bucket=versioned, Key="start/a.mkv")
    assert is_current(s3, references[1])
