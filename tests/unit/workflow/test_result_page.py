"""The result page says what the manifest says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from avflow.media.notices import Notice
from avflow.page import Presence
from avflow.results.names import WORDS
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Word
from avflow.tracking import Tracked
from avflow.workflow import result_page
from avflow.workflow.layout import RESULT_SUFFIXES, VideoRef
from avflow.workflow.reports import Manifest, ResultFile, SpeechSummary
from avflow.workflow.spoken import Spoken
from avflow.workflow.videos import Made

VIDEO = VideoRef("bucket", "start/trip/my_video.mkv", "run-1")
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def manifest() -> Manifest:
    found = Manifest.from_dict(json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8")))
    assert found.detections is not None
    files = tuple(ResultFile(VIDEO.result(suffix), 10, "0" * 64, "x/y") for suffix in (".avi", ".mp4", ".srt"))
    return replace(
        found,
        detections=replace(found.detections, objects={"dog": 5}, frames_with={"dog": 4}, unique={"dog": 2}),
        files=files,
        results=tuple(file.key for file in files),
        warnings=(Notice("Truncated", "3 s are missing."),),
    )


def shown(manifest: Manifest, folder: Path, *, said: Spoken | None = None, seen: Made | None = None):
    page = result_page.make(VIDEO, manifest, said, seen, folder).read_text(encoding="utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_it_shows_what_was_detected_said_and_done(manifest, tmp_path):
    presence = Presence(4)
    presence.add(1, ["dog"])
    seen = Made({}, Tracked(4, {"dog": 2}), presence, None)
    words = (Word(0, 0.5, "Hello"), Word(0.5, 1, "you."))
    said = Spoken({}, SpeechSummary("en", 1, 2, "en"), tmp_path, [(Cue(0, 1, "Hello you."), words)])
    data = shown(manifest, tmp_path, said=said, seen=seen)
    assert (data["title"], data["video"], data["bins"], data["shown"]) == ("my_video.mkv", "my_video.mp4", 4, 1)
    assert data["classes"] == [{"name": "dog", "objects": 5, "frames": 4, "unique": 2}]
    assert data["cues"] == [[0, 1, "Hello you.", [[0, 0.5, "Hello", 0], [0.5, 1, "you.", 0]]]]
    assert data["warnings"] == ["Truncated: 3 s are missing."]
    assert [(file["name"], file["size"]) for file in data["files"]] == [
        ("my_video.mp4", 10), ("my_video.avi", 10), ("my_video.srt", 10), ("my_video.json", None),
    ]  # fmt: skip
    assert [step["name"] for step in data["steps"]] == [step.name for step in manifest.steps]
    assert data["cost"] == manifest.cost.usd
    assert all(step["where"] for step in data["steps"])
    assert sum(step["cost"] or 0 for step in data["steps"]) <= manifest.cost.usd


def test_an_audio_file_has_no_video_and_no_objects(manifest, tmp_path):
    files = tuple(ResultFile(VIDEO.result(suffix), 10, "0" * 64, "x/y") for suffix in (".srt",))
    data = shown(replace(manifest, detections=None, files=files, results=(files[0].key,)), tmp_path)
    assert (data["video"], data["classes"], data["shown"], data["size"]) == (None, [], 0, None)


def test_every_result_has_words():
    assert set(RESULT_SUFFIXES) - {".error.json", ".html"} < set(WORDS)
