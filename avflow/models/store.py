"""The models that av-workflow can use, and the folder of this machine that holds them, verified.

What there is stands in `models.toml`; a second manifest of the user's own (AVFLOW_MODELS_TOML)
adds models to it or replaces them. A file is used only if its sha256 is the declared one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from avflow.errors import ModelManifestInvalid, ModelUnavailable, ModelUnknown
from avflow.filenames import folded
from avflow.models.sources import InstalledSource, ModelFile, PackageSource, Source, SourceFailed, UrlSource
from avflow.progress import Report, ignore

MANIFEST = Path(__file__).with_name("models.toml")
KINDS = ("yolov3", "whisper", "pocketsphinx")
_STAMP = ".verified.json"
_WORK = ".partial"


@dataclass(frozen=True)
class Model:
    """One entry of the manifest: `kind` says which engine reads its files."""

    name: str
    kind: str
    about: str
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)


def load_manifest(path: Path) -> dict[str, Model]:
    """Read one manifest: its models by name, in its order.

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
        raise ValueError(f"{name!r} can't be a model's name")
    if kind not in KINDS:
        raise ValueError(f"the kind of {name} is {kind!r}, not one of {', '.join(KINDS)}")
    files = tuple(_file(file) for file in table["file"])
    _require_distinct(file.name for file in files)
    sources = tuple(_source(source) for source in table.get("source", ()))
    return Model(name, kind, str(table.get("about", "")), files, sources)


def _file(table: Mapping[str, Any]) -> ModelFile:
    file = ModelFile(str(table["name"]), int(table["bytes"]), str(table["sha256"]).lower())
    path = PurePosixPath(file.name)
    if path.is_absolute() or not path.parts or any(folded(part) in ("..", _STAMP) for part in path.parts):
        raise ValueError(f"{file.name!r} is no path inside the model's folder")
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
        raise ValueError(f"the sha256 of {file.name} isn't 64 hexadecimal digits")
    return file


def _require_distinct(names: Iterable[str]) -> None:
    """Names become files and folders, also where a file system ignores case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(folded(name), name)
        if other != name:
            raise ValueError(f"{other!a} and {name!a} are the same name to some file systems")


def _source(table: Mapping[str, Any]) -> Source:
    fields = dict(table)
    if "url" in fields:
        if not str(fields["url"]).startswith(("https://", "http://")):
            raise ValueError(f"{fields['url']} is neither https:// nor http://")
        return UrlSource(**fields)
    if "installed" in fields:
        return InstalledSource(package=fields.pop("installed"), **fields)
    return PackageSource(**fields)


class ModelStore:
    """The folder of this machine that holds models.

    Parameters
    ----------
    root:
        The folder; AVFLOW_MODELS when left out, else `av-workflow/models` in the user's cache folder
        (XDG Base Directory Specification).
    manifest:
        A second manifest; AVFLOW_MODELS_TOML when left out. It wins where both name a model.

    Raises
    ------
    ModelManifestInvalid
    """

    def __init__(self, root: Path | None = None, manifest: Path | None = None) -> None:
        self.root = root or _default_root()
        own = manifest or (Path(value) if (value := os.environ.get("AVFLOW_MODELS_TOML")) else None)
        self._models = load_manifest(MANIFEST) | (load_manifest(own) if own else {})
        try:
            _require_distinct(self._models)
        except ValueError as error:
            raise ModelManifestInvalid(f"The model manifest {own} can't be used: {error}.") from error

    def names(self) -> list[str]:
        """Every model's name, in the manifest's order."""
        return list(self._models)

    def describe(self, name: str) -> Model:
        """What the manifest says about one model; ModelUnknown if it says nothing."""
        try:
            return self._models[name]
        except KeyError:
            raise ModelUnknown(f"No model is called {name!r}: there are {', '.join(self._models)}.") from None

    def folder(self, name: str) -> Path:
        """Where the model's files lie, or would lie; says nothing on whether they do."""
        return self.root / self.describe(name).name

    def path(self, name: str) -> Path:
        """The folder with the model's verified files. Never touches the network.

        A verified model costs one `stat` per file; files that were put there by hand are hashed
        once and the outcome is recorded.

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
        """Like `path`, but downloads what is missing or damaged. Without a network if nothing is.

        Several processes may fetch at once: one downloads, the others wait for it.

        Raises
        ------
        ModelUnknown
        ModelUnavailable
            No source gave a file; the message names every source and why it failed.
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
                "Free some space, or point AVFLOW_MODELS at a folder you can write to.",
            ) from error
        return self.folder(name)

    def verify(self, name: str) -> list[str]:
        """Hash every file of the model anew: one sentence for each that is missing or differs."""
        model = self.describe(name)
        problems = [problem for file in model.files if (problem := self._damage(model, file))]
        if problems:
            with suppress(OSError):
                (self.folder(name) / _STAMP).unlink(missing_ok=True)
        return problems

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
                return f"{file.name} has another content than declared"
        except FileNotFoundError:
            return f"{file.name} is missing"
        except OSError as error:
            return f"{file.name} can't be read: {error}"
        return None

    def _stamp(self, model: Model, found: Mapping[str, object]) -> None:
        # A read-only cache (a container image) merely pays for hashing again.
        with suppress(OSError), tempfile.NamedTemporaryFile("w", dir=self.folder(model.name), delete=False) as out:
            json.dump(found, out)
            out.flush()
            Path(out.name).chmod(0o644)  # Lambda reads an image as another user than built it
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
        # Named by content, so that a download goes on where another run, or another source, ended.
        partial = self.root / _WORK / file.sha256
        for source in model.sources:
            if source in failed:
                continue
            resumed = partial.exists()
            reason = _try_source(source, file, partial, work, report)
            if reason and resumed and not partial.exists():
                reason = _try_source(source, file, partial, work, report)  # the old beginning was at fault
            if reason:
                failed[source] = f"{source.origin(file)}: {reason}"
                continue
            target = self.folder(model.name) / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)
            return
        tried = "".join(f"\n- {reason}" for reason in failed.values()) or "\n- the manifest names no source"
        raise ModelUnavailable(
            f"No source has {file.name} ({file.bytes} bytes) of the model {model.name}:{tried}",
            f"Check the network, or put the file into {self.folder(model.name)} yourself.",
        )


def _try_source(source: Source, file: ModelFile, partial: Path, work: Path, report: Report) -> str | None:
    """Why the file could not be had; None if `partial` now holds it, verified."""
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
    return f"gave a file with the sha256 {found} instead of {file.sha256}"


def sha256_of(path: Path) -> str:
    """The file's sha256, 64 hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _fingerprint(path: Path, sha256: str) -> dict[str, object] | None:
    # Whole seconds: image layers and archives keep no more of a file's time.
    try:
        stat = path.stat()
    except OSError:
        return None
    return {"sha256": sha256, "bytes": stat.st_size, "modified": int(stat.st_mtime)}


def _default_root() -> Path:
    if configured := os.environ.get("AVFLOW_MODELS"):
        return Path(configured)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "av-workflow" / "models"
