"""Speech in some channels only, very quiet or too loud, and sound without speech."""

from tests.corpus.kinds import channels
from tests.corpus.parametrised import each_case


@each_case(channels.KIND)
def test_what_a_person_hears_is_subtitled(case, faults_of):
    assert faults_of(case) == []
