"""YOLOv3 with random weights of the right size: for time alone, where the published weights can't be had.

Its heads are sure that there is nothing anywhere. Otherwise random heads would give thousands of
boxes a frame, and their suppression and drawing would be measured instead of the network.
"""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avflow.darknet import DATA
from avflow.darknet.cfg import Convolutional, Network, read_network
from avflow.detection import convert_model
from avflow.models.manifest import MANIFEST
from avflow.models.store import ModelStore, sha256_of
from benchmarks.common import ROOT

NAME = "yolov3-random"
#: where benchmarks keep models and what is made of them
MODELS = ROOT / "build" / "bench" / "models"
#: of which each sigmoid is 0 in float32
_NOTHING = -100.0
#: values of a box before its classes: centre, size, and at 4 whether there is an object
_BOX_VALUES = 5


def model_folder(folder: Path) -> Path:
    """A folder for AVFLOW_MODELS with the model `NAME` in it, ready to be used; made at the first call.

    The models that this machine has already are linked into it. `environment` names it to a process.
    """
    weights = folder / NAME / f"{NAME}.weights"
    if not weights.exists():
        weights.parent.mkdir(parents=True, exist_ok=True)
        cfg = weights.with_suffix(".cfg")
        shutil.copyfile(DATA / "yolov3.cfg", cfg)
        partial = weights.with_suffix(".partial")
        write_random_weights(read_network(cfg), partial)
        partial.replace(weights)
    (folder / "models.toml").write_text(_manifest(weights), encoding="utf-8")
    usual = ModelStore(manifest=MANIFEST)
    for name in usual.names():
        if usual.folder(name).is_dir() and not (folder / name).exists():
            (folder / name).symlink_to(usual.folder(name))
    convert_model(NAME, ModelStore(folder, folder / "models.toml"))
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The environment variables with which `avflow` knows the models of `model_folder`."""
    return {"AVFLOW_MODELS": os.fspath(folder), "AVFLOW_MODELS_TOML": os.fspath(folder / "models.toml")}


def _manifest(weights: Path) -> str:
    files = "".join(
        f'[[model.file]]\nname = "{path.name}"\nbytes = {path.stat().st_size}\nsha256 = "{sha256_of(path)}"\n'
        for path in (weights, weights.with_suffix(".cfg"))
    )
    return f'[[model]]\nname = "{NAME}"\nkind = "yolov3"\nabout = "YOLOv3 with random weights"\n{files}'


def write_random_weights(network: Network, path: Path) -> None:
    """Weights in Darknet's file format with which neither layers nor shortcuts let the values grow."""
    random = np.random.default_rng(20180408)
    with path.open("wb") as file:
        file.write(struct.pack("<iiiQ", 0, 2, 5, 0))
        for layer in network.layers:
            if not isinstance(layer, Convolutional):
                continue
            filters, *rest = layer.kernel_shape
            floats: list[NDArray[np.float64]] = [random.normal(0, 0.1, filters)]
            if layer.batch_normalize:
                floats += [random.uniform(*bounds, filters) for bounds in ((0.4, 0.9), (-0.1, 0.1), (0.5, 1.5))]
            else:  # only what feeds a head has no batch normalization
                boxes = floats[0].reshape(-1, _BOX_VALUES + network.heads[0].classes)
                boxes[:, _BOX_VALUES - 1] = _NOTHING
            floats.append(random.normal(0, np.sqrt(2 / np.prod(rest)), layer.kernel_shape).ravel())
            for values in floats:
                values.astype("<f4").tofile(file)
