"""The manifest: which models there are, their files with sizes and sums, and their sources."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from avflow.errors import ModelManifestInvalid
from avflow.filenames import folded
from avflow.models.kinds import Kind
from avflow.models.packages import InstalledSource, PackageSource
from avflow.models.s3 import SCHEME, S3Source
from avflow.models.sources import JoinedSource, ModelFile, Part, Source, UrlSource

MANIFEST = Path(__file__).with_name("models.toml")
#: records that a model's files were verified; lies in the model's folder
STAMP = ".verified.json"


@dataclass(frozen=True)
class Model:
    """One entry of the manifest."""

    name: str
    kind: Kind
    about: str
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]
    #: ISO 639-1 code of the only language that a speech model knows; None if it knows several, or for a detector
    only_language: str | None = None

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files)


def load_manifest(path: Path) -> dict[str, Model]:
    """Read a manifest. Returns its models by name, in the order of the manifest.

    Raises
    ------
    ModelManifestInvalid
    """
    try:
        with path.open("rb") as text:
            tables = tomllib.load(text)["model"]
        models = {(model := _model(table)).name: model for table in tables}
        require_distinct(models)
    except (OSError, KeyError, TypeError, ValueError) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelManifestInvalid(f"The model manifest {path} can't be used: {why}.") from error
    return models


def _model(table: Mapping[str, Any]) -> Model:
    name, kind = str(table["name"]), str(table["kind"])
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(f"{name!r} is not a valid model name: it may hold A-Z, a-z, 0-9, '.', '_' and '-'")
    if kind not in set(Kind):
        raise ValueError(f"the kind of {name} is {kind!r}, not one of {', '.join(Kind)}")
    files = tuple(_file(file) for file in table["file"])
    require_distinct(file.name for file in files)
    tables = table.get("source", ())
    unknown = {str(named) for source in tables for named in source.get("files", ())} - {file.name for file in files}
    if unknown:
        raise ValueError(f"a source of {name} has {min(unknown)!r}, which is no file of the model")
    sources = tuple(_source(source) for source in tables)
    only = table.get("only_language")
    return Model(name, Kind(kind), str(table.get("about", "")), files, sources, None if only is None else str(only))


def _file(table: Mapping[str, Any]) -> ModelFile:
    file = ModelFile(str(table["name"]), int(table["bytes"]), str(table["sha256"]).lower())
    path = PurePosixPath(file.name)
    if path.is_absolute() or not path.parts or any(folded(part) in ("..", STAMP) for part in path.parts):
        raise ValueError(f"{file.name!r} is not a path inside the model's folder")
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
        raise ValueError(f"the sha256 of {file.name} is not 64 hexadecimal digits")
    return file


def require_distinct(names: Iterable[str]) -> None:
    """Raise ValueError if two names would be the same file on a file system that ignores case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(folded(name), name)
        if other != name:
            raise ValueError(f"{other!a} and {name!a} are the same name on some file systems")


def _source(table: Mapping[str, Any]) -> Source:
    fields = dict(table)
    if "files" in fields:
        fields["files"] = tuple(str(name) for name in fields["files"])
    if "part" in fields:
        return JoinedSource(parts=tuple(_part(part) for part in fields.pop("part")), **fields)
    if "url" in fields:
        if str(fields["url"]).startswith(SCHEME):
            return S3Source(**fields)
        if not str(fields["url"]).startswith(("https://", "http://")):
            raise ValueError(f"{fields['url']} starts with none of https://, http:// and {SCHEME}")
        return UrlSource(**fields)
    if "installed" in fields:
        return InstalledSource(package=fields.pop("installed"), **fields)
    return PackageSource(**fields)


def _part(table: Mapping[str, Any]) -> Part:
    """One part of a file. A URL needs the size of its part, because a download may end early."""
    fields = dict(table)
    if "part" in fields or "files" in fields:
        raise ValueError("a part has neither parts nor files of its own")
    if "url" not in fields:
        return Part(_source(fields))
    size = int(fields.pop("bytes"))
    return Part(_source(fields), size)
