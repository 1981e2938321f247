"""Small files that would cost hours, and files that are no film."""

from tests.corpus.kinds import lies
from tests.corpus.parametrised import each_case


@each_case(lies.KIND)
def test_it_ends_with_a_named_error(case, faults_of):
    assert faults_of(case) == []
