"""Speech that isn't English, and English by several voices."""

from tests.corpus.kinds import languages
from tests.corpus.parametrised import each_case


@each_case(languages.KIND)
def test_nothing_is_invented(case, faults_of):
    assert faults_of(case) == []
