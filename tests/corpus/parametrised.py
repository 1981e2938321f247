"""The cases of a kind as parameters of a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.corpus.case import Case, Kind
from tests.corpus.kinds.names import NameCase
from tests.corpus.not_yet import NOT_YET

#: seconds for one case; the slowest takes a tenth of it on 2 cores
MOST_SECONDS = 60


def each_case(kind: Kind) -> pytest.MarkDecorator:
    """One test for each case: `make test` runs the quick ones, `make test-slow` the others."""
    return pytest.mark.parametrize("case", [parameter(case) for case in kind.cases])


def each_name(cases: Sequence[NameCase]) -> pytest.MarkDecorator:
    """One test for each case of names. All are quick."""
    return pytest.mark.parametrize("case", [parameter(case) for case in cases])


def parameter(case: Case | NameCase, seconds: float = MOST_SECONDS) -> Any:
    """A case as a parameter of a test, which may take so many seconds."""
    marks = [pytest.mark.corpus, pytest.mark.timeout(seconds)]
    if isinstance(case, Case) and not case.quick:
        marks.append(pytest.mark.slow)
    if case.id in NOT_YET:
        marks.append(pytest.mark.xfail(reason=NOT_YET[case.id], strict=True))
    return pytest.param(case, id=case.id, marks=marks)
