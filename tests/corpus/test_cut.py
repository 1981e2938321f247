"""Files that were cut in the middle."""

from tests.corpus.kinds import cut
from tests.corpus.parametrised import each_case


@each_case(cut.KIND)
def test_it_goes_as_far_as_the_file(case, faults_of):
    assert faults_of(case) == []
