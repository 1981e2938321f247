"""The table of cases itself."""

from tests.corpus.kinds import ALL
from tests.corpus.not_yet import NOT_YET


def test_each_case_has_a_name_of_its_own():
    ids = [case.id for case in ALL]
    assert len(ids) == len(set(ids))


def test_only_cases_are_listed_as_not_yet_right():
    assert set(NOT_YET) <= {case.id for case in ALL}
