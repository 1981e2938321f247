"""A Darknet network as an ONNX file, which every fast inference engine reads.

The input is `image`, float32 of shape (N, 3, height, width), RGB, 0 to 1. The outputs are the raw detection heads, in
the order of the .cfg, each of shape (N, anchors * (5 + classes), rows, columns).

`avflow.detection.heads` decodes the heads with numpy. Of the 10 647 candidate boxes of YOLOv3-416 a handful passes the
threshold, and only those need sigmoids and exponentials. The graph would decode all 905 000 values, in the precision of
the engine.

In float16, for GPUs, weights and heads are float16. The device converts the image.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from avflow.darknet.cfg import Convolutional, MaxPool, Network, Route, Shortcut, Upsample, Yolo
from avflow.darknet.weights import ConvolutionWeights

#: the lowest with Mish; ONNX Runtime and OpenVINO have supported it for years
OPSET = 18
IR_VERSION = 8
#: Darknet's normalize_cpu() divides by sqrt(variance) + epsilon
NORMALIZATION_EPSILON = 1e-6
LEAKY_SLOPE = 0.1


def fold_batch_normalization(weights: ConvolutionWeights) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel and bias of one convolution that does the work of convolution and batch normalisation."""
    if weights.scale is None or weights.mean is None or weights.variance is None:
        return weights.kernel, weights.bias
    deviation = np.sqrt(weights.variance.astype(np.float64)) + NORMALIZATION_EPSILON
    factor = weights.scale / deviation
    kernel = weights.kernel * factor[:, None, None, None]
    bias = weights.bias - weights.mean * factor
    return kernel.astype(np.float32), bias.astype(np.float32)


class _Graph:
    """The nodes and constants of an ONNX graph under construction. All values have the type `kind`."""

    def __init__(self, kind: type[np.floating[Any]]) -> None:
        self.kind = kind
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append a node with one output, and return the name of both."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weights(self, name: str, values: NDArray[np.floating[Any]]) -> str:
        return self.constant(name, values.astype(self.kind))

    def activate(self, activation: str, value: str) -> str:
        name = f"{value}_{activation}"
        if activation == "linear":
            return value
        if activation == "leaky":
            return self.add("LeakyRelu", [value], name, alpha=LEAKY_SLOPE)
        if activation == "swish":
            return self.add("Mul", [value, self.add("Sigmoid", [value], f"{value}_sigmoid")], name)
        return self.add({"relu": "Relu", "logistic": "Sigmoid", "mish": "Mish"}[activation], [value], name)


def export_onnx(network: Network, weights: tuple[ConvolutionWeights, ...], path: Path, *, half: bool = False) -> None:
    """Write `network` as an ONNX file with a free batch size, complete or not at all.

    Parameters
    ----------
    half:
        Whether to write float16.
    """
    graph = _Graph(np.float16 if half else np.float32)
    remaining = iter(weights)
    tensors: list[str] = []
    heads: list[str] = []
    value = graph.add("Cast", ["image"], "image_half", to=TensorProto.FLOAT16) if half else "image"
    for index, layer in enumerate(network.layers):
        name = f"layer{index}"
        match layer:
            case Convolutional():
                value = _convolution(graph, name, layer, next(remaining), value)
            case Shortcut():
                for number, source in enumerate(layer.sources):
                    value = graph.add("Add", [value, tensors[source]], f"{name}_{number}")
                value = graph.activate(layer.activation, value)
            case Route():
                value = _route(graph, name, layer, network, tensors)
            case MaxPool():
                value = _maxpool(graph, name, layer, value)
            case Upsample():
                value = _upsample(graph, name, layer, value)
            case Yolo():
                value = graph.add("Identity", [value], f"head{len(heads)}")
                heads.append(value)
        tensors.append(value)
    _write(_model(network, graph, heads), path)


def _convolution(graph: _Graph, name: str, layer: Convolutional, weights: ConvolutionWeights, value: str) -> str:
    kernel, bias = fold_batch_normalization(weights)
    value = graph.add(
        "Conv",
        [value, graph.weights(f"{name}_kernel", kernel), graph.weights(f"{name}_bias", bias)],
        name,
        kernel_shape=[layer.size] * 2,
        strides=[layer.stride] * 2,
        pads=[layer.padding] * 4,
        group=layer.groups,
    )
    return graph.activate(layer.activation, value)


def _route(graph: _Graph, name: str, layer: Route, network: Network, tensors: list[str]) -> str:
    parts: list[str] = []
    for number, source in enumerate(layer.sources):
        part = tensors[source]
        if layer.groups > 1:
            channels = network.layers[source].shape[0] // layer.groups
            bounds = np.array([layer.group_id, layer.group_id + 1], np.int64) * channels
            start = graph.constant(f"{name}_{number}_start", bounds[:1])
            end = graph.constant(f"{name}_{number}_end", bounds[1:])
            axis = graph.constant(f"{name}_{number}_axis", np.array([1], np.int64))
            part = graph.add("Slice", [part, start, end, axis], f"{name}_{number}")
        parts.append(part)
    return graph.add("Concat", parts, name, axis=1) if len(parts) > 1 else parts[0]


def _maxpool(graph: _Graph, name: str, layer: MaxPool, value: str) -> str:
    near = layer.padding // 2
    # padding on the far side only as far as the last window reaches: an even image needs none
    far = [
        max(0, (out - 1) * layer.stride + layer.size - near - extent)
        for out, extent in zip(layer.shape[1:], layer.input_shape[1:], strict=True)
    ]
    return graph.add(
        "MaxPool", [value], name, kernel_shape=[layer.size] * 2, strides=[layer.stride] * 2, pads=[near, near, *far]
    )


def _upsample(graph: _Graph, name: str, layer: Upsample, value: str) -> str:
    scales = graph.constant(f"{name}_scales", np.array([1, 1, layer.stride, layer.stride], np.float32))
    value = graph.add(
        "Resize",
        [value, "", scales],
        name,
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )
    if layer.scale == 1:
        return value
    return graph.add("Mul", [value, graph.weights(f"{name}_factor", np.array(layer.scale))], f"{name}_scaled")


def _model(network: Network, graph: _Graph, heads: list[str]) -> onnx.ModelProto:
    width, height = network.input_size
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, height, width])
    outputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.dtype(graph.kind)), ["batch", *head.shape]
        )
        for name, head in zip(heads, network.heads, strict=True)
    ]
    onnx_graph = helper.make_graph(graph.nodes, "darknet", [image], outputs, graph.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(onnx_graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="avflow")
    onnx.checker.check_model(model)
    return model


def _write(model: onnx.ModelProto, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        scratch.write_bytes(model.SerializeToString())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
