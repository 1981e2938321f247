"""Several tracks of sound or picture."""

from tests.corpus.kinds import tracks
from tests.corpus.parametrised import each_case


@each_case(tracks.KIND)
def test_the_film_and_its_sound_are_found(case, faults_of):
    assert faults_of(case) == []
