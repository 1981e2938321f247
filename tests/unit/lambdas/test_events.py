"""Events of any shape: the video of the event, or an error by name."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avflow.workflow.layout import VideoRef
from lambdas.start.naming import EventInvalid, video_of
from lambdas.start.result_names import candidates

KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=300).map(lambda name: f"start/{name}")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
PARTS = ("detail", "bucket", "object", "name", "key", "version-id", "etag", "sequencer", "size")
NESTED = st.recursive(JSON, lambda inner: st.dictionaries(st.sampled_from(PARTS), inner, max_size=6), max_leaves=20)


def created(key, **more):
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": "bucket"}, "object": {"key": key, **more}}}


@settings(max_examples=50)
@given(NESTED | st.builds(lambda detail: {"detail": detail}, NESTED))
@example({"detail": {"bucket": {"name": "b"}, "object": {"key": 1}}})
@example({"detail": {"bucket": {"name": "b"}, "object": {"key": "a", "etag": None, "sequencer": 1}}})
@example({"detail": {"bucket": [], "object": "key"}})
def test_any_json_is_a_video_or_an_error_by_name(event):
    try:
        video = video_of(event)
    except EventInvalid as error:
        assert "Object Created" in str(error)
        return
    assert isinstance(video["bucket"], str) and isinstance(video["key"], str)


@settings(max_examples=50)
@given(KEYS, st.none() | st.text(min_size=1, max_size=40), st.none() | st.integers(0, 2**43))
def test_what_the_event_says_reaches_the_steps(key, version, size):
    object_ = {name: value for name, value in (("version-id", version), ("size", size)) if value is not None}
    event = json.loads(json.dumps(created(key, **object_)))
    video = video_of(event)
    base = next(iter(candidates(key)))
    ref = VideoRef.from_dict(json.loads(json.dumps({**video, "base": base})))
    assert (ref.bucket, ref.key, ref.version_id, ref.size, ref.base) == ("bucket", key, version, size, base)
    assert video_of(event) == video


@settings(max_examples=50)
@given(KEYS)
def test_no_key_of_a_run_is_too_long_or_that_of_another(key):
    ref = VideoRef("bucket", key, "a" * 80, base=next(iter(candidates(key))))
    keys = [ref.media_json, ref.wav(1), ref.converted, ref.joined, ref.boxed(1), ref.detections(1)]
    keys += [ref.part_json("yolov3", 1), ref.step_error_json("merge"), ref.result(".avi"), ref.result(".error.json")]
    assert len(set(keys)) == len(keys)
    assert all(len(each.encode()) <= 1024 for each in keys)
    assert 0 < len(ref.scratch_name.encode()) <= 255 and "/" not in ref.scratch_name and "\0" not in ref.scratch_name


@pytest.mark.parametrize("key", ["start/" + "a" * 1018, "start/" + "é" * 500 + ".mp4"])
def test_the_longest_key_has_intermediates_too(key):
    ref = VideoRef("bucket", key, "a" * 80)
    assert all(len(each.encode()) <= 1024 for each in (ref.joined, ref.converted, ref.wav(0), ref.boxed(0)))
