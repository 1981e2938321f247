"""Convert the model of an image while the image is built. A running image is read-only.

usage: python convert_model.py NAME PRECISION FRAMES
"""

from __future__ import annotations

import sys
from pathlib import Path

from avflow.detection import convert_model, quantize_model
from avflow.models.store import ModelStore


def main(name: str, precision: str, frames: str) -> None:
    """Convert the model `name` for CPU and GPU. For `int8` also quantize it with the video or folder `frames`."""
    store = ModelStore()
    made = convert_model(name, store)
    if precision == "int8":
        path, agreement = quantize_model(name, store, Path(frames))
        made.append(path)
        print(f"int8 finds {agreement.recall:.1%} of the {agreement.boxes} boxes that float32 finds")
    print("as ONNX:", *made)


if __name__ == "__main__":
    main(*sys.argv[1:])
