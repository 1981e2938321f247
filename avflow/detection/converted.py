"""The cached ONNX files of a Darknet model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from avflow.darknet.cfg import Network
from avflow.darknet.weights import read_weights
from avflow.detection.letterbox import Frame
from avflow.errors import ModelUnavailable

#: part of the file names: raise it when `avflow.darknet.onnx_export` writes the same network differently
EXPORT_VERSION = 1
#: the same for `avflow.detection.quantization`
QUANTIZATION_VERSION = 2


@dataclass(frozen=True)
class Converted:
    """The ONNX files of a Darknet model. Each is made at its first use.

    Parameters
    ----------
    cfg, weights:
        The model's files.
    network:
        The network that `cfg` describes.
    cache_dir:
        The folder of the ONNX files.
    weights_sha256:
        Hexadecimal, if it is known. Then a converted network needs no look at `weights`, which has hundreds of
        megabytes.

    Every method raises DarknetModelInvalid if the files don't describe one network.
    """

    cfg: Path
    weights: Path
    network: Network
    cache_dir: Path
    weights_sha256: str | None = None

    def onnx(self, *, half: bool = False) -> Path:
        """The network as ONNX, in float32; with `half` in float16."""
        path = self._path(".fp16" if half else "")
        if not path.exists():
            from avflow.darknet.onnx_export import export_onnx  # noqa: PLC0415  heavy, and rarely needed

            export_onnx(self.network, read_weights(self.weights, self.network), path, half=half)
        return path

    def has(self, *, half: bool = False) -> bool:
        """Whether `onnx` has made the network before."""
        return self._path(".fp16" if half else "").exists()

    def int8(self) -> Path:
        """The network that `quantize` made. Raises ModelUnavailable if there is none."""
        path = self._int8_path
        if not path.exists():
            width, height = self.network.input_size
            raise ModelUnavailable(
                f"{self.weights.name} has no int8 network for an input of {width}x{height}",
                f"Make it with `avflow models quantize {self.weights.stem}`, or choose the precision `fastest`.",
            )
        return path

    def quantize(self, frames: Iterable[Frame], check: Callable[[Path], object] = lambda made: None) -> Path:
        """Make the int8 network from `avflow.detection.quantization.calibration_frames`.

        `check` gets the new file. If it raises, an older int8 network stays.
        """
        from avflow.detection.quantization import quantize  # noqa: PLC0415  heavy, and only a tool needs it

        path = self._int8_path
        quantize(self.onnx(), self.network, frames, path, check)
        return path

    @property
    def _int8_path(self) -> Path:
        return self._path(".int8", f" int8 {QUANTIZATION_VERSION}")

    def _path(self, kind: str, made_by: str = "") -> Path:
        """The file name contains a hash of everything that the file depends on, so a changed model is another file."""
        digest = hashlib.sha256(f"{EXPORT_VERSION} {self.network.input_size}{made_by}".encode())
        digest.update(_sha256(self.cfg))
        digest.update(bytes.fromhex(self.weights_sha256) if self.weights_sha256 else _sha256(self.weights))
        return self.cache_dir / f"{self.weights.stem}-{digest.hexdigest()[:16]}{kind}.onnx"


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
