"""Large and concurrent transfers of the embedded S3: multipart uploads, races, broken connections, memory."""

from __future__ import annotations

import base64
import errno
import filecmp
import hashlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.s3 import object_operations
from tests.s3_server import KEY, S3Server, client_for, error_of, signed_headers
from tests.waiting import until

PART = 5 << 20


def _pattern(size: int, seed: int) -> bytes:
    return hashlib.shake_128(bytes([seed])).digest(4096) * (size // 4096 + 1)


@pytest.fixture
def parts() -> list[bytes]:
    return [_pattern(PART, 1)[:PART], _pattern(PART, 2)[: PART + 7], b"the end"]


def _upload(s3: Any, bucket: str, key: str, parts: list[bytes], **arguments: Any) -> dict[str, Any]:
    """An upload that only needs completing: the arguments for that."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **arguments)["UploadId"]
    done = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    return {**upload, "MultipartUpload": {"Parts": done}}


def test_multipart_round_trip(s3: Any, bucket: str, parts: list[bytes]) -> None:
    complete = _upload(s3, bucket, "k", parts, Metadata={"m": "1"}, ContentType="video/mp4", Tagging="t=1")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    etag = f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert s3.complete_multipart_upload(**complete)["ETag"] == etag
    content = b"".join(parts)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == content
    assert (got["ETag"], got["Metadata"], got["ContentType"], got["TagCount"]) == (etag, {"m": "1"}, "video/mp4", 1)
    for start, end in [(0, 0), (PART - 2, PART + 1), (PART, 2 * PART + 7), (100, len(content) - 1)]:
        across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end}")
        assert across["Body"].read() == content[start : end + 1]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (parts[1], 3)
    assert error_of(s3.get_object, Bucket=bucket, Key="k", PartNumber=4)[1] == 416
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    s3.delete_object(Bucket=bucket, Key="k")
    copy = s3.get_object(Bucket=bucket, Key="copy")
    assert (copy["Body"].read(), copy["ETag"]) == (content, f'"{hashlib.md5(content).hexdigest()}"')


def test_what_complete_refuses(s3: Any, bucket: str, parts: list[bytes]) -> None:
    complete = _upload(s3, bucket, "k", parts)
    named = complete.pop("MultipartUpload")["Parts"]

    def refusal(chosen: list[dict[str, Any]]) -> tuple[str, int]:
        return error_of(s3.complete_multipart_upload, **complete, MultipartUpload={"Parts": chosen})

    assert refusal([named[1], named[0]]) == ("InvalidPartOrder", 400)
    assert refusal([named[0], {**named[1], "ETag": '"0"'}]) == ("InvalidPart", 400)
    assert refusal([named[0], {**named[1], "PartNumber": 9}]) == ("InvalidPart", 400)
    assert refusal([]) == ("MalformedXML", 400)
    s3.upload_part(**complete, PartNumber=4, Body=b"4")
    etag = s3.upload_part(**complete, PartNumber=4, Body=b"four")["ETag"]
    assert refusal([named[2], {"PartNumber": 4, "ETag": etag}]) == ("EntityTooSmall", 400)
    s3.put_object(Bucket=bucket, Key="k", Body=b"was here first")
    taken = {**complete, "MultipartUpload": {"Parts": named}, "IfNoneMatch": "*"}
    assert error_of(s3.complete_multipart_upload, **taken) == ("PreconditionFailed", 412)
    s3.complete_multipart_upload(**complete, MultipartUpload={"Parts": named})
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == sum(map(len, parts))
    assert refusal(named) == ("NoSuchUpload", 404)


def test_uploads_and_parts_are_listed_and_aborted(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    uploads = [_upload(s3, bucket, key, [b"1", b"22", b"333"]) for key in ("a", "a", "b/1", "b/2")]
    ids = [upload["UploadId"] for upload in uploads]
    one = {"Bucket": bucket, "Key": "a", "UploadId": ids[0]}
    pages = s3.get_paginator("list_parts").paginate(**one, PaginationConfig={"PageSize": 2})
    listed = [(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]]
    assert listed == [(1, 1), (2, 2), (3, 3)]
    for size in (1, 3, 1000):
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [upload["UploadId"] for page in pages for upload in page["Uploads"]] == ids
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [item["Prefix"] for item in rolled["CommonPrefixes"]] == ["b/"]
    assert len(server.content_files() - files) == 12
    for upload in uploads:
        del upload["MultipartUpload"]
        s3.abort_multipart_upload(**upload)
        assert error_of(s3.list_parts, **upload) == ("NoSuchUpload", 404)
        assert error_of(s3.upload_part, **upload, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert server.settles_to(files)


def test_upload_part_copy(s3: Any, bucket: str) -> None:
    content = _pattern(PART + 100, 3)[: PART + 100]
    s3.put_object(Bucket=bucket, Key="source", Body=content)
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    source = {"Bucket": bucket, "Key": "source"}
    whole = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source)["CopyPartResult"]["ETag"]
    some = s3.upload_part_copy(**upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=10-19")
    beyond = {"CopySource": source, "CopySourceRange": f"bytes=10-{PART + 100}"}
    assert error_of(s3.upload_part_copy, **upload, PartNumber=3, **beyond) == ("InvalidArgument", 400)
    done = [{"PartNumber": 1, "ETag": whole}, {"PartNumber": 2, "ETag": some["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == content + content[10:20]


def test_composite_checksum(s3: Any, bucket: str, parts: list[bytes]) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    done, digests = [], b""
    for number, part in enumerate(parts, 1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256")
        digests += hashlib.sha256(part).digest()
        done.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]})
    completed = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    assert completed["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-3"
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumType"] == "COMPOSITE"


def test_a_sparse_file_stays_sparse(s3: Any, server: S3Server, bucket: str, tmp_path: Path) -> None:
    size = 64 << 20
    with (tmp_path / "source").open("wb") as source:
        source.seek(size - 3)
        source.write(b"end")
    occupied = server.occupied()
    s3.upload_file(str(tmp_path / "source"), bucket, "parts")
    with (tmp_path / "source").open("rb") as source:
        s3.put_object(Bucket=bucket, Key="whole", Body=source)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/parts")
    upload = {"Bucket": bucket, "Key": "part copy"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    copied = {"PartNumber": 1, "CopySource": f"{bucket}/whole", "CopySourceRange": f"bytes=1-{size - 1}"}
    done = {"PartNumber": 1, "ETag": s3.upload_part_copy(**upload, **copied)["CopyPartResult"]["ETag"]}
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [done]})
    assert server.occupied() - occupied < size / 4
    for key, length in (("parts", size), ("whole", size), ("copy", size), ("part copy", size - 1)):
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert (len(content), content[:-3].count(0), content[-3:]) == (length, length - 3, b"end")


def test_a_full_disk_is_named(s3: Any, server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = server.content_files()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == ("InsufficientStorage", 507)
    assert server.settles_to(files)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_a_large_object_is_copied_in_parts(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_operations, "MAX_COPY", 10)
    s3.put_object(Bucket=bucket, Key="k", Body=b"eleven byte")
    assert error_of(s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/k") == ("InvalidRequest", 400)


def test_managed_transfer_of_a_file(s3: Any, bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(_pattern(20_000_001, 4)[:20_000_001])
    s3.upload_file(str(source), bucket, "start/my video.mkv", ExtraArgs={"Metadata": {"m": "1"}})
    s3.download_file(bucket, "start/my video.mkv", str(target))
    assert filecmp.cmp(source, target, shallow=False)
    assert s3.head_object(Bucket=bucket, Key="start/my video.mkv")["ETag"].endswith('-3"')
    s3.copy({"Bucket": bucket, "Key": "start/my video.mkv"}, bucket, "copied")
    assert s3.head_object(Bucket=bucket, Key="copied")["ContentLength"] == 20_000_001


def test_if_none_match_lets_exactly_one_win(s3: Any, bucket: str) -> None:
    def put(writer: int) -> int | None:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=bytes([writer]) * 200_000, IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"
            return None
        return writer

    with ThreadPoolExecutor(8) as pool:
        winners = [writer for writer in pool.map(put, range(8)) if writer is not None]
    assert len(winners) == 1
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == bytes(winners) * 200_000


def test_readers_see_one_version_whole_while_writers_replace_it(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    size = 3_000_000
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(size))

    def write(writer: int) -> None:
        for _ in range(5):
            s3.put_object(Bucket=bucket, Key="k", Body=bytes([writer]) * size)

    def read(_: int) -> None:
        for _ in range(8):
            got = s3.get_object(Bucket=bucket, Key="k")
            content = got["Body"].read()
            assert len(content) == size
            assert len(set(content)) == 1
            assert got["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'

    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(write, 1), pool.submit(write, 2), pool.submit(read, 0), pool.submit(read, 0)]:
            result.result()
    s3.delete_object(Bucket=bucket, Key="k")
    assert server.settles_to(files)


def test_a_download_survives_the_deletion_of_its_object(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    content = _pattern(PART, 5)[:PART] * 8
    complete = _upload(s3, bucket, "k", [content, b"last part"])
    s3.complete_multipart_upload(**complete)
    body = s3.get_object(Bucket=bucket, Key="k")["Body"]
    begin = body.read(10)
    s3.delete_object(Bucket=bucket, Key="k")
    assert error_of(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert begin + body.read() == content + b"last part"
    assert server.settles_to(files)


def _request(server: S3Server, method: str, path: str, headers: dict[str, str]) -> bytes:
    """The head of a signed request."""
    signed = {"host": f"127.0.0.1:{server.port}", **signed_headers(method, server.endpoint + path, headers)}
    return (f"{method} {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in signed.items()) + "\r\n").encode()


def test_a_download_that_is_reset_keeps_nothing_of_a_deleted_object(s3: Any, server: S3Server, bucket: str) -> None:
    """Where a connection is reset after the last byte was sent, werkzeug doesn't close the answer's body."""
    files = server.content_files()
    for size in [7] * 10 + [8 * PART]:
        s3.put_object(Bucket=bucket, Key="k", Body=bytes(size))
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
            connection.sendall(_request(server, "GET", f"/{bucket}/k", {}))
            assert connection.recv(1) == b"H"
        s3.delete_object(Bucket=bucket, Key="k")
    assert server.settles_to(files)


def test_an_upload_cut_off_leaves_nothing(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    files = server.content_files()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(_request(server, "PUT", f"/{bucket}/k", {"content-length": "5000000"}) + b"x" * 3_000_000)
        until(lambda: server.content_files() != files)
    assert server.settles_to(files)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"


@pytest.fixture
def server_process(tmp_path: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "local_aws.s3", str(tmp_path / "s3")]
    environment = {**os.environ, **KEY.environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


def _peak_memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_memory_does_not_grow_with_the_object(server_process: tuple[str, int], tmp_path: Path) -> None:
    endpoint, pid = server_process
    s3 = client_for(endpoint)
    s3.create_bucket(Bucket="memory")
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(1_000_000) * 200)
    idle = _peak_memory(pid)
    s3.upload_file(str(source), "memory", "multipart")
    s3.download_file("memory", "multipart", str(target))
    assert filecmp.cmp(source, target, shallow=False)
    with source.open("rb") as whole:
        s3.put_object(Bucket="memory", Key="single", Body=whole)
    for _ in s3.get_object(Bucket="memory", Key="single")["Body"].iter_chunks(1 << 20):
        pass
    assert _peak_memory(pid) - idle < 100_000_000
