"""The results of a video of five frames, as a run leaves them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from avflow.workflow.reports import DetectionSummary, ModelEntry
from tests.reports import manifest

#: by frame: class, confidence, box, track. One object has no track, one frame no objects
FRAMES = (
    (("person", 0.9, (10.0, 20.0, 30.0, 40.5), 1), ("car", 0.8, (100.5, 50.0, 60.0, 30.0), 2)),
    (("person", 0.91, (12.0, 20.0, 30.0, 40.0), 1), ("dog", 0.3, (0.0, 0.0, 20.0, 10.0), None)),
    (),
    (("car", 0.7, (104.0, 50.0, 60.0, 30.0), 2), ("person", 0.6, (16.0, 20.0, 30.0, 40.0), 1)),
    (("person", 0.5, (140.0, 60.0, 20.0, 60.0), 3),),
)


@pytest.fixture
def results(tmp_path):
    """Writes results. The folder has other files too."""

    def write(frames=FRAMES, *, base="film", model=None, size=(160, 120)):
        classes = [found[0] for frame in frames for found in frame]
        counted = {name: classes.count(name) for name in dict.fromkeys(classes)}
        summary = DetectionSummary(len(frames), 0, "25/1", size, "none", counted, counted, {})
        detector = model or ModelEntry("detector", "yolov3-tiny", "yolov3", ())
        report = replace(manifest([]), detections=summary, models={"detector": detector})
        (tmp_path / f"{base}.json").write_text(json.dumps(report.to_dict()), encoding="utf-8")
        with (tmp_path / f"{base}.detections.jsonl").open("w", encoding="utf-8") as file:
            for number, frame in enumerate(frames):
                objects = [
                    {"class": name, "confidence": confidence, "box": list(box)} | ({"track": track} if track else {})
                    for name, confidence, box, track in frame
                ]
                line = {"frame": number, "time": number / 25, "objects": objects}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        (tmp_path / f"{base}.srt").write_text("")
        return tmp_path / f"{base}.json"

    return write
