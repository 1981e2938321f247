"""Write the bill of materials of an image, in CycloneDX 1.6, while the image is built.

usage: python sbom.py IMAGE MODELS_TOML MODEL [FILE]

It lists what is in the image: Python packages with the libraries that their wheels bring, Debian packages, Python,
both builds of FFmpeg, and the models with the sums of their files. It has no time, so the same image has the same list.
CycloneDX 1.6 (ECMA-424); package-url specification. Only the standard library, because the image has nothing else that
could write it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]

#: where the sources of the two builds of FFmpeg are; NOTICE says the same to people
FFMPEG_SOURCES = {
    "https://git.ffmpeg.org/ffmpeg.git": "vcs",
    "https://github.com/BtbN/FFmpeg-Builds": "build-meta",
    "https://github.com/imageio/imageio-ffmpeg": "distribution",
}
PYAV_SOURCES = {
    "https://git.ffmpeg.org/ffmpeg.git": "vcs",
    "https://github.com/PyAV-Org/pyav-ffmpeg": "build-meta",
    "https://github.com/PyAV-Org/PyAV": "distribution",
}
#: parts of FFmpeg under the GPL: with one of them, the GPL holds for all that is linked with it
_GPL_PARTS = ("--enable-gpl", "--enable-libx264", "--enable-libx265")


class NotDistributable(Exception):
    """A build of FFmpeg has parts whose licences do not allow to pass it on."""


def component(kind: str, name: str, version: str | None, purl: str | None, **more: Any) -> Component:
    """A component. Fields without a value are left out."""
    fields = {"type": kind, "name": name, "version": version, "purl": purl, "bom-ref": purl or f"{kind}/{name}", **more}
    return {field: value for field, value in fields.items() if value}


# ---------------------------------------------------------------- Python
def python_packages(found: Iterable[Distribution]) -> Iterator[Component]:
    """Each installed package, with the shared libraries in its wheel."""
    for each in sorted(found, key=lambda each: _normal(each.name)):
        purl = f"pkg:pypi/{_normal(each.name)}@{quote(each.version)}"
        libraries = [
            component("library", _soname(file.name), None, None, **{"bom-ref": f"{purl}#{file}"})
            for file in sorted(each.files or (), key=str)
            if file.parent.name.endswith(".libs")
        ]
        yield component("library", each.name, each.version, purl, licenses=licences(each), components=libraries)


def _normal(name: str) -> str:
    """PEP 503: names are compared in this form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _soname(file: str) -> str:
    """`libx264-2b8c17fd.so.165` -> `libx264.so.165`: wheels have the sum of a library in its name."""
    return re.sub(r"-[0-9a-f]{8}(?=\.|-)", "", file)


def licences(package: Distribution) -> list[dict[str, Any]]:
    """The licence as the package states it: an SPDX expression, else its classifiers, else the first line of a text."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return [{"expression": expression}]
    classifiers = metadata.get_all("Classifier", [])
    classified = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    text = (metadata.get("License") or "").strip().partition("\n")[0]
    named = classified or ([text] if text and text != "UNKNOWN" else [])
    return [{"license": {"name": name}} for name in named]


def python() -> Component:
    """The interpreter, which the base image compiles itself."""
    version = platform.python_version()
    licences = [{"license": {"id": "PSF-2.0"}}]
    return component("platform", "CPython", version, f"pkg:generic/cpython@{version}", licenses=licences)


# ---------------------------------------------------------------- Debian
def debian_packages() -> Iterator[Component]:
    """Each package of the base image."""
    fields = ("Package", "Version", "Architecture", "source:Package", "source:Version")
    wanted = "\\t".join(f"${{{field}}}" for field in fields) + "\\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", wanted], capture_output=True, text=True, check=True).stdout
    release = platform.freedesktop_os_release().get("VERSION_ID", "unstable")
    for line in sorted(listed.splitlines()):
        name, version, architecture, source, source_version = line.split("\t")
        purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}&distro=debian-{release}"
        properties = [{"name": "debian:source", "value": f"{source} {source_version}"}]
        yield component("library", name, version, purl, properties=properties)


# ---------------------------------------------------------------- FFmpeg
def ffmpeg(binary: Path) -> Component:
    """The program FFmpeg, which imageio-ffmpeg brings."""
    said = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True).stdout
    version, configuration = _fact(r"^ffmpeg version (\S+)", said), _fact(r"^configuration: (.*)$", said)
    with binary.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {"type": "application", "name": "FFmpeg", "version": version, "hashes": _sha256(digest)}
    return _ffmpeg("ffmpeg", FFMPEG_SOURCES, configuration, **facts)


def pyav() -> Component:
    """FFmpeg's libraries, which PyAV brings."""
    import av  # noqa: PLC0415 - only images that have it
    from av._core import library_meta  # noqa: PLC0415

    configuration = str(library_meta["libavcodec"]["configuration"])
    name, version = "FFmpeg libraries of PyAV", av.ffmpeg_version_info
    return _ffmpeg("ffmpeg-of-pyav", PYAV_SOURCES, configuration, type="library", name=name, version=version)


def _ffmpeg(slug: str, sources: dict[str, str], configuration: str, **fields: Any) -> Component:
    purl = f"pkg:generic/{slug}@{quote(fields['version'])}"
    return {
        **fields,
        "purl": purl,
        "bom-ref": purl,
        "licenses": [{"license": {"id": ffmpeg_licence(configuration)}}],
        "externalReferences": [{"type": kind, "url": url} for url, kind in sources.items()],
        "properties": [{"name": "ffmpeg:configuration", "value": configuration}],
    }


def ffmpeg_licence(configuration: str) -> str:
    """The licence of a build of FFmpeg with its parts, from how it was configured (FFmpeg, "LICENSE.md").

    Raises
    ------
    NotDistributable
    """
    options = configuration.split()
    if "--enable-nonfree" in options:
        raise NotDistributable("FFmpeg was configured with --enable-nonfree: an image with it can't be passed on")
    version3 = "--enable-version3" in options
    if any(part in options for part in _GPL_PARTS):
        return "GPL-3.0-or-later" if version3 else "GPL-2.0-or-later"
    return "LGPL-3.0-or-later" if version3 else "LGPL-2.1-or-later"


def _fact(pattern: str, said: str) -> str:
    found = re.search(pattern, said, re.M)
    if found is None:
        raise ValueError(f"ffmpeg -version does not say {pattern}")
    return found[1]


# ---------------------------------------------------------------- models
def model(manifest: Path, name: str) -> Component:
    """A model, with the files and sums that the build verified."""
    tables = tomllib.loads(manifest.read_text(encoding="utf-8"))["model"]
    table = next(each for each in tables if each["name"] == name)
    files = [
        {"type": "file", "name": file["name"], "bom-ref": f"{name}/{file['name']}", "hashes": _sha256(file["sha256"])}
        for file in table["file"]
    ]
    licence = [{"license": {"name": table["licence"]}}] if table.get("licence") else []
    about = table.get("about")
    return component("machine-learning-model", name, None, None, description=about, licenses=licence, components=files)


def _sha256(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]


# ---------------------------------------------------------------- all
def bill(image: str, components: list[Component]) -> dict[str, Any]:
    """The document of an image."""
    return document(component("container", f"av-workflow-{image}", None, None), components)


def document(subject: Component, components: list[Component]) -> dict[str, Any]:
    """The document of anything. Its number is a digest of the rest."""
    contents = json.dumps([subject, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, contents)}",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": subject,
        },
        "components": components,
    }


def main(image: str, manifest: str, name: str, file: str = "") -> None:
    """Write the list of this machine's contents to the file, or print it."""
    from imageio_ffmpeg import get_ffmpeg_exe  # noqa: PLC0415 - only images that have it

    components = [
        ffmpeg(Path(get_ffmpeg_exe())),
        pyav(),
        model(Path(manifest), name),
        python(),
        *python_packages(distributions()),
        *debian_packages(),
    ]
    text = json.dumps(bill(image, components), indent=1) + "\n"
    if file:
        Path(file).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
