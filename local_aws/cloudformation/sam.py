"""Translates a SAM template to CloudFormation's resources, as `sam package` and AWS's transform do."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from local_aws.names import ACCOUNT, REGION

#: the bucket of code that is in a local folder; the key is the folder
CODE_BUCKET = "local-code"
#: how many translated templates the cache keeps
MAX_KEPT = 20


class TemplateError(Exception):
    """The template cannot be translated; the message says what is wrong with which resource."""


def load(path: Path, parameters: Mapping[str, str], cache: Path) -> dict[str, Any]:
    """The translated template; the folder `cache` keeps it until one of its files or a parameter changes.

    Raises
    ------
    TemplateError
        The template is not valid.
    """
    source = path.read_bytes()
    facts = [source.decode(), str(path), dict(parameters), version("aws-sam-translator"), Path(__file__).read_text()]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    kept = cache / f"template-{key[:32]}.json"
    with contextlib.suppress(FileNotFoundError):  # another process may remove it at any time
        translated = json.loads(kept.read_bytes())
        if translated["files"] == _digests(translated["files"], path.parent):
            found: dict[str, Any] = translated["template"]
            return found
    template, files = _translate(path, parameters)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=cache, delete=False) as file:  # written completely or not at all
        json.dump({"template": template, "files": _digests(files, path.parent)}, file)
    Path(file.name).replace(kept)
    _forget_oldest(cache)
    return template


def _forget_oldest(cache: Path) -> None:
    ages = []
    for each in cache.glob("template-*.json"):
        with contextlib.suppress(FileNotFoundError):
            ages.append((each.stat().st_mtime, each))
    for _, old in sorted(ages)[:-MAX_KEPT]:
        old.unlink(missing_ok=True)


def _digests(files: Mapping[str, str] | list[str], folder: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files if (folder / name).exists()
    }


def _translate(path: Path, parameters: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The translated template, and the other files from which it was made."""
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415 - slow to import
    from samtranslator.translator.transform import transform  # noqa: PLC0415
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415

    template = yaml_parse(path.read_text())
    files = _package(template, path.parent)
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the translator reads it through boto3
    try:
        translated: dict[str, Any] = transform(template, dict(parameters), _ManagedPolicies())
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise TemplateError(f"{path.name}: {causes}") from error
    translated.pop("Transform", None)
    return translated, files


class _ManagedPolicies:
    """No managed policies of AWS by name: templates here give their ARNs."""

    def load(self) -> dict[str, str]:
        return {}


def _package(template: dict[str, Any], folder: Path) -> list[str]:
    """Insert images, code and state machines, as `sam build` and `sam package` do; returns the files that it read."""
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415

    files = []
    defaults = template.get("Globals", {}).get("Function", {})
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::StateMachine" and isinstance(properties.get("DefinitionUri"), str):
            name = properties.pop("DefinitionUri")
            files.append(name)
            properties["Definition"] = yaml_parse((folder / name).read_text())
        elif resource["Type"] == "AWS::Serverless::Function":
            if {**defaults, **properties}.get("PackageType") == "Image":
                tag = resource.get("Metadata", {}).get("DockerTag", "latest")
                registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
                properties.setdefault("ImageUri", f"{registry}/{logical_id.lower()}:{tag}")
            elif isinstance(code := properties.get("CodeUri", defaults.get("CodeUri")), str):
                properties["CodeUri"] = {"Bucket": CODE_BUCKET, "Key": code}
    return files
