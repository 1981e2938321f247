"""The order in which test modules begin."""

from types import SimpleNamespace

from tests.order import FIRST, TESTS, longest_first


def test_what_is_said_to_come_first_exists():
    assert [name for name in FIRST if not (TESTS / name).exists()] == []


def test_the_longest_begin_first_and_modules_stay_whole():
    given = ["unit/test_a.py", "unit/speech/test_b.py", "local/test_c.py", "unit/speechless/test_d.py", "e2e/test_e.py",
             "e2e/test_e.py", "corpus/test_f.py", "corpus/test_hostile.py", "e2e/test_g.py"]  # fmt: skip
    items = [SimpleNamespace(path=TESTS / name, number=number) for number, name in enumerate(given)]
    longest_first(items)
    assert [given[item.number] for item in items] == [
        "corpus/test_hostile.py", "e2e/test_e.py", "e2e/test_e.py", "e2e/test_g.py", "corpus/test_f.py",
        "unit/speech/test_b.py", "unit/test_a.py", "local/test_c.py", "unit/speechless/test_d.py",
    ]  # fmt: skip
    assert [item.number for item in items if item.path.parent.name == "e2e"] == [4, 5, 8]
