"""From a SAM template to CloudFormation's resources, as `sam package` and AWS's transform do it, without AWS."""

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

#: the bucket that stands for "code in this folder"; the key is the folder
CODE_BUCKET = "local-code"
#: translated templates that are kept
MAX_KEPT = 20


class TemplateError(Exception):
    """The template can't be translated; the message says what is wrong with which resource."""


def load(path: Path, parameters: Mapping[str, str], cache: Path) -> dict[str, Any]:
    """The template in CloudFormation's terms; translated once for each content, and kept in the folder `cache`.

    Raises
    ------
    TemplateError
        See there.
    """
    source = path.read_bytes()
    facts = [source.decode(), str(path), dict(parameters), version("aws-sam-translator"), Path(__file__).read_text()]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    kept = cache / f"template-{key[:32]}.json"
    with contextlib.suppress(FileNotFoundError):  # another process may remove it at any time
        translated = json.loads(kept.read_bytes())
        if translated["files"] == _digests(translated["files"], path.parent):
            return translated["template"]
    template, files = _translate(path, parameters)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=cache, delete=False) as file:  # whole or not at all
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
    """The translated template, and the files it was made from besides its own."""
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415 - slow to import
    from samtranslator.translator.transform import transform  # noqa: PLC0415
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415

    template = yaml_parse(path.read_text())
    files = _package(template, path.parent)
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the translator asks boto3 for it
    try:
        translated = transform(template, dict(parameters), _ManagedPolicies())
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise TemplateError(f"{path.name}: {causes}") from error
    translated.pop("Transform", None)
    return translated, files


class _ManagedPolicies:
    """The names of AWS's managed policies are not needed: templates here give ARNs."""

    def load(self) -> dict[str, str]:
        return {}


def _package(template: dict[str, Any], folder: Path) -> list[str]:
    """Put in what `sam build` and `sam package` would: images, code, and state machines; the files that were read."""
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
