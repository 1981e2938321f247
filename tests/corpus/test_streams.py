"""One stream that can't be decoded, is damaged, empty or late."""

from tests.corpus.kinds import streams
from tests.corpus.parametrised import each_case


@each_case(streams.KIND)
def test_it_does_not_cost_the_other(case, faults_of):
    assert faults_of(case) == []
