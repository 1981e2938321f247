"""The name of an execution shows its video, and a duplicate event gets the same name."""

import re

from hypothesis import given
from hypothesis import strategies as st

from lambdas.start.naming import execution_name, video_of


@given(st.text(), st.text())
def test_any_file_gets_a_name_step_functions_takes(filename, version):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", execution_name(filename, version))


def test_the_file_is_recognised_in_the_console():
    assert re.fullmatch(r"my_video-mkv-[0-9a-f]{16}", execution_name("my_video.mkv", "v1"))


def test_one_version_has_one_name_and_another_version_another():
    assert execution_name("a.mkv", "v1") == execution_name("a.mkv", "v1")
    assert execution_name("a.mkv", "v1") != execution_name("a.mkv", "v2")


def created(**object_):
    """The name of the execution for an event about an object with the same bytes."""
    found = {"key": "start/a.mkv", "size": 5, "etag": "5d41402abc4b2a76b9719d911017c592", **object_}
    return video_of({"detail": {"bucket": {"name": "bucket"}, "object": found}})["execution"]


def test_other_metadata_are_another_version_and_another_execution():
    """Metadata are no part of the event. S3 can't change them without a new version, or at least a new event."""
    assert created(**{"version-id": "v1"}) == created(**{"version-id": "v1", "sequencer": "2"})
    assert created(**{"version-id": "v1"}) != created(**{"version-id": "v2"})
    assert created(sequencer="1") == created(sequencer="1") != created(sequencer="2")
