"""A template's parameters and rules: the values that are allowed, alone and together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.intrinsics import Resolver


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The value of each parameter, a list for the list types.

    Raises
    ------
    DeployError
        A parameter is unknown or missing, or the template does not allow its value.
    """
    declared = template.get("Parameters", {})
    if unknown := set(given) - set(declared):
        raise DeployError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values: dict[str, str | list[str]] = {}
    for name, facts in declared.items():
        value = given.get(name, facts.get("Default"))
        if value is None:
            raise DeployError(f"parameter {name} needs a value")
        is_list = facts["Type"] == "CommaDelimitedList" or facts["Type"].startswith("List<")
        items = [item.strip() for item in str(value).split(",")] if is_list else [str(value)]
        for item in items:
            _check(name, item, facts)
        values[name] = items if is_list else items[0]
    return values


def _check(name: str, value: str, facts: Mapping[str, Any]) -> None:
    wrong = f"parameter {name}: {value!r} is not allowed"
    hint = facts.get("ConstraintDescription", "")
    if "AllowedValues" in facts and value not in map(str, facts["AllowedValues"]):
        raise DeployError(f"{wrong}; allowed are {', '.join(map(str, facts['AllowedValues']))}")
    if "AllowedPattern" in facts and not re.fullmatch(facts["AllowedPattern"], value):
        raise DeployError(f"{wrong}: {hint or 'it does not match ' + facts['AllowedPattern']}")
    if facts["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            raise DeployError(f"{wrong}: it is not a number") from None
        if not float(facts.get("MinValue", number)) <= number <= float(facts.get("MaxValue", number)):
            raise DeployError(f"{wrong}: it must be from {facts.get('MinValue')} to {facts.get('MaxValue')}")


def check_rules(template: Mapping[str, Any], resolver: Resolver) -> None:
    """Check the template's rules (User Guide, "CloudFormation template Rules syntax").

    Raises
    ------
    DeployError
        An assertion does not hold although the condition of its rule does.
    """
    for name, rule in template.get("Rules", {}).items():
        if "RuleCondition" in rule and not resolver.condition(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not resolver.condition(assertion["Assert"]):
                raise DeployError(f"rule {name}: {assertion.get('AssertDescription', 'an assertion does not hold')}")
