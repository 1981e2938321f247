"""The name of an execution shows its video, and a duplicate event gets the same name."""

import re

from hypothesis import given
from hypothesis import strategies as st

from lambdas.start.naming import execution_name


@given(st.text(), st.text())
def test_any_file_gets_a_name_step_functions_takes(filename, version):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", execution_name(filename, version))


def test_the_file_is_recognised_in_the_console():
    assert re.fullmatch(r"my_video-mkv-[0-9a-f]{16}", execution_name("my_video.mkv", "v1"))


def test_one_version_has_one_name_and_another_version_another():
    assert execution_name("a.mkv", "v1") == execution_name("a.mkv", "v1")
    assert execution_name("a.mkv", "v1") != execution_name("a.mkv", "v2")
