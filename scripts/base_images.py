"""Pin the base images of docker/*.Dockerfile by digest, and check that they are.

usage: python -m scripts.base_images check     names each base without a digest; needs no network
       python -m scripts.base_images update    asks the registries for the digests of the tags, and writes them

`ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.13-slim-trixie@sha256:…`: the digest decides what is pulled, and
the tag says what to ask for at the next update. The digest is that of the list of platforms if there is one. It is
computed from what the registry answers, and compared with what the registry states.
OCI Distribution Specification 1.1, "Pulling manifests"; Docker Registry, "Token Authentication Specification".
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docker"
#: kinds of manifests, the lists of platforms first
LISTS = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
#: what the images are built for
PLATFORM = {"os": "linux", "architecture": "amd64"}
#: `docker.io` is a name; this is where its registry answers
HOSTS = {"docker.io": "registry-1.docker.io"}
_TIMEOUT_SECONDS = 30
_MAX_BYTES = 4 << 20
_BASE = re.compile(r"^(ARG BASE_IMAGE=)(\S+)$", re.M)
_REFERENCE = re.compile(r"(?P<name>[^@\s]+?):(?P<tag>[\w][\w.-]{0,127})(@(?P<digest>sha256:[0-9a-f]{64}))?")


class BaseImageError(Exception):
    """The message says which base image is wrong, and why."""


@dataclass(frozen=True)
class BaseImage:
    """`docker.io/library/python:3.13-slim-trixie`, and the digest if it has one."""

    name: str
    tag: str
    digest: str | None = None

    @classmethod
    def of(cls, reference: str) -> BaseImage:
        """Read a reference.

        Raises
        ------
        BaseImageError
            It has no registry or no tag: then an update would not know what to ask for.
        """
        found = _REFERENCE.fullmatch(reference)
        registry, _, repository = found["name"].partition("/") if found else ("", "", "")
        if found is None or not repository or not re.search("[.:]", registry):
            raise BaseImageError(f"{reference}: write registry/name:tag, with @sha256:… if the digest is known")
        return cls(found["name"], found["tag"], found["digest"])

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")

    def latest(self) -> BaseImage:
        """The same tag with the digest that the registry has now.

        Raises
        ------
        BaseImageError
            The registry can't be reached, has no such tag, or gives an answer that can't be used.
        """
        try:
            return BaseImage(self.name, self.tag, _digest(*self.name.split("/", 1), self.tag))
        except (OSError, ValueError) as error:
            raise BaseImageError(f"{self.name}:{self.tag}: {error}") from error


def _digest(registry: str, name: str, tag: str) -> str:
    host = HOSTS.get(registry, registry)
    loopback = host.partition(":")[0] in ("127.0.0.1", "localhost")
    url = f"{'http' if loopback else 'https'}://{host}/v2/{name}/manifests/{tag}"
    body, headers = _manifest(url, direct=loopback)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    stated = headers.get("Docker-Content-Digest", digest)
    if stated != digest:
        raise ValueError(f"the registry states the digest {stated}, but its answer has {digest}")
    manifest = json.loads(body)
    if manifest.get("mediaType", headers.get("Content-Type")) in LISTS:
        platforms = [each.get("platform", {}) for each in manifest["manifests"]]
        if not any(PLATFORM.items() <= platform.items() for platform in platforms):
            raise ValueError(f"the image is not for {PLATFORM['os']}/{PLATFORM['architecture']}")
    return digest


def _manifest(url: str, *, direct: bool) -> tuple[bytes, Any]:
    """The bytes and headers of a manifest. The token, if the registry wants one, is anonymous."""
    accept = {"Accept": ", ".join((*LISTS, *MANIFESTS))}
    try:
        return _get(url, accept, direct=direct)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        challenge = error.headers.get("WWW-Authenticate", "")
    wanted = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not challenge.lower().startswith("bearer ") or "realm" not in wanted:
        raise ValueError("the registry does not admit anonymous callers")
    realm = wanted.pop("realm")
    if not realm.startswith("https://" if url.startswith("https://") else ("http://", "https://")):
        raise ValueError(f"the registry sends its callers to {realm}, without TLS")
    answer, _ = _get(f"{realm}?{urllib.parse.urlencode(wanted)}", {}, direct=direct)
    found = json.loads(answer)
    token = found.get("token") or found.get("access_token")
    return _get(url, {**accept, "Authorization": f"Bearer {token}"}, direct=direct)


def _get(url: str, headers: dict[str, str], *, direct: bool) -> tuple[bytes, Any]:
    handlers = [urllib.request.ProxyHandler({})] if direct else []
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  http only to this machine
    with urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_SECONDS) as answer:
        body = answer.read(_MAX_BYTES + 1)
        if len(body) > _MAX_BYTES:
            raise ValueError("the registry's answer is too long for a manifest")
        return body, answer.headers


def bases(folder: Path) -> Iterator[tuple[Path, BaseImage]]:
    """The base image of each Dockerfile.

    Raises
    ------
    BaseImageError
        A Dockerfile begins from something else, which this command would not pin.
    """
    for file in sorted(folder.glob("*.Dockerfile")):
        text = file.read_text(encoding="utf-8")
        found = _BASE.findall(text)
        if len(found) != 1:
            raise BaseImageError(f"{file.name}: write one line ARG BASE_IMAGE=…")
        stages = {"${BASE_IMAGE}"}
        for line in re.findall(r"^FROM\s+(.+)$", text, re.M | re.I):
            origin, *named = line.split()
            if origin not in stages:
                raise BaseImageError(f"{file.name}: FROM {origin} is no stage; begin from ${{BASE_IMAGE}}")
            stages.add(named[-1] if named else "")
        yield file, BaseImage.of(found[0][1])


def check(folder: Path = FOLDER) -> int:
    """Print each base image without a digest. Return 1 if there is one, else 0."""
    missing = [f"{file.name}: {base}" for file, base in bases(folder) if base.digest is None]
    for each in missing:
        print(f"{each} has no digest. Run `make base-images` where the registry can be reached", file=sys.stderr)
    return 1 if missing else 0


def update(folder: Path = FOLDER) -> int:
    """Write the newest digests into the Dockerfiles: into all of them, or after an error into none."""
    found = list(bases(folder))
    try:
        newest = {base: base.latest() for base in {base for _, base in found}}
    except BaseImageError as error:
        raise BaseImageError(f"{error}. No file was changed") from error
    for file, base in found:
        text = file.read_text(encoding="utf-8")
        file.write_text(_BASE.sub(rf"\g<1>{newest[base]}", text), encoding="utf-8")
        print(f"{file.name}: {newest[base]}" + (", as before" if newest[base] == base else ""))
    return 0


def main(*arguments: str) -> int:
    """Run the command line. Return the exit status."""
    commands = {"check": check, "update": update}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return commands[arguments[0]]()
    except BaseImageError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
