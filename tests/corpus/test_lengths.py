"""Lengths that the header does not know or tells wrongly."""

from tests.corpus.kinds import lengths
from tests.corpus.parametrised import each_case


@each_case(lengths.KIND)
def test_what_is_there_is_processed(case, faults_of):
    assert faults_of(case) == []
