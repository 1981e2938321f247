"""Record the boxes that Darknet itself finds. Tests compare the project's own boxes with them.

This needs Debian's `darknet` package. Its library is the reference. Its photos and frames of the sample video are the
input. The script writes small JPEGs, `boxes.json` and `heads.npz` to tests/unit/data/darknet.

    python scripts/record_darknet_boxes.py yolov3-tiny.weights
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from avflow.darknet.cfg import Convolutional, Network, read_network  # noqa: E402

LIBRARY = Path("/usr/lib/darknet/libdarknet.so")
PICTURES = Path("/usr/share/darknet/data")
RECORDINGS = ROOT / "tests/unit/data/darknet"
DATA = ROOT / "avflow/darknet/data"
CFG = DATA / "yolov3-tiny.cfg"
#: networks of which tests compare only the structure, with random weights
STRUCTURES = ("yolov3", "yolov3-spp", "yolov3-tiny")
STRUCTURE_SIZE = 96

NAMES = ("dog", "eagle", "giraffe", "horses", "kite", "person", "scream")
FRAMES = (0, 40, 75, 109)
LONGEST_SIDE = 640
#: below the threshold of the tests, so that boxes near it are recorded too
THRESHOLD = 0.2
OVERLAP = 0.45
#: values recorded per head and picture
SAMPLES = 3000


class _Image(ctypes.Structure):
    _fields_ = (("w", ctypes.c_int), ("h", ctypes.c_int), ("c", ctypes.c_int), ("data", ctypes.POINTER(ctypes.c_float)))


class _Detection(ctypes.Structure):
    _fields_ = (
        ("box", ctypes.c_float * 4),
        ("classes", ctypes.c_int),
        ("prob", ctypes.POINTER(ctypes.c_float)),
        ("mask", ctypes.POINTER(ctypes.c_float)),
        ("objectness", ctypes.c_float),
        ("sort_class", ctypes.c_int),
    )


class Darknet:
    """The functions of Darknet's library (darknet.h) that the comparison needs.

    Debian builds it with -ffast-math: to load it switches off subnormal numbers in the whole process. On an error it
    ends the process. So tests use it in a process of its own.

    Parameters
    ----------
    cfg, weights:
        The model's files.
    cut:
        Number of the head before which to end the network, so that its output is that head's raw values.
    """

    def __init__(self, cfg: Path, weights: Path, cut: int | None = None) -> None:
        self._library = ctypes.CDLL(str(LIBRARY))
        floats, counts, found = (ctypes.POINTER(kind) for kind in (ctypes.c_float, ctypes.c_int, _Detection))
        whole, real = [ctypes.c_int] * 2, [ctypes.c_float] * 2
        for name, result, arguments in (
            ("load_network", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]),
            ("free_network", None, [ctypes.c_void_p]),
            ("set_batch_network", None, [ctypes.c_void_p, ctypes.c_int]),
            ("network_width", ctypes.c_int, [ctypes.c_void_p]),
            ("network_height", ctypes.c_int, [ctypes.c_void_p]),
            ("network_predict", floats, [ctypes.c_void_p, floats]),
            ("network_outputs", ctypes.c_int, [ctypes.c_void_p]),
            ("network_predict_image", floats, [ctypes.c_void_p, _Image]),
            ("letterbox_image", _Image, [_Image, ctypes.c_int, ctypes.c_int]),
            ("free_image", None, [_Image]),
            ("get_network_boxes", found, [ctypes.c_void_p, *whole[:2], *real[:2], ctypes.c_void_p, *whole[:1], counts]),
            ("do_nms_sort", None, [found, *whole[:2], *real[:1]]),
            ("free_detections", None, [found, *whole[:1]]),
        ):
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        with tempfile.TemporaryDirectory() as folder:
            if cut is not None:
                cfg = _cut(cfg, cut, Path(folder))
            self._network = self._library.load_network(bytes(cfg), bytes(weights), 0)
        self._library.set_batch_network(self._network, 1)

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._library.network_width(self._network), self._library.network_height(self._network)

    def letterbox(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's input for a BGR frame: shape (3, height, width)."""
        _pixels, image = _image(frame)
        return self._copy(self._library.letterbox_image(image, *self.input_size))

    def output(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values of the last layer, flat."""
        blob = np.ascontiguousarray(blob, np.float32)
        values = self._library.network_predict(self._network, blob.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))
        return np.ctypeslib.as_array(values, (self._library.network_outputs(self._network),)).copy()

    def boxes(self, frame: NDArray[np.uint8], threshold: float = THRESHOLD) -> list[dict[str, Any]]:
        """Darknet's boxes: `class_id`, `confidence` and `box` (left, top, width, height in pixels), not clipped."""
        _pixels, image = _image(frame)
        self._library.network_predict_image(self._network, image)
        count = ctypes.c_int()
        found = self._library.get_network_boxes(
            self._network, image.w, image.h, threshold, threshold, None, 0, ctypes.byref(count)
        )
        classes = found[0].classes if count.value else 0
        self._library.do_nms_sort(found, count, classes, OVERLAP)
        boxes = []
        for detection in found[: count.value]:
            x, y, width, height = detection.box
            for class_id in range(classes):
                if detection.prob[class_id] > threshold:
                    box = [round(value, 3) for value in (x - width / 2, y - height / 2, width, height)]
                    confidence = round(detection.prob[class_id], 5)
                    boxes.append({"class_id": class_id, "confidence": confidence, "box": box})
        self._library.free_detections(found, count)
        return sorted(boxes, key=lambda box: -box["confidence"])

    def close(self) -> None:
        """Free the network's memory."""
        self._library.free_network(self._network)

    def _copy(self, image: _Image) -> NDArray[np.float32]:
        values = np.ctypeslib.as_array(image.data, (image.c, image.h, image.w)).copy()
        self._library.free_image(image)
        return values


def _cut(cfg: Path, head: int, folder: Path) -> Path:
    separator = "\n[yolo]\n"
    before = cfg.read_text(encoding="utf-8").split(separator)[: head + 1]
    cut = folder / cfg.name
    cut.write_text(separator.join(before) + "\n", encoding="utf-8")
    return cut


def _image(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], _Image]:
    """The frame as Darknet's `image`, and the array that owns its pixels."""
    pixels = np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1), np.float32) / np.float32(255)
    height, width = frame.shape[:2]
    return pixels, _Image(width, height, 3, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))


def random_model(cfg: Path, size: int, folder: Path) -> tuple[Path, Path]:
    """The network of `cfg` with 1/8 of its filters, an input of `size` pixels and random weights.

    It keeps the structure, which the tests compare, and needs about 1/1000 of the work.
    """
    text = re.sub(r"(?m)^(width|height)=\d+", rf"\1={size}", cfg.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^filters=(\d+)", lambda match: _narrowed(match[0], int(match[1])), text)
    small = folder / cfg.name
    small.write_text(text, encoding="utf-8")
    weights = folder / f"{cfg.stem}.weights"
    write_random_weights(read_network(small), weights)
    return small, weights


def write_random_weights(network: Network, path: Path) -> None:
    """Write weights with which the values do not grow through the layers and the sums of the shortcuts."""
    random = np.random.default_rng(20180408)
    floats: list[NDArray[np.float64]] = []
    for layer in network.layers:
        if not isinstance(layer, Convolutional):
            continue
        filters, *rest = layer.kernel_shape
        floats.append(random.normal(0, 0.1, filters))
        if layer.batch_normalize:
            floats += [random.uniform(*bounds, filters) for bounds in ((0.4, 0.9), (-0.1, 0.1), (0.5, 1.5))]
        floats.append(random.normal(0, np.sqrt(2 / np.prod(rest)), layer.kernel_shape).ravel())
    path.write_bytes(struct.pack("<iiiQ", 0, 2, 5, 0) + np.concatenate(floats).astype("<f4").tobytes())


def _narrowed(line: str, filters: int) -> str:
    return line if filters == 255 else f"filters={filters // 8}"


def random_blob(size: int) -> NDArray[np.float32]:
    """A random input of shape (3, size, size)."""
    return np.random.default_rng(20180409).random((3, size, size), np.float32)


def look(
    cfg: Path, weights: Path, frame: NDArray[np.uint8]
) -> tuple[list[dict[str, Any]], NDArray[np.float32], list[NDArray[np.float32]]]:
    """Darknet's boxes for a frame, its input made from the frame, and the raw values of its heads."""
    network = Darknet(cfg, weights)
    boxes, blob = network.boxes(frame), network.letterbox(frame)
    network.close()
    return boxes, blob, raw_heads(cfg, weights, blob)


def raw_heads(cfg: Path, weights: Path, blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The output of each head's convolution, flat."""
    heads = []
    for number in range(len(read_network(cfg).heads)):
        network = Darknet(cfg, weights, cut=number)
        heads.append(network.output(blob))
        network.close()
    return heads


def sampled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`SAMPLES` values of a head at even distances. Recorder and tests must select the same."""
    flat = values.reshape(-1)
    return flat[np.linspace(0, flat.size - 1, SAMPLES).astype(int)]


def sources() -> dict[str, NDArray[np.uint8]]:
    """The pictures to record, by name."""
    pictures = {name: cv2.imread(str(PICTURES / f"{name}.jpg")) for name in NAMES}
    with av.open(str(ROOT / "samples/my_video.mkv")) as video:
        for number, frame in enumerate(video.decode(video=0)):
            if number in FRAMES:
                pictures[f"my_video_{number:03}"] = frame.to_ndarray(format="bgr24")
    return pictures


def main() -> None:
    """Write the recordings."""
    parser = argparse.ArgumentParser(description="Record Darknet's boxes for the tests")
    parser.add_argument("weights", type=Path, help="yolov3-tiny.weights")
    weights = parser.parse_args().weights
    RECORDINGS.mkdir(parents=True, exist_ok=True)
    boxes: dict[str, list[dict[str, Any]]] = {}
    heads: dict[str, NDArray[np.float32]] = {}
    for name, source in sources().items():
        shrink = min(1.0, LONGEST_SIDE / max(source.shape))
        small = cv2.resize(source, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else source
        path = RECORDINGS / f"{name}.jpg"
        cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, 90])
        frame = cv2.imread(str(path))
        boxes[name], _, found = look(CFG, weights, frame)
        for number, values in enumerate(found):
            heads[f"{name}.{number}"] = sampled(values)
    for name in STRUCTURES:
        with tempfile.TemporaryDirectory() as folder:
            small = random_model(DATA / f"{name}.cfg", STRUCTURE_SIZE, Path(folder))
            for number, values in enumerate(raw_heads(*small, random_blob(STRUCTURE_SIZE))):
                heads[f"{name}.{number}"] = sampled(values)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(found)}" for name, found in boxes.items())
    (RECORDINGS / "boxes.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    np.savez_compressed(RECORDINGS / "heads.npz", **heads)


if __name__ == "__main__":
    main()
