"""The JSON that the steps write for each other and for users: the same as before, byte for byte."""

import json
from pathlib import Path

import pytest

from avflow.annotation.detections import FrameDetections
from avflow.workflow.reports import Manifest, MediaReport, SegmentReport, SpanReport, StepError, WorkflowPlan
from avflow.workflow.storage import ObjectStore
from scripts import schemas
from tests.schemas import validate

#: objects of real runs, from before the reports were dataclasses
GOLDEN = Path(__file__).with_name("golden")
KINDS = {
    "media.json": MediaReport,
    "plan.json": WorkflowPlan,
    "yolov3-0000.json": SegmentReport,
    "audio2srt-0000.json": SpanReport,
    "step-error.json": StepError,
    "manifest.json": Manifest,
    "manifest-parts.json": Manifest,
    "manifest-audio.json": Manifest,
}


class Objects:
    """A store that keeps what is written."""

    def put_object(self, **asked):
        self.body = asked["Body"]


@pytest.mark.parametrize("name", KINDS)
def test_a_report_that_is_read_and_written_is_the_same_byte_for_byte(name):
    text = (GOLDEN / name).read_bytes()
    s3 = Objects()
    ObjectStore("bucket", s3).write("key.json", KINDS[name].from_dict(json.loads(text)))
    assert s3.body == text


def test_a_line_of_detections_is_the_same_byte_for_byte():
    for line in (GOLDEN / "detections.jsonl").read_text(encoding="utf-8").splitlines():
        validate(json.loads(line), "detections-line")
        assert json.dumps(FrameDetections.from_dict(json.loads(line)).to_dict(), ensure_ascii=False) == line


def test_what_a_newer_release_adds_is_ignored():
    fields = json.loads((GOLDEN / "media.json").read_text(encoding="utf-8"))
    fields["input"]["picture"]["stereo"] = True
    assert MediaReport.from_dict(fields | {"more": 1}).input.video.codec == "h264"


# ---------------------------------------------------------------- JSON Schema
@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_the_schemas_are_as_scripts_schemas_writes_them(name):
    assert (schemas.FOLDER / f"{name}.schema.json").read_text(encoding="utf-8") == schemas.written(name)


@pytest.mark.parametrize("name", ["manifest.json", "manifest-parts.json", "manifest-audio.json"])
def test_manifests_are_what_their_schema_says(name):
    manifest = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    validate(manifest, "manifest")
    with pytest.raises(ValueError, match="'1' is not of type 'number'"):
        validate(manifest | {"steps": [{**manifest["steps"][0], "seconds": "1"}]}, "manifest")
    with pytest.raises(ValueError, match="'cost' is a required property"):
        validate({key: value for key, value in manifest.items() if key != "cost"}, "manifest")


def test_error_reports_are_what_their_schema_says():
    validate(json.loads((GOLDEN / "error-report.json").read_text(encoding="utf-8")), "error-report")
