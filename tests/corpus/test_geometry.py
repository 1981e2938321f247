"""Crops, shapes of pixels, rotation, sizes that change."""

from tests.corpus.kinds import geometry
from tests.corpus.parametrised import each_case


@each_case(geometry.KIND)
def test_the_picture_is_what_a_player_shows(case, faults_of):
    assert faults_of(case) == []
