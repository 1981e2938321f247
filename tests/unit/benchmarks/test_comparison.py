"""The costs and the speed that docs/comparison.md tells are those of the code, the sources and the recorded result."""

import re

import pytest

from benchmarks import comparison

TEXT = comparison.PAGE.read_text(encoding="utf-8")


def table(begin, end):
    """The cells of a table between two markers, row by row, without the header."""
    lines = TEXT.partition(begin)[2].partition(end)[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]


def test_the_page_has_the_tables_as_they_are_now():
    assert comparison.page(TEXT) == TEXT


def test_no_price_and_no_time_is_beside_the_tables():
    by_hand = TEXT
    for begin, end in (comparison.COST, comparison.SPEED):
        by_hand = by_hand.partition(begin)[0] + by_hand.partition(end)[2]
    assert re.findall(r"\$\s*\d|USD|\d (?:s|ms|min|minutes|frames/s)\b", by_hand) == []


def test_the_arithmetic_that_is_shown_gives_the_dollars_beside_it():
    shown = {name: (float(usd), how) for name, usd, how, _ in table(*comparison.COST)}
    labels, media2cloud, vod = (shown[each.name] for each in comparison.OTHERS)
    assert labels == (pytest.approx(60 * (0.10 + 0.024), abs=0.005), "60 min × ($0.10 + $0.024)")
    assert media2cloud[0] == pytest.approx(12_149.95 / 100, abs=0.005)
    assert media2cloud[1].startswith("$12,149.95 / 100 h")
    assert vod[0] == pytest.approx((69.05 + 27.53) / 3, abs=0.005)
    assert vod[1].startswith("($69.05 + $27.53) / 3 h")


def test_every_cost_has_a_source():
    assert all(source for *_, source in table(*comparison.COST))
    assert len(table(*comparison.COST)) == 6
