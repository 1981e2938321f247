"""`avflow.process` makes the same files as a run of the workflow."""

import hashlib
import json
import re

import av
import pytest

from avflow import process
from tests.e2e.conftest import SAMPLE
from tests.result_sets import ALL, named

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(sample_run, tmp_path_factory):
    """The results of the sample with the models of the run."""
    models = {role: found["name"] for role, found in sample_run.json("my_video.json")["models"].items()}
    folder = tmp_path_factory.mktemp("python")
    return process(SAMPLE, folder, model=models["detector"], speech_model=models["speech"])


def page(path):
    """The data of a result page."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(found[1])


def streams(path):
    """The packets of each stream, by hash."""
    with av.open(str(path)) as container:
        found = {stream.index: (stream.codec_context.name, hashlib.sha256()) for stream in container.streams}
        for packet in container.demux():
            found[packet.stream_index][1].update(bytes(packet))
    return [(name, content.hexdigest()) for name, content in found.values()]


def test_all_files_are_there_but_the_manifest(done):
    assert {path.name for path in done.paths} == named("my_video", ALL - {".json"})


@pytest.mark.parametrize(
    "suffix", [".detections.jsonl", ".srt", ".vtt", ".txt", ".transcript.json", ".jpg", ".contact.jpg"]
)
def test_files_have_the_same_bytes(done, sample_run, suffix):
    ours, theirs = (folder / f"my_video{suffix}" for folder in (done.page.parent, sample_run.folder))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_videos_have_the_same_streams(done, sample_run, suffix):
    ours, theirs = (folder / f"my_video{suffix}" for folder in (done.page.parent, sample_run.folder))
    assert streams(ours) == streams(theirs)


def test_the_page_says_the_same_but_for_the_run(done, sample_run):
    ours, theirs = page(done.page), page(sample_run.folder / "my_video.html")
    for data in (ours, theirs):
        data["files"] = {file["name"] for file in data["files"]} - {"my_video.json"}
        for name in ("steps", "cost", "costOf"):
            del data[name]
    assert ours == theirs
