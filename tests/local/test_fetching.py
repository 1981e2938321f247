"""What a download leaves in the folder: the whole file, or what was there before, also in the middle of one."""

from pathlib import Path

import pytest

from avflow.workflow.layout import VideoRef
from avflow_cli.fetching import OutputUnusable, fetched, sizes_of
from avflow_cli.output import Output
from tests.s3_fixtures import bucket, s3, server  # noqa: F401 - fixtures


def test_all_objects_of_a_prefix_are_found(s3, bucket):  # noqa: F811
    for number in range(1005):  # a page has 1000
        s3.put_object(Bucket=bucket, Key=f"result/film/{number:04}", Body=b"x")
    s3.put_object(Bucket=bucket, Key="result/other", Body=b"x")
    found = sizes_of(s3, bucket, "result/film")
    assert len(found) == 1005 and {*found.values()} == {1} and "result/other" not in found


class Interrupted:
    """An S3 client whose download is interrupted after the first bytes."""

    def __init__(self, s3):  # noqa: F811
        self.get_paginator, self.list_objects_v2 = s3.get_paginator, s3.list_objects_v2

    def download_file(self, bucket, key, path):  # noqa: F811
        with Path(path).open("wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt


def test_an_interrupted_run_keeps_the_results_of_the_run_before(s3, bucket, tmp_path):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="result/film.srt", Body=b"first")
    s3.put_object(Bucket=bucket, Key="result/film.json", Body=b'{"schema": 1, "execution": "a"}')
    video, reference = tmp_path / "film.mkv", VideoRef(bucket, "start/film.mkv", "a")
    video.write_bytes(b"film")
    output = Output(tmp_path / "out", video)
    before = {path.name: path.read_bytes() for path in output.fetch(s3, reference)}
    assert before["film.srt"] == b"first"
    with pytest.raises(KeyboardInterrupt):
        output.fetch(Interrupted(s3), reference)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_folder_that_can_not_be_written_is_named(s3, bucket, tmp_path):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="result/film.srt", Body=b"words")
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(OutputUnusable, match=r"file/film\.srt can't be written: "):
        fetched(s3, bucket, "result/film.srt", tmp_path / "file" / "film.srt")
