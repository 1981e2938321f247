"""Gaps in sound, in picture, or in both."""

from tests.corpus.kinds import gaps
from tests.corpus.parametrised import each_case


@each_case(gaps.KIND)
def test_what_follows_a_gap_is_in_sync(case, faults_of):
    assert faults_of(case) == []
