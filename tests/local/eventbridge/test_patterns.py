"""EventBridge's pattern language."""

import pytest

from local_aws.eventbridge.patterns import InvalidPattern, matches

EVENT = {
    "source": "aws.s3",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "key": "start/My Video.mkv",
        "size": 7,
        "ip": "10.0.0.9",
        "flag": True,
        "none": None,
        "list": [{"a": 1}, {"a": 2}],
    },
}


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("x", "x", True),
        ("x", "y", False),
        (7, 7, True),
        (True, True, True),
        (1, True, False),
        (None, None, True),
        ({"prefix": "start/"}, "start/a", True),
        ({"prefix": "start/"}, "astart/", False),
        ({"prefix": {"equals-ignore-case": "START/"}}, "start/a", True),
        ({"suffix": ".mkv"}, "a.mkv", True),
        ({"suffix": ".mkv"}, "a.mkv.txt", False),
        ({"suffix": {"equals-ignore-case": ".MKV"}}, "a.mkv", True),
        ({"equals-ignore-case": "ABC"}, "aBc", True),
        ({"wildcard": "start/*/a*.mkv"}, "start/x/y/ab.mkv", True),
        ({"wildcard": "start/*.mkv"}, "start/x.avi", False),
        ({"wildcard": "a\\*b"}, "a*b", True),
        ({"wildcard": "a\\*b"}, "axb", False),
        ({"anything-but": "x"}, "y", True),
        ({"anything-but": ["x", "y"]}, "y", False),
        ({"anything-but": {"prefix": "tmp"}}, "tmp1", False),
        ({"anything-but": {"suffix": [".txt", ".md"]}}, "a.md", False),
        ({"anything-but": {"wildcard": "*/x"}}, "a/y", True),
        ({"numeric": [">", 0, "<=", 7]}, 7, True),
        ({"numeric": ["=", 8]}, 7, False),
        ({"numeric": [">", 0]}, "7", False),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.9", True),
        ({"prefix": "7"}, 7, False),
    ],
)
def test_operator(rule, value, expected):
    assert matches({"field": [rule]}, {"field": value}) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.ec2", "aws.s3"]}, True),
        ({"source": ["aws.s3"], "detail": {"size": [8]}}, False),
        ({"resources": ["arn:b"]}, True),
        ({"resources": [{"prefix": "arn:c"}]}, False),
        ({"detail": {"missing": [{"exists": False}]}}, True),
        ({"detail": {"size": [{"exists": False}]}}, False),
        ({"detail": {"missing": [{"anything-but": "x"}]}}, False),
        ({"detail": {"list": {"a": [2]}}}, True),
        ({"detail": {"list": {"a": [3]}}}, False),
        ({"absent": {"deeper": [{"exists": False}]}}, True),
        ({"$or": [{"source": ["x"]}, {"detail": {"size": [7]}}]}, True),
        ({"detail": {"$or": [{"size": [1]}, {"key": [{"suffix": ".avi"}]}]}}, False),
        ({}, True),
    ],
)
def test_structure(pattern, expected):
    assert matches(pattern, EVENT) is expected


@pytest.mark.parametrize(
    "pattern", [{"source": "aws.s3"}, {"source": [{"like": "x"}]}, {"source": [{"prefix": "a", "suffix": "b"}]}]
)
def test_what_is_no_pattern_is_an_error(pattern):
    with pytest.raises(InvalidPattern):
        matches(pattern, EVENT)
