"""The table of cases itself."""

from pathlib import Path

from scripts import uploads_page
from tests.corpus.kinds import ALL, names
from tests.corpus.not_yet import NOT_YET

IDS = [case.id for case in (*ALL, *names.CASES)]


def test_each_case_has_a_name_of_its_own():
    assert len(IDS) == len(set(IDS))


def test_only_cases_are_listed_as_not_yet_right():
    assert set(NOT_YET) <= set(IDS)


def test_the_page_of_uploads_is_current():
    page = Path(uploads_page.ROOT, uploads_page.PAGE)
    assert uploads_page.written(page.read_text(encoding="utf-8")) == page.read_text(encoding="utf-8"), (
        "run python -m scripts.uploads_page"
    )
