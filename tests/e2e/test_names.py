"""Names through the real workflow: no upload's results replace another's, and every upload gets its report."""

import json
import re

import pytest

from tests.e2e.conftest import SAMPLE, ffmpeg, run_video, started
from tests.result_sets import OF_VIDEO, named

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
LONG = ("d" * 200 + "/") * 4 + "ü" * 100 + ".mp4"  # a key of 1014 bytes
LONGEST = "start/" + "n" * 1014 + ".mp4"
NO_MEDIA = [
    "start/p/a.mp4",
    "start/p/a.mov",
    "start/p/a.MP4",
    "start/p/x.error.mp4",
    "start/p/x.mp4",
    "start/" + LONG,
    LONGEST,
    "start/esc\x1b[31m\x9b2J\u202e.mp4",
]


def clip(path):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=5:d=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
    return path


def test_each_upload_has_its_own_error_report_and_names_it_again(tmp_path):
    (tmp_path / "list.mp4").write_text("a list of things to do\n" * 20)
    with started() as up:
        s3 = up.client("s3")
        for key in [*NO_MEDIA, "start/p/a.mov"]:
            up.process_video(tmp_path / "list.mp4", key)
        listed = s3.list_objects_v2(Bucket=up.bucket, Prefix="result/")["Contents"]
        found = {}
        for each in listed:
            body = s3.get_object(Bucket=up.bucket, Key=each["Key"])["Body"].read().decode()
            assert not CONTROL.search(body)
            report = json.loads(body)
            assert report["error"] == "InvalidMediaUnreadable"
            found[report["video"].removeprefix(f"s3://{up.bucket}/")] = each["Key"]
            assert len(each["Key"].encode()) <= 1024
            assert len(each["Key"].rpartition("/")[2].encode()) <= 255
        assert set(found) == set(NO_MEDIA)
        assert len(listed) == len(NO_MEDIA), "the second upload of a.mov replaced its own report"
        assert found["start/p/a.mp4"] == "result/p/a.error.json"
        assert found["start/p/a.mov"] == "result/p/a.mov.error.json"
        assert found["start/p/x.error.mp4"] == "result/p/x.error.mp4.error.json"
        assert found["start/p/x.mp4"] == "result/p/x.error.json"


@pytest.mark.slow
def test_two_commands_into_one_folder_keep_both_manifests(tmp_path):
    out, names = tmp_path / "out", ("my.error.mp4", "my.mp4", "my.mov")
    for name in names:
        run = run_video(clip(tmp_path / name), out)
        assert run.status == 0, run.err
    manifests = {path.name: json.loads(path.read_text()) for path in out.glob("*.json")}
    assert {name: manifest["source"]["key"] for name, manifest in manifests.items()} == {
        "my.error.mp4.json": "start/my.error.mp4",
        "my.json": "start/my.mp4",
        "my.mov.json": "start/my.mov",
    }
    for name, manifest in manifests.items():
        stem = name.removesuffix(".json")
        assert set(manifest["results"]) == named(f"result/{stem}", OF_VIDEO)
        assert (out / f"{stem}.avi").exists()


def test_the_longest_name_of_a_file_with_control_codes(tmp_path):
    name = "\x1b]0;owned\x07\x1b[2J" + "é" * 115 + ".mkv"
    assert 240 < len(name.encode()) <= 255
    (tmp_path / name).write_bytes(SAMPLE.read_bytes()[:400_000])
    run = run_video(tmp_path / name, tmp_path / "out")
    assert "InvalidMediaTruncated" in run.err
    assert not CONTROL.search(run.out + run.err)
    assert sorted(found.rpartition(".error.")[2] for found in run.files) == ["json", "log"]
