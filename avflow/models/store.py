"""The models that av-workflow can use, and the folder on this machine that holds their verified files.

`models.toml` declares the models. A second manifest of the user's own (AVFLOW_MODELS_TOML) adds models or replaces
some. A file is used only if its sha256 is the declared one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from avflow.errors import ModelManifestInvalid, ModelUnavailable, ModelUnknown
from avflow.filenames import folded
from avflow.models.cache import cache_folder
from avflow.models.kinds import Kind, Use
from avflow.models.sources import (
    InstalledSource,
    JoinedSource,
    ModelFile,
    PackageSource,
    Part,
    Source,
    SourceFailed,
    UrlSource,
)
from avflow.progress import Report, ignore

MANIFEST = Path(__file__).with_name("models.toml")
#: records that a model's files were verified; lies in the model's folder
_STAMP = ".verified.json"
#: partial downloads and locks; lies beside the models' folders
_WORK = ".partial"


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
        _require_distinct(models)
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
    _require_distinct(file.name for file in files)
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
    if path.is_absolute() or not path.parts or any(folded(part) in ("..", _STAMP) for part in path.parts):
        raise ValueError(f"{file.name!r} is not a path inside the model's folder")
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
        raise ValueError(f"the sha256 of {file.name} is not 64 hexadecimal digits")
    return file


def _require_distinct(names: Iterable[str]) -> None:
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
        if not str(fields["url"]).startswith(("https://", "http://")):
            raise ValueError(f"{fields['url']} starts with neither https:// nor http://")
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


class ModelStore:
    """The folder on this machine that holds the models.

    Parameters
    ----------
    root:
        The folder. When left out: AVFLOW_MODELS, or `av-workflow/models` in the user's cache folder (`cache_folder`).
    manifest:
        A second manifest. When left out: AVFLOW_MODELS_TOML. If both manifests declare a model, this one wins.

    Raises
    ------
    ModelManifestInvalid
    """

    def __init__(self, root: Path | None = None, manifest: Path | None = None) -> None:
        self.root = root or _from_environ("AVFLOW_MODELS") or cache_folder("models")
        own = manifest or _from_environ("AVFLOW_MODELS_TOML")
        self._models = load_manifest(MANIFEST) | (load_manifest(own) if own else {})
        try:
            _require_distinct(self._models)
        except ValueError as error:
            raise ModelManifestInvalid(f"The model manifest {own} can't be used: {error}.") from error

    @property
    def converted(self) -> Path:
        """The folder for networks that were made from models: ONNX, int8, and what engines compile from them."""
        return self.root / "converted"

    def names(self, use: Use | None = None) -> list[str]:
        """The names of all models, or of those that can be used for `use`, in the order of the manifest."""
        return [name for name, model in self._models.items() if use is None or model.kind in use.kinds]

    def describe(self, name: str) -> Model:
        """The manifest's entry of one model.

        Raises
        ------
        ModelUnknown
        """
        try:
            return self._models[name]
        except KeyError:
            raise ModelUnknown(f"There is no model {name!r}. The models are {', '.join(self._models)}.") from None

    def require(self, name: str, use: Use) -> None:
        """Check that a model can be used for `use`.

        Raises
        ------
        ModelUnknown
            There is no such model, or it is of another kind.
        """
        if name not in self.names(use):
            raise ModelUnknown(f"{name!r} is not a {use.name}. The {use.name}s are {', '.join(self.names(use))}.")

    def folder(self, name: str) -> Path:
        """The folder for the model's files, whether they are there or not."""
        return self.root / self.describe(name).name

    def path(self, name: str) -> Path:
        """The folder with the model's verified files. Does not use the network.

        Verified files are recognised by size and time of last change, and not hashed again. Files that a user put
        there are hashed once.

        Raises
        ------
        ModelUnknown, ModelUnavailable
        """
        problems = self._problems(self.describe(name))
        if problems:
            advice = f"Run `avflow models fetch {name}`, or put the files there yourself."
            if self.root.is_dir() and not os.access(self.root, os.W_OK):
                advice = "The image holds another model: give `sam build` and `sam deploy` the same parameters."
            raise ModelUnavailable(
                f"The model {name} is not ready in {self.folder(name)}: {'; '.join(problems)}.", advice
            )
        return self.folder(name)

    def fetch(self, name: str, report: Report = ignore) -> Path:
        """Like `path`, but download files that are missing or damaged.

        Several processes may call this at once: one downloads, the others wait for it.

        Raises
        ------
        ModelUnknown
        ModelUnavailable
            No source has one of the files. The message names every source and why it failed.
        """
        model = self.describe(name)
        if not self._problems(model):
            return self.folder(name)
        try:
            with self._locked(model):
                self._fetch_missing(model, report)
        except OSError as error:
            raise ModelUnavailable(
                f"The model {name} can't be stored in {self.root}: {error}.",
                "Free some space, or set AVFLOW_MODELS to a folder that you can write to.",
            ) from error
        return self.folder(name)

    def verify(self, name: str) -> list[str]:
        """Hash every file of the model again. Returns a sentence for each file that is missing or differs."""
        model = self.describe(name)
        problems = [problem for file in model.files if (problem := self._damage(model, file))]
        if problems:
            with suppress(OSError):
                (self.folder(name) / _STAMP).unlink(missing_ok=True)
        return problems

    def remove_partial_downloads(self) -> None:
        """Remove what interrupted downloads left, with the locks. No process may be fetching."""
        shutil.rmtree(self.root / _WORK, ignore_errors=True)

    # ------------------------------------------------------------ verification
    def _problems(self, model: Model) -> list[str]:
        folder = self.folder(model.name)
        found = {file.name: _fingerprint(folder / file.name, file.sha256) for file in model.files}
        with suppress(OSError, ValueError):
            if json.loads((folder / _STAMP).read_text(encoding="utf-8")) == found:
                return []
        problems = [problem for file in model.files if (problem := self._damage(model, file))]
        if not problems:
            self._stamp(model, found)
        return problems

    def _damage(self, model: Model, file: ModelFile) -> str | None:
        path = self.folder(model.name) / file.name
        try:
            size = path.stat().st_size
            if size != file.bytes:
                return f"{file.name} has {size} bytes instead of {file.bytes}"
            if sha256_of(path) != file.sha256:
                return f"{file.name} does not have the declared sha256"
        except FileNotFoundError:
            return f"{file.name} is missing"
        except OSError as error:
            return f"{file.name} can't be read: {error}"
        return None

    def _stamp(self, model: Model, found: Mapping[str, object]) -> None:
        # a read-only folder (in a container image) has to be hashed again each time
        with suppress(OSError), tempfile.NamedTemporaryFile("w", dir=self.folder(model.name), delete=False) as out:
            json.dump(found, out)
            out.flush()
            Path(out.name).chmod(0o644)  # the user who reads the image is not the one who built it
            Path(out.name).replace(self.folder(model.name) / _STAMP)

    # ------------------------------------------------------------ download
    @contextmanager
    def _locked(self, model: Model) -> Iterator[None]:
        (self.root / _WORK).mkdir(parents=True, exist_ok=True)
        with (self.root / _WORK / f"{model.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _fetch_missing(self, model: Model, report: Report) -> None:
        failed: dict[Source, str] = {}
        with tempfile.TemporaryDirectory(dir=self.root / _WORK) as work:
            for file in model.files:
                if self._damage(model, file):
                    self._fetch_file(model, file, Path(work), failed, report)
        self._problems(model)

    def _fetch_file(self, model: Model, file: ModelFile, work: Path, failed: dict[Source, str], report: Report) -> None:
        # named by content, so that a download continues where another run, or another source, stopped
        partial = self.root / _WORK / file.sha256
        for source in model.sources:
            if source in failed or not source.offers(file):
                continue
            resumed = partial.exists()
            reason = _try_source(source, file, partial, work, report)
            if reason and resumed and not partial.exists():
                reason = _try_source(source, file, partial, work, report)  # the earlier part was wrong
            if reason:
                failed[source] = f"{source.origin(file)}: {reason}"
                continue
            target = self.folder(model.name) / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)
            return
        tried = "".join(f"\n- {reason}" for source, reason in failed.items() if source.offers(file))
        tried = tried or "\n- the manifest declares no source"
        raise ModelUnavailable(
            f"No source has {file.name} ({file.bytes} bytes) of the model {model.name}:{tried}",
            f"Check the network, or put the file into {self.folder(model.name)} yourself.",
        )


def _try_source(source: Source, file: ModelFile, partial: Path, work: Path, report: Report) -> str | None:
    """Why the source does not have the file; None if `partial` now holds it, verified."""
    try:
        source.fetch(file, partial, work, report)
    except SourceFailed as error:
        if partial.exists() and partial.stat().st_size > file.bytes:
            partial.unlink()
        return str(error)
    found = sha256_of(partial)
    if found == file.sha256:
        return None
    partial.unlink()
    return f"sent a file with the sha256 {found} instead of {file.sha256}"


def sha256_of(path: Path) -> str:
    """The file's sha256, 64 hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _fingerprint(path: Path, sha256: str) -> dict[str, object] | None:
    # whole seconds: image layers and archives store no fractions
    try:
        stat = path.stat()
    except OSError:
        return None
    return {"sha256": sha256, "bytes": stat.st_size, "modified": int(stat.st_mtime)}


def _from_environ(variable: str) -> Path | None:
    return Path(value) if (value := os.environ.get(variable)) else None
