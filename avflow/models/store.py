"""The models that av-workflow can use, and the folder on this machine that holds their verified files.

`models.toml` declares the models. A second manifest of the user's own (AVFLOW_MODELS_TOML) adds models or replaces
some. A file is used only if its sha256 is the declared one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from avflow.errors import ModelManifestInvalid, ModelUnavailable, ModelUnknown
from avflow.models.cache import cache_folder
from avflow.models.kinds import Use
from avflow.models.manifest import MANIFEST, STAMP, Model, load_manifest, require_distinct
from avflow.models.sources import FolderSource, ModelFile, Source, SourceFailed
from avflow.progress import Meter, Report, ignore

#: The folder `models` of a checkout, for files that a user has already. The build of an image copies it there too. An
#: installed package has none beside it, and takes that of the current folder.
_BESIDE = Path(__file__).parents[2]
GIVEN = Path("models") if _BESIDE.name in ("site-packages", "dist-packages") else _BESIDE / "models"
#: partial downloads and locks; lies beside the models' folders
_WORK = ".partial"
#: between two looks whether another process has finished its download
_LOCK_SECONDS = 0.1


@dataclass
class _Asked:
    """The sources that are not asked, and those that have failed, each with a sentence."""

    without: Container[Source]
    failed: dict[Source, str] = field(default_factory=dict)


class ModelStore:
    """The folder on this machine that holds the models.

    Parameters
    ----------
    root:
        The folder. When left out: AVFLOW_MODELS, or `av-workflow/models` in the user's cache folder (`cache_folder`).
    manifest:
        A second manifest. When left out: AVFLOW_MODELS_TOML. If both manifests declare a model, this one wins.
    given:
        A folder whose files are taken before any other source is asked, if their sha256 is the declared one.

    Raises
    ------
    ModelManifestInvalid
    """

    def __init__(self, root: Path | None = None, manifest: Path | None = None, given: Path = GIVEN) -> None:
        self.given = given
        self.root = root or _from_environ("AVFLOW_MODELS") or cache_folder("models")
        own = manifest or _from_environ("AVFLOW_MODELS_TOML")
        self._models = load_manifest(MANIFEST) | (load_manifest(own) if own else {})
        try:
            require_distinct(self._models)
        except ValueError as error:
            raise ModelManifestInvalid(f"The model manifest {own} can't be used: {error}.") from error

    @property
    def converted(self) -> Path:
        """The folder for networks that were made from models: ONNX, int8, and what engines compile from them."""
        return self.root / "converted"

    @property
    def readable(self) -> list[Path]:
        """What a process reads to open models: the folder, the user's manifest, and what links in it lead to."""
        found = [self.root, *filter(None, [_from_environ("AVFLOW_MODELS_TOML")])]
        for depth in ("*", "*/*"):
            found += [path.resolve() for path in self.root.glob(depth) if path.is_symlink()]
        return found

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

    def sources(self, name: str, file: ModelFile) -> list[Source]:
        """The sources that are meant to have a file of the model, in the order in which they are asked.

        Raises
        ------
        ModelUnknown
        """
        model = self.describe(name)
        return [each for each in (FolderSource(self.given, name), *model.sources) if each.offers(file)]

    def fetch(self, name: str, report: Report = ignore, without: Container[Source] = ()) -> Path:
        """Like `path`, but download files that are missing or damaged.

        Several processes may call this at once: one downloads, the others wait for it.

        Parameters
        ----------
        without:
            Sources that are not asked.

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
            with self._locked(model.name, f"fetches {model.name}", report):
                self._fetch_missing(model, report, without)
        except OSError as error:
            raise ModelUnavailable(
                f"The model {name} can't be stored in {self.root}: {error}.",
                "Free some space, or set AVFLOW_MODELS to a folder that you can write to.",
            ) from error
        return self.folder(name)

    @contextmanager
    def converting(self, name: str, report: Report = ignore) -> Iterator[Path]:
        """The folder `converted`, in which meanwhile no other process converts the model.

        Raises
        ------
        ModelUnavailable
            The folder can't be written.
        """
        with ExitStack() as stack:
            try:
                self.converted.mkdir(parents=True, exist_ok=True)
                stack.enter_context(self._locked(f"{name}.converted", f"converts {name}", report))
            except OSError as error:
                raise ModelUnavailable(
                    f"The network of {name} can't be stored in {self.converted}: {error}.",
                    "Free some space, or set AVFLOW_MODELS to a folder that you can write to.",
                ) from error
            yield self.converted

    def verify(self, name: str) -> list[str]:
        """Hash every file of the model again. Returns a sentence for each file that is missing or differs."""
        model = self.describe(name)
        problems = [problem for file in model.files if (problem := self._damage(model, file))]
        if problems:
            with suppress(OSError):
                (self.folder(name) / STAMP).unlink(missing_ok=True)
        return problems

    def remove_partial_downloads(self) -> None:
        """Remove what interrupted downloads left, with the locks. No process may be fetching."""
        shutil.rmtree(self.root / _WORK, ignore_errors=True)

    # ------------------------------------------------------------ verification
    def _problems(self, model: Model) -> list[str]:
        folder = self.folder(model.name)
        found = {file.name: _fingerprint(folder / file.name, file.sha256) for file in model.files}
        with suppress(OSError, ValueError):
            if json.loads((folder / STAMP).read_text(encoding="utf-8")) == found:
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
            Path(out.name).replace(self.folder(model.name) / STAMP)

    # ------------------------------------------------------------ download
    @contextmanager
    def _locked(self, name: str, work: str, report: Report) -> Iterator[None]:
        (self.root / _WORK).mkdir(parents=True, exist_ok=True)
        with (self.root / _WORK / f"{name}.lock").open("a") as lock:
            meter = Meter(f"wait for another process that {work}", None, "bytes", report)
            while not _taken(lock):
                meter.tick()  # which may end the waiting
                time.sleep(_LOCK_SECONDS)
            yield

    def missing(self, name: str) -> list[ModelFile]:
        """The files of the model that are not here, or not whole."""
        model = self.describe(name)
        return [file for file in model.files if self._damage(model, file)] if self._problems(model) else []

    def _fetch_missing(self, model: Model, report: Report, without: Container[Source]) -> None:
        asked = _Asked(without)
        with tempfile.TemporaryDirectory(dir=self.root / _WORK) as work:
            for file in model.files:
                if self._damage(model, file):
                    self._fetch_file(model, file, Path(work), asked, report)
        self._problems(model)

    def _fetch_file(self, model: Model, file: ModelFile, work: Path, asked: _Asked, report: Report) -> None:
        # named by content, so that a download continues where another run, or another source, stopped
        partial = self.root / _WORK / file.sha256
        sources = [each for each in self.sources(model.name, file) if each not in asked.without]
        for source in sources:
            if source in asked.failed:
                continue
            resumed = partial.exists()
            reason = _try_source(source, file, partial, work, report)
            if reason and resumed and not partial.exists():
                reason = _try_source(source, file, partial, work, report)  # the earlier part was wrong
            if reason:
                asked.failed[source] = f"{source.origin(file)}: {reason}"
                continue
            target = self.folder(model.name) / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)
            return
        tried = "".join(f"\n- {asked.failed[source]}" for source in sources if source in asked.failed)
        tried = tried or "\n- the manifest declares no source"
        raise ModelUnavailable(
            f"No source has {file.name} ({file.bytes} bytes) of the model {model.name}:{tried}",
            f"Check the network, or put the file with the sha256 {file.sha256} into {self.given} yourself, "
            f"as {model.name}/{file.name}.",
        )


def _taken(lock: IO[str]) -> bool:
    """Whether the lock is this process's now. The end of the file, or of the process, gives it back."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
