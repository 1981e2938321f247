"""A workflow of SCAR as its file declares it (fdl-example.yaml in grycap/scar lists what there can be)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from avflow.errors import AvflowError
from avflow.filenames import printable

Role = Literal["ffmpeg", "audio2srt", "yolov3"]
#: words in the name or the image of a function by which it is known
_WORDS: dict[Role, tuple[str, ...]] = {
    "audio2srt": ("audio2srt",),
    "yolov3": ("yolo", "darknet"),
    "ffmpeg": ("ffmpeg",),
}
#: SCAR's own values for what a function leaves out
MODE = "lambda"


class ScarInvalid(AvflowError):
    """The file is no workflow of SCAR, or not one for videos."""

    advice = "Give the file of `scar init -f`, such as scar-av-workflow.yaml."
    exit_code = os.EX_DATAERR


@dataclass(frozen=True)
class Function:
    """One function.

    Parameters
    ----------
    role:
        What it does for videos; None if nothing of the kind.
    fields, batch, others:
        What stands under `lambda`, under `batch`, and beside them.
    """

    role: Role | None
    fields: Mapping[str, Any]
    batch: Mapping[str, Any]
    others: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.fields.get("name", ""))

    @property
    def image(self) -> str:
        """Its container image."""
        return str(_table(self.fields.get("container")).get("image", ""))

    @property
    def mode(self) -> str:
        """Where it runs: lambda, lambda-batch or batch."""
        return str(self.fields.get("execution_mode", MODE))

    @property
    def compute(self) -> Mapping[str, Any]:
        """Its compute environment on AWS Batch."""
        return _table(self.batch.get("compute_resources"))

    def paths(self, side: Literal["input", "output"]) -> Iterator[str]:
        """The bucket and folder of each input or output: `scar-av-workflow/start`."""
        for each in self.fields.get(side) or ():
            if isinstance(each, Mapping) and each.get("path"):
                yield str(each["path"]).strip("/")


def read(path: Path) -> list[Function]:
    """The functions of a workflow.

    Raises
    ------
    ScarInvalid
        The file can't be read, is not of SCAR's form, or none of its functions is for videos.
    """
    shown = printable(str(path))
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScarInvalid(f"{shown} can't be read: {error.strerror}.") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ScarInvalid(f"{shown} is not YAML: {str(error).splitlines()[0]}.") from error
    listed = _table(_table(found).get("functions")).get("aws")
    if not isinstance(listed, list):
        raise ScarInvalid(f"{shown} has no list `functions: aws:`.")
    functions = [_function(each) for each in listed if isinstance(_table(each).get("lambda"), Mapping)]
    if not any(each.role for each in functions):
        raise ScarInvalid(f"{shown} has no function with ffmpeg, audio2srt or YOLOv3 in its name or image.")
    return functions


def _function(each: Mapping[str, Any]) -> Function:
    fields = each["lambda"]
    named = f"{fields.get('name', '')} {_table(fields.get('container')).get('image', '')}".lower()
    role = next((role for role, words in _WORDS.items() if any(word in named for word in words)), None)
    others = {name: value for name, value in each.items() if name not in ("lambda", "batch")}
    return Function(role, fields, _table(each.get("batch")), others)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
