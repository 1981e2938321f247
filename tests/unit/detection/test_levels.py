"""The same boxes on every instruction set that this processor can be held to, in every precision.

`make test` takes the processor as it is; `make test-slow` each level below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from avflow.darknet.cfg import read_network
from avflow.detection import Detection
from avflow.detection.agreement import LEAST_AGREEMENT, Agreement
from avflow.detection.converted import Converted
from benchmarks import agreement
from benchmarks.processor import LEVELS, at_level, levels, processor_class
from scripts import record_darknet_boxes as recorder
from tests.darknet_agreement import BOXES, darknet_letterbox, open_engine, picture, require_agreement, tolerances
from tests.engines import needs_openvino

pytestmark = needs_openvino
AS_IT_IS = "uncapped"
#: what a level's convolutions are called in OpenVINO's execution graph
VECTORS = {"avx2": "avx2", "avx_vnni": "avx2", "avx512": "avx512", "vnni": "avx512", "bf16": "avx512", "amx": "avx512"}
#: levels whose 8-bit products are added up in 16 bits
SATURATING = ("x86", "avx2", "avx512")
ENGINES = ("openvino", "openvino-fp32")


def _param(level: str) -> Any:
    return pytest.param(level, marks=() if level == AS_IT_IS else pytest.mark.slow)


@pytest.fixture(scope="module", params=[_param(level) for level in (AS_IT_IS, *LEVELS)])
def level(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name != AS_IT_IS and name not in levels():
        pytest.skip(f"this processor has no {name}")
    return name


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all levels: a network that one of them compiled must not mislead another."""
    folder = tmp_path_factory.mktemp("models")
    agreement.quantized(folder)
    return folder


@pytest.fixture(scope="module")
def reference(cache: Path) -> agreement.Detections:
    return agreement.detections("fp32", cache, step=3)[1]


@dataclass(frozen=True)
class Seen:
    """What an engine makes of one of the recorded pictures."""

    boxes: list[Detection]
    heads: list[np.ndarray]


def look(engine: str, cache: Path) -> dict[str, Seen]:
    """To be called at a level."""
    seen = {}
    with open_engine(engine, cache) as detector:
        for name in BOXES:
            heads = detector.start([darknet_letterbox(picture(name))]).result()[0]
            seen[name] = Seen(detector.detect([picture(name)])[0], [recorder.sampled(head) for head in heads])
    return seen


def at(level: str, function: Any, *args: Any) -> Any:
    return function(*args) if level == AS_IT_IS else at_level(level, function, *args)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def seen(level: str, engine: str, cache: Path) -> dict[str, Seen]:
    found: dict[str, Seen] = at(level, look, engine, cache)
    return found


def test_the_boxes_are_those_that_darknet_found(seen: dict[str, Seen], engine: str) -> None:
    for name, boxes in BOXES.items():
        require_agreement(seen[name].boxes, boxes, picture(name), **tolerances(engine))


def test_raw_heads_on_darknets_own_input(seen: dict[str, Seen], engine: str) -> None:
    tolerance = 1.0 if engine == "openvino" else 1e-3
    with np.load(recorder.RECORDINGS / "heads.npz") as recorded:
        for name, of_picture in seen.items():
            for number, head in enumerate(of_picture.heads):
                np.testing.assert_allclose(head, recorded[f"{name}.{number}"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("precision", agreement.PRECISIONS)
def test_finds_what_fp32_finds(level: str, precision: Any, cache: Path, reference: agreement.Detections) -> None:
    _, found = at(level, agreement.detections, precision, cache, 3)
    for wanted, there, least in zip(reference, found, (250, 19), strict=True):
        compared = Agreement.of(wanted, there)
        assert compared.boxes >= least
        assert compared.recall >= LEAST_AGREEMENT
        assert compared.precision >= LEAST_AGREEMENT  # and hardly anything else


# ---------------------------------------------------------------- that a cap works, by the engine itself
def convolutions(path: Path, precision: str) -> set[str]:
    """What OpenVINO calls the code that runs the convolutions (OpenVINO's documentation, "get_runtime_model")."""
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([1, 3, 416, 416])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    facts = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    return {one["primitiveType"].astype(str) for one in facts if one["layerType"].astype(str) == "Convolution"}


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_the_engine_runs_the_code_of_the_level(level: str, kind: str, cache: Path) -> None:
    if level == AS_IT_IS:
        pytest.skip("the processor decides")
    converted = Converted(agreement.CFG, agreement.weights(), read_network(agreement.CFG), cache)
    used = at_level(level, convolutions, converted.int8() if kind == "int8" else converted.onnx(), "f32")
    assert used
    assert all(f"_{VECTORS[level]}_" in name for name in used)
    if kind == "int8":
        assert any(name.endswith("_I8") for name in used)


def test_bfloat16_has_code_of_its_own_only_where_the_level_has_it(level: str, cache: Path) -> None:
    if level not in ("avx512", "vnni", "bf16", "amx") or "bf16" not in levels():
        pytest.skip(f"no bfloat16 to tell {level} by")
    converted = Converted(agreement.CFG, agreement.weights(), read_network(agreement.CFG), cache)
    used = at_level(level, convolutions, converted.onnx(), "bf16")
    # below it is emulated, by other code
    assert all(name.startswith("brgconv") for name in used) == (level in ("bf16", "amx"))


def products(path: Path, blob: np.ndarray) -> np.ndarray:
    """The one output of a network, by OpenVINO."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled([blob])[0])


def one_convolution(weight: int, path: Path) -> Path:
    """An int8 network: a 3x3 convolution from 16 to 16 channels whose weights are all `weight`, and 1 is 1."""
    numbers = {
        "scale": np.array(1, np.float32),
        "zero": np.array(0, np.uint8),
        "kernel": np.full((16, 16, 3, 3), weight, np.int8),
        "scales": np.ones(16, np.float32),
        "zeros": np.zeros(16, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["quantized"]),
        helper.make_node("DequantizeLinear", ["quantized", "scale", "zero"], ["input"]),
        helper.make_node("DequantizeLinear", ["kernel", "scales", "zeros"], ["weights"], axis=0),
        helper.make_node("Conv", ["input", "weights"], ["output"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", [1, 16, 8, 8]), ("output", [1, 16, 6, 6]))
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, "one convolution", ends[:1], ends[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.mark.parametrize("weight", [127, 64])
def test_8_bits_saturate_without_vnni_and_7_bits_nowhere(level: str, weight: int, tmp_path: Path) -> None:
    bright = np.full((1, 16, 8, 8), 255, np.float32)
    found = at(level, products, one_convolution(weight, tmp_path / "one.onnx"), bright)
    right = 255 * weight * 16 * 9
    kind = processor_class() if level == AS_IT_IS else level
    if weight == 127 and kind in SATURATING:
        assert (found < 0.6 * right).all()
    else:
        assert (found == right).all()
