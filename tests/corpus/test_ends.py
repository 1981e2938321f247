"""Sound and picture that begin or end at different times."""

from tests.corpus.kinds import ends
from tests.corpus.parametrised import each_case


@each_case(ends.KIND)
def test_nothing_is_lost_at_the_ends(case, faults_of):
    assert faults_of(case) == []
