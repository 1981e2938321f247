"""Quantization after training to 8-bit integers. Only a tool calls it, never a job.

Convolutions become int8 (weights per channel, activations per tensor), except the first one and those before the
heads, which are a few percent of the work. The first one reads the image, and the last ones give the place and the
confidence of a box directly. Three measures keep the boxes near those of float32, on every processor:

- Weights have 7 bits. A processor without VNNI (AVX2, AVX-512) adds two products of an 8-bit activation and a weight in
  16 bits, which can saturate: 2 * 255 * 127 exceeds 32 767, 2 * 255 * 64 does not (ONNX Runtime's documentation,
  "Quantize ONNX models": reduce_range). With 8 bits, AVX2 lost a quarter of the boxes.
- Rounding the weights shifts the mean output of each channel. The bias corrects it (Nagel et al., "Data-Free
  Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2, with the means of real images).
- The ranges of the activations come from real images without the upper 0.001 % (percentile calibration). Otherwise a
  few outliers would take most of the 256 steps.

`avflow.detection.agreement` measures the result for each new network. docs/benchmarks.md has the figures for each
instruction set with the published weights of YOLOv3-tiny. The weights of YOLOv3 were not available.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avflow.darknet.cfg import Network
from avflow.detection.letterbox import Blob, Frame, Letterbox
from avflow.errors import InvalidMediaNoStreams

#: frames of a video; more gave no measurable gain
CALIBRATION_FRAMES = 16
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
#: share in percent of an activation's values that its 256 steps cover
PERCENTILE = 99.999


def calibration_frames(source: Path, limit: int = CALIBRATION_FRAMES) -> list[Frame]:
    """At most `limit` images, evenly spread over a folder of images or over a video.

    They should resemble the videos that the network will process.

    Raises
    ------
    InvalidMediaNoStreams
        `source` has no readable image.
    """
    frames = _of_folder(source, limit) if source.is_dir() else _of_video(source, limit)
    if not frames:
        raise InvalidMediaNoStreams(
            f"{source.name} has no readable image", "Give a video, or a folder of JPEG or PNG files."
        )
    return frames


def _of_folder(folder: Path, limit: int) -> list[Frame]:
    import cv2  # noqa: PLC0415  heavy

    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    pictures = [cv2.imread(str(paths[number])) for number in _spread(len(paths), limit)]
    return [np.asarray(picture, np.uint8) for picture in pictures if picture is not None]


def _of_video(path: Path, limit: int) -> list[Frame]:
    import av  # noqa: PLC0415  heavy

    with av.open(str(path)) as video:
        if not video.streams.video:
            return []
        chosen = set(_spread(sum(1 for _ in video.decode(video=0)), limit))
        video.seek(0)
        return [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            for number, frame in enumerate(video.decode(video=0))
            if number in chosen
        ]


def _spread(length: int, limit: int) -> list[int]:
    """At most `limit` of the numbers below `length`, evenly apart."""
    count = min(limit, length)
    return [index * length // count for index in range(count)]


def quantize(
    onnx_path: Path,
    network: Network,
    frames: Iterable[Frame],
    target: Path,
    check: Callable[[Path], object] = lambda made: None,
) -> None:
    """Write the int8 network of a float network: ONNX with QuantizeLinear and DequantizeLinear, complete or not at all.

    It needs the packages `onnx` and `onnxruntime`, 2 GB of memory, and minutes for YOLOv3.

    Parameters
    ----------
    onnx_path:
        The network as `avflow.darknet.onnx_export` writes it, in float32.
    frames:
        The result of `calibration_frames`.
    check:
        Gets the new file before it replaces `target`. If it raises, `target` stays.
    """
    import onnx  # noqa: PLC0415  heavy

    model = onnx.load(onnx_path)
    blobs = [_blob(frame, network) for frame in frames]
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _quantize_convolutions(model, blobs, scratch)
        quantized = onnx.load(scratch)
        _correct_biases(quantized, onnx.load(onnx_path), _mean_inputs(onnx.load(onnx_path), blobs))
        onnx.save(quantized, scratch)
        check(scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _quantize_convolutions(model: Any, blobs: Sequence[Blob], target: Path) -> None:
    from onnxruntime.quantization import (  # type: ignore[import-untyped]  # noqa: PLC0415  heavy
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    with redirect_stdout(io.StringIO()):  # it tells of its progress there
        quantize_static(
            model,
            target,
            _Blobs(blobs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[_convolutions(model)[0].name, *_before_heads(model)],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            # one image at a time: the activations of YOLOv3 for one image take a gigabyte
            extra_options={"CalibPercentile": PERCENTILE, "CalibStridedMinMax": 1},
        )


def _mean_inputs(model: Any, blobs: Sequence[Blob]) -> dict[str, NDArray[np.float32]]:
    """For each convolution, by name: the mean of each input channel over some images."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415  heavy
    from onnx import TensorProto, helper  # noqa: PLC0415  heavy

    names = [node.name for node in _convolutions(model)]
    axes = helper.make_tensor("mean.axes", TensorProto.INT64, [3], [0, 2, 3])
    model.graph.initializer.append(axes)
    for node in _convolutions(model):
        mean = f"mean.{node.name}"
        model.graph.node.append(helper.make_node("ReduceMean", [node.input[0], axes.name], [mean], keepdims=0))
        model.graph.output.append(helper.make_tensor_value_info(mean, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = [f"mean.{name}" for name in names]
    found = [session.run(outputs, {"image": blob[np.newaxis]}) for blob in blobs]
    return {name: np.mean([means[index] for means in found], axis=0) for index, name in enumerate(names)}


def _correct_biases(quantized: Any, model: Any, inputs: Mapping[str, NDArray[np.float32]]) -> None:
    """Subtract from each bias what the rounded weights of its convolution add to the mean output."""
    from onnx import numpy_helper  # noqa: PLC0415  heavy

    floats = {tensor.name: tensor for tensor in model.graph.initializer}
    weights = {node.name: numpy_helper.to_array(floats[node.input[1]]) for node in _convolutions(model)}
    stored = {tensor.name: tensor for tensor in quantized.graph.initializer}
    dequantizers = {node.output[0]: node for node in quantized.graph.node if node.op_type == "DequantizeLinear"}
    for node in _convolutions(quantized):
        if node.input[1] not in dequantizers:
            continue  # it stayed in float
        rounded, weight_scale = (numpy_helper.to_array(stored[name]) for name in dequantizers[node.input[1]].input[:2])
        bias_name, scale_name = dequantizers[node.input[2]].input[:2]
        error = rounded * weight_scale.reshape(-1, 1, 1, 1) - weights[node.name]
        shift = error.sum(axis=(2, 3)) @ inputs[node.name]
        bias = numpy_helper.to_array(stored[bias_name])
        corrected = bias - np.rint(shift / numpy_helper.to_array(stored[scale_name])).astype(bias.dtype)
        stored[bias_name].CopyFrom(numpy_helper.from_array(corrected, bias_name))


def _blob(frame: Frame, network: Network) -> Blob:
    return Letterbox.fit((frame.shape[1], frame.shape[0]), network.input_size).blob(frame)


def _convolutions(model: Any) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


def _before_heads(model: Any) -> list[str]:
    """The names of the convolutions before the heads."""
    makers = {output: node for node in model.graph.node for output in node.output}
    return [makers[makers[head.name].input[0]].name for head in model.graph.output]


class _Blobs:
    """The methods of ONNX Runtime's CalibrationDataReader: it calls `set_range`, and reads until None."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self._blobs, self._next, self._end = blobs, 0, len(blobs)

    def __len__(self) -> int:
        return len(self._blobs)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._next, self._end = start_index, end_index

    def get_next(self) -> dict[str, Blob] | None:
        if self._next == self._end:
            return None
        self._next += 1
        return {"image": self._blobs[self._next - 1][np.newaxis]}
