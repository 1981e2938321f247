"""The results that are exported: the manifest, and the detections frame by frame."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from avflow.annotation.detections import DetectedObject, FrameDetections, read_line
from avflow.darknet import DATA
from avflow.darknet.names import names_in
from avflow.errors import AvflowError, ModelManifestInvalid, ModelUnknown, SourceMissing
from avflow.filenames import printable
from avflow.models.store import ModelStore

MANIFEST, DETECTIONS = ".json", ".detections.jsonl"
_GIVE = "Give the manifest or the detections of a video: avflow export result/my_video.json --to csv."
_AGAIN = "Copy both files again from where they were written: they belong to one run."


class ResultInvalid(AvflowError):
    """A file is not a manifest or a file of detections, has nothing to export, or the two are not of one run."""

    advice = _GIVE
    exit_code = os.EX_DATAERR


@dataclass(frozen=True)
class Results:
    """The results of one video. Boxes are in pixels of `size`.

    Parameters
    ----------
    base:
        The path of both files without their suffixes.
    video:
        The name of the uploaded file.
    frames:
        How many the video has.
    size:
        Width and height of a frame in pixels.
    model:
        What the manifest says of the detector.
    own_names:
        A file with the names of the classes, in place of the model's.
    """

    base: str
    video: str
    frames: int
    size: tuple[int, int]
    model: Mapping[str, Any]
    own_names: Path | None = None

    @classmethod
    def find(cls, path: Path, names: Path | None = None) -> Results:
        """The results that `path` names: one of the two files, or the folder with them.

        Raises
        ------
        SourceMissing
            One of the files is not there.
        ResultInvalid
            A file is something else, or the folder has the results of several videos, or the video has no picture.
        """
        base = _base(path)
        for suffix in (MANIFEST, DETECTIONS):
            if not Path(base + suffix).is_file():
                raise SourceMissing(
                    f"There is no {_shown(Path(base + suffix))} beside {_shown(path)}",
                    "Copy both there: the manifest and the detections of a video are needed.",
                )
        return cls._of(Path(base + MANIFEST), base, names)

    @classmethod
    def _of(cls, path: Path, base: str, names: Path | None) -> Results:
        try:
            manifest = json.loads(path.read_bytes())
            found, key, model = manifest["detections"], manifest["source"]["key"], manifest["models"]
            if found is None:
                raise ResultInvalid(f"The video of {_shown(path)} has no video stream, so nothing was detected.")
            frames, (width, height) = found["frames"], found["size"]
            if all(type(number) is int and number > 0 for number in (frames, width, height)):
                name = str(key).rpartition("/")[2]
                return cls(base, name, frames, (width, height), dict(model["detector"]), names)
        except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ResultInvalid(f"{_shown(path)} is not a manifest of av-workflow") from error
        raise ResultInvalid(f"{_shown(path)} is not a manifest of av-workflow")

    @property
    def manifest(self) -> Path:
        """The file of the manifest."""
        return Path(self.base + MANIFEST)

    @property
    def detections(self) -> Path:
        """The file of the detections."""
        return Path(self.base + DETECTIONS)

    def lines(self) -> Iterator[FrameDetections]:
        """The detections of each frame, one after another.

        Raises
        ------
        ResultInvalid
            A line is something else, or there are more or fewer frames than the manifest says.
        """
        number = -1
        with self.detections.open("rb") as file:
            for number, text in enumerate(file):
                try:
                    line = read_line(text)
                except ValueError as error:
                    raise ResultInvalid(
                        f"Line {number + 1} of {_shown(self.detections)} is not one of detections", _AGAIN
                    ) from error
                if line.frame != number:
                    raise ResultInvalid(
                        f"Line {number + 1} of {_shown(self.detections)} has frame {line.frame}", _AGAIN
                    )
                yield line
        if number + 1 != self.frames:
            raise ResultInvalid(
                f"{_shown(self.detections)} has {number + 1} frames, {_shown(self.manifest)} says {self.frames}", _AGAIN
            )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes that the detector knows, in the order of their numbers.

        Raises
        ------
        ResultInvalid
            They are not on this machine.
        """
        if self.own_names is not None:
            return _names_in(self.own_names)
        try:
            own = [(file["name"], file["sha256"]) for file in self.model["files"] if file["name"].endswith(".names")]
        except (KeyError, TypeError, AttributeError) as error:
            raise ResultInvalid(f"{_shown(self.manifest)} does not say which files the detector has", _AGAIN) from error
        return self._of_model(*own[0]) if own else names_in(DATA / "coco.names")

    def _of_model(self, name: str, sha256: str) -> tuple[str, ...]:
        """The names of a model of the user's own, if it is on this machine as it was when it detected."""
        try:
            path = ModelStore().folder(str(self.model["name"])) / Path(name).name
            if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                return _names_in(path)
        except (ModelUnknown, ModelManifestInvalid):
            pass
        raise ResultInvalid(
            f"The class names of the detector {self.model.get('name')} are not on this machine, or have changed",
            f"Give its file {name}: avflow export … --names FILE.",
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in reversed([*enumerate(self.classes)])}

    def number(self, found: DetectedObject) -> int:
        """The number of an object's class, from 0, as in the model's file of names.

        Raises
        ------
        ResultInvalid
            The detector knows no such class.
        """
        try:
            return self._numbers[found.class_name]
        except KeyError:
            raise ResultInvalid(
                f"The detections have the class {found.class_name!r}, which the names of the detector lack",
                "Give the names of the model that detected them: avflow export … --names FILE.",
            ) from None


def _names_in(path: Path) -> tuple[str, ...]:
    try:
        return names_in(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ResultInvalid(
            f"The class names can't be read from {_shown(path)}: {reason}", "Give a text with one name on each line."
        ) from error


def _base(path: Path) -> str:
    """The path of the results without their suffixes."""
    if not path.exists():
        raise SourceMissing(f"{_shown(path)} is not there", _GIVE)
    if not path.is_dir():
        for suffix in (DETECTIONS, MANIFEST):
            if path.name.endswith(suffix) and path.name != suffix:
                return str(path)[: -len(suffix)]
        raise ResultInvalid(f"{_shown(path)} is neither a manifest (….json) nor detections (….detections.jsonl)")
    found = sorted(each.name for each in path.iterdir() if each.name.endswith(DETECTIONS))
    if not found:
        raise SourceMissing(f"The folder {_shown(path)} has no detections (….detections.jsonl)", _GIVE)
    if len(found) > 1:
        names = printable(", ".join(found[:5])) + (", …" if len(found) > 5 else "")
        raise ResultInvalid(
            f"The folder {_shown(path)} has the results of several videos: {names}", "Name one of them."
        )
    return str(path / found[0])[: -len(DETECTIONS)]


def _shown(path: Path) -> str:
    return printable(str(path))
