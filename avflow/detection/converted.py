"""The ONNX files that are made of a Darknet model and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from avflow.darknet.cfg import Network
from avflow.darknet.weights import read_weights
from avflow.detection.letterbox import Frame
from avflow.errors import ModelUnavailable

#: part of the files' names: raise it whenever `avflow.darknet.onnx_export` writes the same network differently
EXPORT_VERSION = 1
#: the same for `avflow.detection.quantization`
QUANTIZATION_VERSION = 2


@dataclass(frozen=True)
class Converted:
    """What is made of a Darknet model, each file at its first use.

    Parameters
    ----------
    cfg, weights:
        The model's files.
    network:
        What `cfg` describes.
    cache_dir:
        Where to keep the files that are made.
    weights_sha256:
        Hexadecimal, where it is known: `weights`, hundreds of megabytes, then isn't read at all once
        the network is converted.

    Every method raises DarknetModelInvalid if the files don't describe one network.
    """

    cfg: Path
    weights: Path
    network: Network
    cache_dir: Path
    weights_sha256: str | None = None

    def onnx(self, *, half: bool = False) -> Path:
        """The network as ONNX; `half` for the one in float16."""
        path = self._path(".fp16" if half else "")
        if not path.exists():
            from avflow.darknet.onnx_export import export_onnx  # noqa: PLC0415  heavy, and not needed where the file is there

            export_onnx(self.network, read_weights(self.weights, self.network), path, half=half)
        return path

    def int8(self) -> Path:
        """The network that `quantize` made; ModelUnavailable if it didn't yet."""
        path = self._int8_path
        if not path.exists():
            width, height = self.network.input_size
            raise ModelUnavailable(
                f"{self.weights.name} has no int8 network for an input of {width}x{height}",
                f"Make it with `avflow models quantize {self.weights.stem}`, or choose the precision `fastest`.",
            )
        return path

    def quantize(self, frames: Iterable[Frame], check: Callable[[Path], object] = lambda made: None) -> Path:
        """Make the int8 network anew from `avflow.detection.quantization.calibration_frames`.

        Where `check`, given the new file, raises, the one that was there before stays.
        """
        from avflow.detection.quantization import quantize  # noqa: PLC0415  heavy, and a tool's only

        path = self._int8_path
        quantize(self.onnx(), self.network, frames, path, check)
        return path

    @property
    def _int8_path(self) -> Path:
        return self._path(".int8", f" int8 {QUANTIZATION_VERSION}")

    def _path(self, kind: str, made_by: str = "") -> Path:
        """Its name holds a hash of everything the file depends on: a changed model is another file."""
        digest = hashlib.sha256(f"{EXPORT_VERSION} {self.network.input_size}{made_by}".encode())
        digest.update(_sha256(self.cfg))
        digest.update(bytes.fromhex(self.weights_sha256) if self.weights_sha256 else _sha256(self.weights))
        return self.cache_dir / f"{self.weights.stem}-{digest.hexdigest()[:16]}{kind}.onnx"


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
