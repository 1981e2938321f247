"""Recordings that are appended: the clock starts again or steps."""

from tests.corpus.kinds import clocks
from tests.corpus.parametrised import each_case


@each_case(clocks.KIND)
def test_all_of_it_comes_out_in_sync(case, faults_of):
    assert faults_of(case) == []
