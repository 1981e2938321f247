"""The sizes of the template's functions and jobs, as `avflow.workflow.cost` prices them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from avflow.workflow.compute import Compute, compute
from benchmarks.common import ROOT

TEMPLATE = ROOT / "template.yaml"


class Sizes:
    """What each function and job definition of the template is to `avflow.workflow.cost`, by its substitution."""

    def __init__(self, parameters: Mapping[str, str] | None = None) -> None:
        self.template: dict[str, Any] = _template()
        self._parameters = parameters or {}

    def of(self, arn: str, overrides: Mapping[str, str]) -> Compute | None:
        """The machine behind `${FFmpegFunctionArn}` and the like."""
        properties = self.template["Resources"][arn.removeprefix("${").removesuffix("Arn}")]["Properties"]
        if "MemorySize" in properties:
            pairs = properties.get("Environment", {}).get("Variables", {})
            pairs = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": properties["MemorySize"], **pairs}
        else:
            listed = properties["ContainerProperties"]["Environment"]
            pairs = {pair["Name"]: pair["Value"] for pair in listed if "Name" in pair}
        environment = {name: self._resolved(value) for name, value in pairs.items() if name in _TELLING}
        return compute({**environment, **overrides})

    def _resolved(self, value: Any) -> str:
        match value:
            case {"Ref": name}:
                return self._parameters.get(name) or str(self.template["Parameters"][name]["Default"])
            case {"Fn::If": ["GpuTypesAreGiven", _, chosen]} | {"Fn::If": ["OffersG4dn", chosen, _]}:  # in us-east-1
                return self._resolved(chosen)
            case {"Fn::Select": [index, listed]}:
                return self._resolved(listed).split(",")[int(index)]
            case {"Fn::FindInMap": [table, first, second]}:
                return str(self.template["Mappings"][table][first][self._resolved(second)])
        return str(value)


@cache
def _template() -> dict[str, Any]:
    return dict(yaml_parse(TEMPLATE.read_text(encoding="utf-8")))


_TELLING = (
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "COMPUTE_VCPUS",
    "COMPUTE_MEMORY_MB",
    "COMPUTE_STORAGE_GB",
    "COMPUTE_INSTANCE",
)
