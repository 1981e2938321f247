"""Reading Darknet's .weights files: every float in its place, and none missing or left over."""

import struct
from pathlib import Path

import numpy as np
import pytest

from avflow.darknet.cfg import Network, read_network
from avflow.darknet.weights import read_weights
from avflow.errors import DarknetModelInvalid

CFG = """[net]
width=32
height=32
[convolutional]
batch_normalize=1
filters=2
size=3
activation=leaky
[convolutional]
filters=6
size=1
activation=linear
[yolo]
mask=0
anchors=10,10
classes=1
"""
#: the first: bias, scale, mean, variance and kernel; the second: bias and kernel
FLOATS = (2 + 2 + 2 + 2 + 2 * 3 * 9) + (6 + 6 * 2)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    (tmp_path / "own.cfg").write_text(CFG)
    return read_network(tmp_path / "own.cfg")


def weights(tmp_path: Path, floats: np.ndarray, header: bytes = struct.pack("<iiiQ", 0, 2, 0, 1 << 40)) -> Path:
    path = tmp_path / "own.weights"
    path.write_bytes(header + floats.astype("<f4").tobytes())
    return path


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(struct.pack("<iiiQ", 0, 2, 0, 1 << 40), id="0.2: 64 bits of pictures seen"),
        pytest.param(struct.pack("<iiiQ", 1, 0, 0, 7), id="1.0"),
        pytest.param(struct.pack("<iiiI", 0, 1, 0, 7), id="0.1: 32 bits"),
    ],
)
def test_each_float_is_where_darknet_puts_it(tmp_path, network, header):
    path = weights(tmp_path, np.arange(FLOATS), header)
    first, second = read_weights(path, network)
    assert first.bias.tolist() == [0, 1]
    assert first.scale.tolist() == [2, 3]
    assert first.mean.tolist() == [4, 5]
    assert first.variance.tolist() == [6, 7]
    assert first.kernel.shape == (2, 3, 3, 3)
    assert first.kernel[1, 2].tolist() == [[53, 54, 55], [56, 57, 58], [59, 60, 61]]
    assert second.scale is second.mean is second.variance is None
    assert second.bias.tolist() == [62, 63, 64, 65, 66, 67]
    assert second.kernel[5, :, 0, 0].tolist() == [78, 79]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data[:-12], "holds 77 floats, the network takes 80: 3 are missing"),
        (lambda data: data + bytes(8), "holds 82 floats, the network takes 80: 2 are left over"),
        (lambda data: data + bytes(3), "3 bytes are left over"),
        (lambda data: data[:7], "7 bytes: not even the header"),
        (lambda data: b"", "0 bytes"),
        (lambda data: data[:20] + b"\xff\xff\xff\x7f" + data[24:], "not finite"),
    ],
)
def test_a_file_that_is_not_of_this_network(tmp_path, network, change, problem):
    path = weights(tmp_path, np.arange(FLOATS))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DarknetModelInvalid, match=problem) as error:
        read_weights(path, network)
    assert "own.weights" in error.value.message
    assert ".cfg" in error.value.advice
