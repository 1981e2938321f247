"""Darknet's trained parameters, the `.weights` file.

Darknet's source is the only specification of the format (github.com/pjreddie/darknet, `load_weights_upto` in
`parser.c`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avflow.darknet.cfg import Convolutional, Network
from avflow.errors import DarknetModelInvalid


@dataclass(frozen=True)
class ConvolutionWeights:
    """The parameters of one convolution: float32, of the shapes (filters,) and `kernel_shape`.

    Without batch normalisation `scale`, `mean` and `variance` are None.
    """

    bias: NDArray[np.float32]
    scale: NDArray[np.float32] | None
    mean: NDArray[np.float32] | None
    variance: NDArray[np.float32] | None
    kernel: NDArray[np.float32]


def read_weights(path: Path, network: Network) -> tuple[ConvolutionWeights, ...]:
    """Read a .weights file: one entry for each convolution of `network`, in order.

    The file has a header (three int32: major, minor, revision; then the number of images in training, with 64 bits
    since version 0.2 and 32 bits before) and then float32 without any structure. So the network must use all of them.

    Raises
    ------
    DarknetModelInvalid
        Floats are missing, left over, or not finite.
    """
    data = np.fromfile(path, dtype=np.uint8)
    if data.size < 16:
        raise DarknetModelInvalid(f"{path.name} has {data.size} bytes: not even the header of a .weights file")
    major, minor, _revision = (int(value) for value in data[:12].view("<i4"))
    wide = major * 10 + minor >= 2 and major < 1000 and minor < 1000
    body = data[20 if wide else 16 :]
    needed = network.parameters
    found, odd = divmod(body.size, 4)
    if found != needed or odd:
        gap = f"{needed - found} are missing" if found < needed else f"{found - needed} are left over"
        problem = gap if found != needed else f"{odd} bytes are left over"
        raise DarknetModelInvalid(f"{path.name} holds {found} floats, the network takes {needed}: {problem}")
    floats = body.view("<f4")
    if not np.isfinite(floats).all():
        raise DarknetModelInvalid(f"{path.name} holds floats that are not finite")
    return tuple(_convolution_weights(floats, network))


def _convolution_weights(floats: NDArray[np.float32], network: Network) -> Iterator[ConvolutionWeights]:
    position = 0

    def take(count: int) -> NDArray[np.float32]:
        nonlocal position
        position += count
        return floats[position - count : position]

    for layer in network.layers:
        if not isinstance(layer, Convolutional):
            continue
        filters = layer.shape[0]
        bias = take(filters)
        scale, mean, variance = (take(filters) if layer.batch_normalize else None for _ in range(3))
        kernel = take(math.prod(layer.kernel_shape)).reshape(layer.kernel_shape)
        yield ConvolutionWeights(bias, scale, mean, variance, kernel)
