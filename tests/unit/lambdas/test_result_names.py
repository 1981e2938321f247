"""Names of results: no two uploads ever share one, and every upload gets one that S3 and file systems take."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avflow.workflow.layout import RESULT_SUFFIXES
from lambdas.failed import results
from lambdas.start.result_names import RESERVED, SUFFIX_BYTES, SUFFIXES, candidates, is_reserved, stem_of

LONGEST = max(SUFFIXES, key=len)


def bases(key, many=5):
    return list(islice(candidates(key), many))


def test_the_start_function_knows_all_suffixes():
    assert set(SUFFIXES) == {*RESULT_SUFFIXES, ".json"}
    assert {*results.SUFFIXES, results.ERROR_REPORT} == set(RESULT_SUFFIXES)
    assert len(LONGEST.encode()) + len(".12345678") <= SUFFIX_BYTES


def test_the_beginning_of_a_longer_suffix_is_reserved():
    assert set(RESERVED) == {".error", ".transcript", ".contact"}


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("start/p/my_video.mkv", "result/p/my_video"),
        ("start/a.b.c.mp4", "result/a.b.c"),
        ("start/.mp4", "result/.mp4"),
        ("start/no suffix", "result/no suffix"),
        ("start/dots...", "result/dots..."),
        ("start/space .mp4", "result/space "),
        ("start/e\u0301te\u0301 🎬.mov", "result/e\u0301te\u0301 🎬"),
        ("start/שלום.mp4", "result/שלום"),
        ("start/x.error.mp4", "result/x.error.mp4"),
        ("start/X.Error.mp4", "result/X.Error.mp4"),
        ("start/x.transcript.mp4", "result/x.transcript.mp4"),
        ("start/x.contact.mp4", "result/x.contact.mp4"),
        ("start/.error", None),
        ("start/x.error", "result/x"),
    ],
)
def test_the_preferred_name(key, first):
    found = bases(key, 1)[0]
    assert found == first if first else found.startswith("result/.error-")


def test_a_sibling_has_its_whole_name_next_and_then_a_digest():
    one, two, three, four = bases("start/p/a.mov", 4)
    assert (one, two) == ("result/p/a", "result/p/a.mov")
    assert three.startswith("result/p/a-")
    assert four.startswith("result/p/a-")
    assert three != four


PARTS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "/",
        ".error",
        ".json",
        ".detections",
        ".transcript",
        ".contact",
        ".mp4",
        ".jpg",
        ".srt",
        "é",
        "🎬",
        "-",
    ]
)
KEYS = st.lists(PARTS, min_size=1, max_size=8).map(lambda parts: "start/" + "".join(parts))
ANY_KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(lambda name: "start/" + name)
LONG_KEYS = st.builds(
    lambda folders, name: ("start/" + "".join(folders) + name).encode()[:1024].decode(errors="ignore"),
    st.lists(st.sampled_from(["d" * 200 + "/", "ü" * 120 + "/", "/", "x" * 900 + "/"]), max_size=6),
    st.sampled_from(["a", "🎬" * 250 + ".mp4", "e\u0301" * 300 + ".error.mp4", "n" * 251 + ".mkv", "m" * 1018]),
)


@given(KEYS | ANY_KEYS | LONG_KEYS, KEYS | ANY_KEYS | LONG_KEYS)
def test_no_results_of_two_bases_are_the_same(one, other):
    found = {*bases(one), *bases(other)}
    results = [base + suffix for base in found for suffix in SUFFIXES]
    assert len(set(results)) == len(results)


@given(KEYS | ANY_KEYS | LONG_KEYS)
def test_every_name_is_valid(key):
    for base in bases(key):
        assert base.startswith("result/")
        assert len((base + LONGEST).encode()) <= 1024
        assert len((base.rpartition("/")[2] + LONGEST + ".12345678").encode()) <= 255
        assert not is_reserved(base)
    assert bases(key) == bases(key)
    assert len(set(bases(key))) == 5


@given(LONG_KEYS)
def test_a_shortened_name_keeps_whole_characters(key):
    stem = stem_of(key.rpartition("/")[2])
    found = bases(key, 4)[3].rpartition("/")[2].rpartition("-")[0]
    assert stem.startswith(found)
    assert found
