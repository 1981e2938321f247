"""Claims on the embedded S3: each upload has a base of its own, whichever order, and however often it is asked for."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from botocore.exceptions import ClientError

from lambdas.start.claims import NameNotClaimed, claim
from tests.s3_server import client_for

SIBLINGS = ("start/p/a.mp4", "start/p/a.mov", "start/p/a.mov.mkv", "start/p/a", "start/p/a.MP4")


@pytest.mark.parametrize("order", list(permutations(SIBLINGS))[::7])
def test_siblings_get_different_names_in_every_order(s3, bucket, order):
    found = {key: claim(s3, bucket, key) for key in order}
    assert len(set(found.values())) == len(SIBLINGS)
    assert found[order[0]] in ("result/p/a", "result/p/a.mov")
    assert {key: claim(s3, bucket, key) for key in reversed(order)} == found, "asked again, nothing changes"


def test_uploads_at_once_get_different_names_and_a_duplicate_event_the_same(server, s3, bucket):
    keys = [f"start/a.{suffix}" for suffix in ("mp4", "mov", "mkv", "avi")] * 4

    def claimed(key):
        return key, claim(client_for(server.endpoint), bucket, key)

    with ThreadPoolExecutor(len(keys)) as pool:
        found = set(pool.map(claimed, keys))
    assert len(found) == len({base for _, base in found}) == 4
    assert "result/a" in {base for _, base in found}


def leave(s3, bucket, name, report):
    body = report if isinstance(report, bytes) else json.dumps({"schema": 1, "execution": "x", **report}).encode()
    s3.put_object(Bucket=bucket, Key=f"result/{name}", Body=body)


MANIFEST = {"source": {"bucket": "b", "key": "start/a.mp4", "version_id": None}}


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("a.json", MANIFEST),
        ("a.error.json", {"video": "s3://b/start/a.mp4"}),
        ("a.error.json", {"source": {"key": "start/a.error.mp4"}}),
        ("a.json", b"not a report"),
        ("a.json", b'{"mine": 1}'),
    ],
)
def test_results_from_before_there_were_claims_stay(s3, bucket, name, report):
    leave(s3, bucket, name, report)
    assert claim(s3, bucket, "start/a.mov") == "result/a.mov"
    s3.delete_object(Bucket=bucket, Key=f"result/{name}")
    assert claim(s3, bucket, "start/a.mov") == "result/a.mov", "a name never changes"


def test_an_uploads_own_results_from_before_there_were_claims_are_replaced(s3, bucket):
    leave(s3, bucket, "a.json", MANIFEST)
    leave(s3, bucket, "a.error.json", {"video": "s3://b/start/a.mov"})
    assert claim(s3, bucket, "start/a.mov") == "result/a.mov"
    assert claim(s3, bucket, "start/a.mp4") == "result/a"


class Answers:
    """An S3 whose PutObject answers with errors first, and that has no permission to list."""

    def __init__(self, *codes):
        self.codes, self.objects = list(codes), {}

    def get_object(self, Bucket, Key):
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return {"Body": type("Body", (), {"read": lambda _: self.objects[Key]})()}

    def put_object(self, Bucket, Key, Body, **given):
        assert given["IfNoneMatch"] == "*"
        if self.codes:
            raise ClientError({"Error": {"Code": self.codes.pop(0)}}, "PutObject")
        self.objects[Key] = Body


def test_a_conflict_is_tried_again():
    s3 = Answers("ConditionalRequestConflict")
    assert claim(s3, "b", "start/a.mov") == "result/a"
    assert s3.objects == {"names/a": b'{"key": "start/a.mov"}'}


def test_what_never_settles_and_what_is_forbidden_are_errors():
    with pytest.raises(NameNotClaimed, match=r"'names/a' in b could neither be written nor read"):
        claim(Answers(*["PreconditionFailed"] * 9), "b", "start/a.mov")
    with pytest.raises(ClientError, match="AccessDenied"):
        claim(Answers("AccessDenied"), "b", "start/a.mov")
