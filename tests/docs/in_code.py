"""Numbers as the code, the templates, the state machine and the recorded results have them, and as pages write them."""

import ast
import json
import operator
import re
from fractions import Fraction
from functools import cache

import yaml

from tests.docs.collecting import ROOT

_OPERATORS = {ast.LShift: operator.lshift, ast.Mult: operator.mul, ast.Pow: operator.pow}


def constant(path, name):
    """The number that a module gives a name at its top, a private one too."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == name:
            return number(node.value)
        if isinstance(target, ast.Tuple):
            names = [each.id for each in target.elts]
            if name in names:
                return number(node.value.elts[names.index(name)])
    raise LookupError(name)


def number(node):
    """The value of a literal, of one that is shifted, multiplied or raised, or of a fraction."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](number(node.left), number(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fraction":
        return Fraction(*(number(each) for each in node.args))
    return ast.literal_eval(node)


class _Loader(yaml.CSafeLoader):
    """Reads a template of CloudFormation: what a function of it makes is not known, so it is None."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


@cache
def template(name="template.yaml"):
    """A template as it is written."""
    return yaml.load((ROOT / name).read_text(encoding="utf-8"), _Loader)


def parameter(name):
    """The facts of a parameter of the template: `Default`, `MinValue`, `MaxValue`."""
    return template()["Parameters"][name]


def properties(resource, name="template.yaml"):
    """The properties of a resource."""
    return template(name)["Resources"][resource]["Properties"]


@cache
def machine():
    """The definition of the state machine."""
    return yaml.safe_load((ROOT / "statemachine" / "av_workflow.asl.yaml").read_text(encoding="utf-8"))


def state(name, states=None):
    """A state by its name, at any depth."""
    states = machine()["States"] if states is None else states
    if name in states:
        return states[name]
    for each in states.values():
        for inner in [*each.get("Branches", []), *filter(None, [each.get("ItemProcessor"), each.get("Iterator")])]:
            found = state(name, inner["States"])
            if found:
                return found
    return None


def retrier(name, error):
    """How a state retries an error."""
    return next(each for each in state(name)["Retry"] if error in each["ErrorEquals"])


def mean_wait(found):
    """Seconds that all retries wait: with full jitter each waits half of its interval on the average."""
    waits = (
        min(found["IntervalSeconds"] * found["BackoffRate"] ** number, found.get("MaxDelaySeconds", 31_622_400))
        for number in range(found["MaxAttempts"])
    )
    return sum(waits) * (0.5 if found.get("JitterStrategy") == "FULL" else 1.0)


def recorded(part):
    """The rows of a part of `make bench` as it was recorded."""
    found = json.loads((ROOT / "benchmarks" / "results" / f"{part}.json").read_text(encoding="utf-8"))
    return {row["name"]: row["value"] for row in found["rows"]}


def percent(share, digits=0):
    """A share as the pages write it."""
    return f"{100 * share:.{digits}f} %"


def spaced(value):
    """A number with a space between thousands."""
    return f"{value:,}".replace(",", " ")


def hours(seconds):
    """A time as the pages write it."""
    assert seconds % 3600 == 0
    return f"{seconds // 3600:.0f} hours"


def written(path, pattern):
    """The number that this pattern finds in a file of another language, which has it only once."""
    (found,) = set(re.findall(pattern, (ROOT / path).read_text(encoding="utf-8")))
    return int(found)
