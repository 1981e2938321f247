"""Objects of the embedded S3, through boto3: what is put comes back, conditions hold, errors have S3's codes."""

from __future__ import annotations

import base64
import hashlib
import http.client
import zlib
from typing import Any

import pytest

from tests.s3_server import S3Server, client_for, error_of, signed_headers

HOSTILE_KEYS = [
    "start/my video.mkv",
    'it\'s "quoted" & <tagged>',
    "a#fragment?query=1&x=%2F",
    "100%",
    "%41",
    "a+b c",
    "Übung/naïve.mkv",
    "日本語/🎬🎉.mkv",
    "--rf",
    "../../etc/passwd",
    "a/../b",
    "./c",
    "..",
    "a//b",
    "/leading",
    "trailing/",
    "back\\slash",
    "tab\tand\nnewline\rreturn",
    "x" * 1024,
    "é" * 512,
    "a",
    "a/b",
    "a/b/c",
    "nul\x01control",
    "\ufffe",
]


def test_keys_that_differ_in_case_or_composition_only_are_other_objects(s3: Any, bucket: str) -> None:
    keys = ["start/caf\u00e9.mp4", "start/cafe\u0301.mp4", "start/CAF\u00c9.mp4", "start/Cafe\u0301.mp4"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert sorted(found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]) == sorted(keys)
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_object_comes_back_with_everything_it_was_put_with(s3: Any, bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"hello world",
        ContentType="video/x-matroska",
        CacheControl="no-cache",
        ContentDisposition='attachment; filename="x.mkv"',
        ContentEncoding="identity",
        Metadata={"Camera": "phone", "under_score": "kept", "dash-ed": "1, 2"},
        Tagging="purpose=test&empty=",
        StorageClass="STANDARD_IA",
    )
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"hello world"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"hello world").hexdigest()}"'
    assert (got["ContentType"], got["CacheControl"]) == ("video/x-matroska", "no-cache")
    assert (got["ContentDisposition"], got["ContentEncoding"]) == ('attachment; filename="x.mkv"', "identity")
    assert got["Metadata"] == {"camera": "phone", "under_score": "kept", "dash-ed": "1, 2"}
    assert (got["ContentLength"], got["TagCount"], "VersionId" in got) == (11, 2, False)
    head = s3.head_object(Bucket=bucket, Key="k")
    for name in ("ContentLength", "ContentType", "ETag", "LastModified", "Metadata", "TagCount"):
        assert head[name] == got[name]


def test_default_content_type_and_empty_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["Body"].read(), got["ContentType"], got["ContentLength"]) == (b"", "binary/octet-stream", 0)
    assert error_of(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == ("InvalidRange", 416)


def test_hostile_keys_stay_apart_and_inside(s3: Any, server: S3Server, bucket: str) -> None:
    before = {path for path in server.folder.parent.rglob("*") if "blobs" not in path.parts}
    for key in HOSTILE_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in HOSTILE_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(HOSTILE_KEYS, key=str.encode)
    assert {path for path in server.folder.parent.rglob("*") if "blobs" not in path.parts} == before
    assert all(name.isalnum() for name in server.content_files())
    for key in HOSTILE_KEYS:
        s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_key_too_long(s3: Any, bucket: str) -> None:
    assert error_of(s3.put_object, Bucket=bucket, Key="é" * 513, Body=b"") == ("KeyTooLongError", 400)


@pytest.mark.parametrize(
    ("header", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=7-99", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-2", b"0123456789", None),
        ("lines=1-2", b"0123456789", None),
    ],
)
def test_ranges(s3: Any, bucket: str, header: str, content: bytes, content_range: str | None) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert (got["Body"].read(), got.get("ContentRange")) == (content, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if content_range else 200)


def test_a_range_has_no_checksum_of_the_whole(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789", ChecksumAlgorithm="CRC32")
    whole = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    part = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED", Range="bytes=2-4")
    assert whole["ChecksumCRC32"]
    assert not [name for name in part if name.startswith("Checksum")]
    assert (part["Body"].read(), part["ETag"]) == (b"234", whole["ETag"])


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_unsatisfiable_ranges(s3: Any, bucket: str, header: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert error_of(s3.get_object, Bucket=bucket, Key="k", Range=header) == ("InvalidRange", 416)


def test_conditional_reads(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    k = {"Bucket": bucket, "Key": "k"}
    assert s3.get_object(**k, IfMatch=etag)["Body"].read() == b"x"
    assert s3.get_object(**k, IfNoneMatch='"other"')["Body"].read() == b"x"
    assert error_of(s3.get_object, **k, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert error_of(s3.get_object, **k, IfNoneMatch=etag) == ("304", 304)
    assert error_of(s3.head_object, **k, IfNoneMatch=etag) == ("304", 304)
    assert error_of(s3.get_object, **k, IfModifiedSince=modified) == ("304", 304)
    assert error_of(s3.get_object, **k, IfUnmodifiedSince="2001-01-01") == ("PreconditionFailed", 412)
    assert s3.get_object(**k, IfUnmodifiedSince=modified)["Body"].read() == b"x"


def test_conditional_writes(s3: Any, bucket: str) -> None:
    k = {"Bucket": bucket, "Key": "k"}
    assert error_of(s3.put_object, **k, Body=b"0", IfMatch='"any"') == ("NoSuchKey", 404)
    etag = s3.put_object(**k, Body=b"1", IfNoneMatch="*")["ETag"]
    assert error_of(s3.put_object, **k, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert error_of(s3.put_object, **k, Body=b"2", IfMatch='"other"') == ("PreconditionFailed", 412)
    s3.put_object(**k, Body=b"3", IfMatch=etag)
    assert s3.get_object(**k)["Body"].read() == b"3"
    assert error_of(s3.delete_object, **k, IfMatch=etag) == ("PreconditionFailed", 412)


def test_response_overrides_and_presigned_url(s3: Any, server: S3Server, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    got = s3.get_object(Bucket=bucket, Key="a b", ResponseContentType="text/plain", ResponseCacheControl="private")
    assert (got["ContentType"], got["CacheControl"]) == ("text/plain", "private")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"})
    answer = server.send("GET", url.removeprefix(server.endpoint), None, {})
    assert (answer.status, answer.read()) == (200, b"x")


def test_a_query_cannot_forge_headers(s3: Any, server: S3Server, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    forged = "response-content-type=text%2Fplain%0D%0AX-Forged%3A%20yes&response-content-language=%E2%82%AC"
    answer = server.raw("GET", f"/{bucket}/k?{forged}")
    assert (answer.status, answer.read(), answer.getheader("X-Forged")) == (200, b"x", None)
    answer = server.raw("DELETE", f"/{bucket}/k?versionId=a%0D%0AX-Forged%3A%20yes")
    assert (answer.status, answer.getheader("X-Forged")) == (204, None)


def test_missing_things_have_their_codes(s3: Any, bucket: str) -> None:
    nowhere = "no-such-bucket-here"
    assert error_of(s3.get_object, Bucket=bucket, Key="no") == ("NoSuchKey", 404)
    assert error_of(s3.head_object, Bucket=bucket, Key="no") == ("404", 404)
    assert error_of(s3.get_object, Bucket=nowhere, Key="no") == ("NoSuchBucket", 404)
    assert error_of(s3.put_object, Bucket=nowhere, Key="no", Body=b"x" * 3_000_000) == ("NoSuchBucket", 404)
    assert error_of(s3.list_objects_v2, Bucket=nowhere) == ("NoSuchBucket", 404)
    assert error_of(s3.get_object, Bucket=bucket, Key="no", VersionId="x") == ("NoSuchVersion", 404)
    assert error_of(s3.get_object_acl, Bucket=bucket, Key="no") == ("NotImplemented", 501)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="no")
    s3.delete_object(Bucket=bucket, Key="no")


def test_wrong_digests_are_refused_and_leave_nothing(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    wrong_md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    wrong_crc = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    k = {"Bucket": bucket, "Key": "k", "Body": b"content"}
    assert error_of(s3.put_object, **k, ContentMD5=wrong_md5) == ("BadDigest", 400)
    assert error_of(s3.put_object, **k, ContentMD5="nonsense") == ("InvalidDigest", 400)
    assert error_of(s3.put_object, **k, ChecksumCRC32=wrong_crc) == ("BadDigest", 400)
    answer = server.raw("PUT", f"/{bucket}/k", b"content", x_amz_content_sha256="0" * 64)
    assert (answer.status, b"XAmzContentSHA256Mismatch" in answer.read()) == (400, True)
    assert error_of(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)
    assert server.settles_to(files)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept(s3: Any, bucket: str, algorithm: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"content", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"content"
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["ChecksumType"] == "FULL_OBJECT"


def _chunks(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"


@pytest.mark.parametrize("encoding_header", [True, False])
def test_aws_chunked_bodies_are_decoded(s3: Any, server: S3Server, bucket: str, encoding_header: bool) -> None:
    content = bytes(range(256)) * 9000
    crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big"))
    body = _chunks(content[:70_000], content[70_000:]) + b"x-amz-checksum-crc32:" + crc + b"\r\n\r\n"
    headers = {
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x_amz_trailer": "x-amz-checksum-crc32",
        "x_amz_decoded_content_length": str(len(content)),
        **({"Content_Encoding": "gzip,aws-chunked"} if encoding_header else {}),
    }
    answer = server.raw("PUT", f"/{bucket}/k", body, **headers)
    assert (answer.status, answer.read()) == (200, b"")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == content
    assert got.get("ContentEncoding") == ("gzip" if encoding_header else None)
    answer = server.raw("PUT", f"/{bucket}/k", body.replace(crc, b"AAAAAA=="), **headers)
    assert (answer.status, b"<Code>BadDigest</Code>" in answer.read()) == (400, True)
    headers["x_amz_decoded_content_length"] = "5"
    answer = server.raw("PUT", f"/{bucket}/k", body, **headers)
    assert (answer.status, b"<Code>IncompleteBody</Code>" in answer.read()) == (400, True)


def test_chunked_transfer_encoding(s3: Any, server: S3Server, bucket: str) -> None:
    answer = server.raw("PUT", f"/{bucket}/k", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    assert (answer.status, answer.read()) == (200, b"")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello world"


def test_a_body_needs_a_length(server: S3Server, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("PUT", f"/{bucket}/k")
    for name, value in signed_headers("PUT", f"{server.endpoint}/{bucket}/k", {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"<Code>MissingContentLength</Code>" in answer.read()) == (411, True)


def test_unsigned_payload(server: S3Server, bucket: str) -> None:
    unsigned = client_for(
        server.endpoint, s3={"payload_signing_enabled": False}, request_checksum_calculation="when_required"
    )
    unsigned.put_object(Bucket=bucket, Key="k", Body=b"x" * 2_000_000)
    assert unsigned.head_object(Bucket=bucket, Key="k")["ContentLength"] == 2_000_000


def test_copy(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "a/ü +%.mkv"}
    s3.put_object(**source, Body=b"content", Metadata={"m": "1"}, ContentType="video/mp4", Tagging="t=1")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"content", {"m": "1"}, "video/mp4")
    assert (got["TagCount"], got["ETag"]) == (1, copied["ETag"])
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"n": "2"}, "TaggingDirective": "REPLACE"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **replaced)
    s3.delete_object(**source)
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["Body"].read(), got["Metadata"], got.get("TagCount")) == (b"content", {"n": "2"}, None)
    itself = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/copy"}
    assert error_of(s3.copy_object, **itself) == ("InvalidRequest", 400)
    s3.copy_object(**itself, MetadataDirective="REPLACE", ContentType="text/plain")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"content"
    assert error_of(s3.copy_object, **itself, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    missing = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/gone"}
    assert error_of(s3.copy_object, **missing) == ("NoSuchKey", 404)


def test_delete_objects_and_content_files_go_too(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    for key in ("a", "b&<c>", "d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_object(Bucket=bucket, Key="a", Body=b"overwritten")
    assert len(server.content_files() - files) == 3
    wanted = [{"Key": "a"}, {"Key": "b&<c>"}, {"Key": "never there"}]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})["Deleted"]
    assert [item["Key"] for item in deleted] == ["a", "b&<c>", "never there"]
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "d"}], "Quiet": True})
    assert server.settles_to(files)


def test_object_tagging(s3: Any, bucket: str) -> None:
    k = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**k, Body=b"x", Tagging="a=1")
    assert s3.get_object_tagging(**k)["TagSet"] == [{"Key": "a", "Value": "1"}]
    tags = [{"Key": "b", "Value": "ü <&>"}, {"Key": "c", "Value": ""}]
    s3.put_object_tagging(**k, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(**k)["TagSet"] == tags
    s3.delete_object_tagging(**k)
    assert s3.get_object_tagging(**k)["TagSet"] == []
    many = [{"Key": str(number), "Value": ""} for number in range(11)]
    assert error_of(s3.put_object_tagging, **k, Tagging={"TagSet": many}) == ("InvalidTag", 400)
