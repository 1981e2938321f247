"""The ONNX file computes what the .cfg says, by another engine and by plain numpy."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from avflow.darknet.cfg import Convolutional, MaxPool, Network, Route, Shortcut, Upsample, Yolo, read_network
from avflow.darknet.onnx_export import export_onnx
from avflow.darknet.weights import ConvolutionWeights, read_weights
from scripts import record_darknet_boxes as recorder

#: every layer, activation and option that is read, with an odd-sized input
EVERYTHING = """[net]
width=39
height=27
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=mish
[convolutional]
filters=8
size=3
padding=1
groups=2
activation=swish
[shortcut]
from=-2
activation=leaky
[maxpool]
size=2
stride=2
[route]
layers=-1
groups=2
group_id=1
[maxpool]
size=5
stride=1
[maxpool]
size=2
stride=1
[convolutional]
batch_normalize=1
filters=4
size=1
activation=relu
[shortcut]
from=-2,-4
activation=linear
[route]
layers=-1,3,-3
[convolutional]
filters=6
size=1
activation=logistic
[yolo]
mask=0
anchors=10,10
classes=1
[route]
layers=-3
[upsample]
stride=3
scale=0.5
[convolutional]
filters=6
size=2
activation=linear
[yolo]
mask=0
anchors=10,10
classes=1
"""

ACTIVATIONS = {
    "linear": lambda x: x,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "relu": lambda x: np.maximum(x, 0),
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}


def windows(value: np.ndarray, size: int, stride: int) -> np.ndarray:
    """(channels, rows, columns, size, size)"""
    return np.lib.stride_tricks.sliding_window_view(value, (size, size), (1, 2))[:, ::stride, ::stride]


def convolve(layer: Convolutional, weights: ConvolutionWeights, value: np.ndarray) -> np.ndarray:
    value = np.pad(value, [(0, 0), (layer.padding,) * 2, (layer.padding,) * 2])
    groups = np.split(windows(value, layer.size, layer.stride), layer.groups)
    kernels = np.split(weights.kernel.astype(float), layer.groups)
    value = np.concatenate([np.einsum("chwij,fcij->fhw", *pair) for pair in zip(groups, kernels, strict=True)])
    if layer.batch_normalize:
        mean, variance, scale = (values[:, None, None] for values in (weights.mean, weights.variance, weights.scale))
        value = (value - mean) / (np.sqrt(variance) + 1e-6) * scale
    return ACTIVATIONS[layer.activation](value + weights.bias[:, None, None])


def pool(layer: MaxPool, value: np.ndarray) -> np.ndarray:
    # Darknet's own way: windows begin at -(padding // 2), and what lies outside is lower than anything
    near = layer.padding // 2
    value = np.pad(value, [(0, 0), (near, layer.size * 2), (near, layer.size * 2)], constant_values=-np.inf)
    return windows(value, layer.size, layer.stride)[:, : layer.shape[1], : layer.shape[2]].max((3, 4))


def forward(network: Network, weights: tuple[ConvolutionWeights, ...], value: np.ndarray) -> list[np.ndarray]:
    """The heads, computed layer by layer in float64."""
    outputs: list[np.ndarray] = []
    remaining = iter(weights)
    for layer in network.layers:
        match layer:
            case Convolutional():
                value = convolve(layer, next(remaining), value)
            case Shortcut():
                value = ACTIVATIONS[layer.activation](value + sum(outputs[source] for source in layer.sources))
            case Route():
                parts = [np.split(outputs[source], layer.groups)[layer.group_id] for source in layer.sources]
                value = np.concatenate(parts)
            case MaxPool():
                value = pool(layer, value)
            case Upsample():
                value = value.repeat(layer.stride, 1).repeat(layer.stride, 2) * layer.scale
        assert value.shape == layer.shape
        outputs.append(value)
    return [value for layer, value in zip(network.layers, outputs, strict=True) if isinstance(layer, Yolo)]


def run(network: Network, weights: Path, folder: Path, blobs: np.ndarray) -> list[np.ndarray]:
    path = folder / "network.onnx"
    export_onnx(network, read_weights(weights, network), path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": blobs})


def test_every_layer_against_plain_numpy(tmp_path):
    cfg = tmp_path / "everything.cfg"
    cfg.write_text(EVERYTHING)
    network = read_network(cfg)
    weights = tmp_path / "everything.weights"
    recorder.write_random_weights(network, weights)
    blobs = np.random.default_rng(1).normal(size=(3, 3, 27, 39)).astype(np.float32)
    heads = run(network, weights, tmp_path, blobs)
    for number, blob in enumerate(blobs):  # a batch of three pictures gives what each gives by itself
        expected = forward(network, read_weights(weights, network), blob)
        for head, wanted in zip(heads, expected, strict=True):
            assert wanted.std() > 0.1
            np.testing.assert_allclose(head[number], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", recorder.STRUCTURES)
def test_whole_networks_with_random_weights_against_darknet(tmp_path, name):
    cfg, weights = recorder.random_model(recorder.DATA / f"{name}.cfg", recorder.STRUCTURE_SIZE, tmp_path)
    blob = recorder.random_blob(recorder.STRUCTURE_SIZE)
    heads = run(read_network(cfg), weights, tmp_path, blob[np.newaxis])
    with np.load(recorder.RECORDINGS / "heads.npz") as recorded:
        for number, head in enumerate(heads):
            np.testing.assert_allclose(recorder.sampled(head), recorded[f"{name}.{number}"], rtol=0, atol=2e-5)
    if recorder.LIBRARY.exists():
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            raw = process.submit(recorder.raw_heads, cfg, weights, blob).result()
        for head, wanted in zip(heads, raw, strict=True):
            np.testing.assert_allclose(head.ravel(), wanted, rtol=0, atol=2e-5)


def test_the_file_is_valid_onnx_with_a_free_batch_size_and_appears_whole(tmp_path):
    cfg, weights = recorder.random_model(recorder.DATA / "yolov3-tiny.cfg", 96, tmp_path)
    network = read_network(cfg)
    path = tmp_path / "new" / "network.onnx"
    export_onnx(network, read_weights(weights, network), path)
    assert [file.name for file in path.parent.iterdir()] == ["network.onnx"]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    dimensions = [
        dimension.dim_param or dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim
    ]
    assert dimensions == ["batch", 3, 96, 96]
    assert [output.name for output in model.graph.output] == ["head0", "head1"]
