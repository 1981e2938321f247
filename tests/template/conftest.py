"""The project's template: as written, in CloudFormation's form, and deployed on the embedded AWS."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from local_aws.cloudformation.deploy import deploy as create_stack
from local_aws.cloudformation.sam import load
from local_aws.server import LocalAws

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


class Translated:
    """The template in CloudFormation's form, with queries for the tests."""

    def __init__(self, template):
        self.template = template
        self.resources = template["Resources"]

    def of_type(self, *types):
        return {name: facts for name, facts in self.resources.items() if facts["Type"] in types}

    def properties(self, resource_type):
        return {name: facts.get("Properties", {}) for name, facts in self.of_type(resource_type).items()}

    def statements(self):
        """(resource, statement) of every policy of roles and resources."""
        for name, facts in self.resources.items():
            properties = facts.get("Properties", {})
            documents = [properties.get("PolicyDocument"), properties.get("AssumeRolePolicyDocument")]
            documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            for document in filter(None, documents):
                written = json.loads(document["Fn::Sub"]) if "Fn::Sub" in document else document
                for statement in written["Statement"]:
                    yield name, statement["Fn::If"][1] if "Fn::If" in statement else statement


def as_list(value):
    return value if isinstance(value, list) else [value]


def all_states(machine, caught=False):
    """(name, state, whether a Parallel or Map around it catches) of every state, at any depth."""
    for name, state in machine["States"].items():
        yield name, state, caught
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from all_states(inner, caught or "Catch" in state)


def tasks(machine):
    """(name, state, whether a Parallel or Map around it catches) of every Task, at any depth."""
    yield from (found for found in all_states(machine) if found[1]["Type"] == "Task")


@pytest.fixture(scope="session")
def lines():
    return TEMPLATE.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="session")
def translated(tmp_path_factory):
    return Translated(load(TEMPLATE, {}, tmp_path_factory.mktemp("translated")))


@pytest.fixture(scope="session")
def machine_text():
    return (ROOT / "statemachine" / "av_workflow.asl.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def machine(machine_text):
    return yaml.safe_load(machine_text)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder for translated templates, separate from the user's."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def deploy(tmp_path, cache):
    """A function that creates the stack with given parameters on an embedded AWS of its own."""
    activities = []
    with LocalAws(ROOT, tmp_path, on_activity=activities.append, cache_dir=cache) as aws:

        def create(**parameters):
            outputs = create_stack(aws, TEMPLATE, parameters, "av-workflow")
            return SimpleNamespace(aws=aws, outputs=outputs, activities=activities)

        create.aws = aws
        yield create
