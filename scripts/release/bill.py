"""The bill of materials of the wheel, in CycloneDX 1.6: what an installation of it brings and fetches.

Each image writes its own while it is built (docker/sbom.py), because Debian's packages are part of it too.
"""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from imageio_ffmpeg import get_ffmpeg_exe
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.release.checkout import NotReleasable

#: a package of a locked file, its hashes, and the comment that says which packages need it
_LOCKED = re.compile(r"^(?P<pinned>[a-z0-9][^\\\n]*)\\\n(?P<rest>(?:[ ].*\n?)*)", re.MULTILINE)
#: `# via NAME`, or `# via` and a line for each; `-r requirements/local.in` is this package
_NEEDED_BY = re.compile(r"^ +#(?: via| {2}) (?P<user>\S.*)$", re.MULTILINE)


def written(root: Path, wheel: Path, version: str, digest: str) -> str:
    """The document for a wheel with this sha256, as JSON. The same wheel has the same document.

    Raises
    ------
    NotReleasable
        It does not keep to the schema of CycloneDX.
    """
    sbom = _sbom(root)
    subject = sbom.component(
        "application", "av-workflow", version, f"pkg:pypi/av-workflow@{version}",
        licenses=[{"expression": "Apache-2.0"}],
        externalReferences=[_distribution(f"pkg:pypi/av-workflow@{version}", [digest], wheel.name)],
    )  # fmt: skip
    packages, needs = _packages(sbom, (root / "requirements" / "local.txt").read_text(encoding="utf-8"), subject)
    manifest = root / "avflow" / "models" / "models.toml"
    names = [each["name"] for each in tomllib.loads(manifest.read_text(encoding="utf-8"))["model"]]
    # fetched when a run asks for one, with the sums that are given here
    models = [{**sbom.model(manifest, name), "scope": "optional"} for name in names]
    ffmpeg = [sbom.ffmpeg(Path(get_ffmpeg_exe())), sbom.pyav()]
    document = sbom.document(subject, [*ffmpeg, *models, *packages])
    document["dependencies"] = [{"ref": ref, "dependsOn": sorted(of)} for ref, of in sorted(needs.items())]
    text = json.dumps(document, indent=1) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise NotReleasable(f"The bill of materials does not keep to CycloneDX 1.6: {error}")
    return text


def _packages(sbom: ModuleType, text: str, subject: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """The packages of a locked file, and what each needs, by their package URLs."""
    found, refs, wanted = [], dict[str, list[str]](), []
    for each in _LOCKED.finditer(text):
        pinned = Requirement(each["pinned"].strip())
        name, version = canonicalize_name(pinned.name), str(pinned.specifier).removeprefix("==")
        purl = f"pkg:pypi/{name}@{version}"
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", each["rest"])
        marker = [{"name": "python:marker", "value": str(pinned.marker)}] if pinned.marker else []
        found.append(sbom.component(
            "library", name, version, purl, licenses=_licences(sbom, name, version),
            externalReferences=[_distribution(purl, hashes, "its wheels for all platforms")], properties=marker,
        ))  # fmt: skip
        refs.setdefault(name, []).append(purl)
        wanted += [(user, purl) for user in _NEEDED_BY.findall(each["rest"])]
    needs: dict[str, set[str]] = {
        subject["bom-ref"]: set(),
        **{ref: set() for all_of in refs.values() for ref in all_of},
    }
    for user, purl in wanted:
        if user.startswith("-r "):
            needs[subject["bom-ref"]].add(purl)
        elif not user.startswith("-c "):  # a constraint needs nothing
            for ref in refs[canonicalize_name(user)]:
                needs[ref].add(purl)
    return found, needs


def _distribution(purl: str, digests: list[str], comment: str) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": digest} for digest in digests]
    return {"type": "distribution", "url": purl, "hashes": hashes, "comment": comment}


def _licences(sbom: ModuleType, name: str, version: str) -> list[dict[str, Any]]:
    """As the package states them, if this environment has it: that of another platform may not be here."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return []
    return list(sbom.licences(package)) if package.version == version else []


def _sbom(root: Path) -> ModuleType:
    """docker/sbom.py: in an image it is a program, and no package has it, for `docker` is the name of another one."""
    spec = importlib.util.spec_from_file_location("sbom", root / "docker" / "sbom.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(root / "docker" / "sbom.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
