"""How many of float32's boxes each precision finds, on each instruction set: `python -m benchmarks.agreement`.

YOLOv3-tiny with its published weights on OpenVINO, as on a processor of each level that this one
can be held to (see `benchmarks.processor`). The reference is float32 on this processor as it is.
The int8 network is made here anew, from 16 frames of the sample; the pictures compared are the
sample's other frames, and pictures of quite other things. A box (confidence above 0.25) is found
where one of the same class overlaps it by half or more (IoU 0.5).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.darknet import DATA
from avflow.darknet.cfg import read_network
from avflow.detection import Detection, open_detector
from avflow.detection.agreement import LEAST_AGREEMENT, Agreement
from avflow.detection.converted import Converted
from avflow.detection.quantization import CALIBRATION_FRAMES, calibration_frames
from avflow.models.kinds import Precision
from avflow.models.store import ModelStore
from benchmarks.common import ROOT, SAMPLE, Result, command_line
from benchmarks.processor import LEVELS, at_level, levels

PRECISIONS: tuple[Precision, ...] = ("fp32", "fastest", "int8")
CFG, NAMES = DATA / "yolov3-tiny.cfg", DATA / "coco.names"
#: of quite other things than the sample's
PICTURES = ROOT / "tests" / "unit" / "data" / "darknet"
Detections = tuple[list[list[Detection]], list[list[Detection]]]


def weights() -> Path:
    """YOLOv3-tiny's, fetched where they aren't here."""
    return ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"


def quantized(cache: Path) -> None:
    """Make the int8 network in `cache`, for `detections`."""
    Converted(CFG, weights(), read_network(CFG), cache).quantize(calibration_frames(SAMPLE))


def detections(precision: Precision, cache: Path, step: int = 1) -> tuple[str, Detections]:
    """The engine, and what it finds in every `step`th of the sample's frames that calibration didn't see, and in
    other pictures."""
    detector = open_detector(CFG, weights(), NAMES, cache_dir=cache, device="cpu", precision=precision)
    with detector:
        return detector.engine, (detector.detect(other_frames()[::step]), detector.detect(pictures()))


def other_frames() -> list[NDArray[np.uint8]]:
    """The sample's frames that calibration doesn't see, BGR."""
    with av.open(str(SAMPLE)) as video:
        frames = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in video.decode(video=0)]
    seen = {number * len(frames) // CALIBRATION_FRAMES for number in range(CALIBRATION_FRAMES)}
    return [frame for number, frame in enumerate(frames) if number not in seen]


def pictures() -> list[NDArray[np.uint8]]:
    """Pictures of quite other things than the sample's, BGR."""
    paths = sorted(path for path in PICTURES.glob("*.jpg") if not path.stem.startswith("my_video"))
    return [np.asarray(cv2.imread(str(path)), np.uint8) for path in paths]


def measure(level: str, reference: Detections, cache: Path, result: Result) -> None:
    """All precisions at one level."""
    for precision in PRECISIONS:
        engine, found = at_level(level, detections, precision, cache)
        compared = [Agreement.of(wanted, there) for wanted, there in zip(reference, found, strict=True)]
        shown = "; ".join(f"{one.recall:.3f} of {one.boxes} (right: {one.precision:.3f})" for one in compared)
        result.row(f"{level}, {precision}, which is {engine.rpartition(', ')[2]}", shown, "")


def main() -> None:
    """Print the table."""
    options = command_line(__doc__, rounds=1).parse_args()
    result = Result("Boxes of float32 that each precision finds: in the sample; in other images", quick=options.quick)
    here = levels()
    with tempfile.TemporaryDirectory() as folder:
        quantized(Path(folder))
        _, reference = detections("fp32", Path(folder))
        for level in here:
            measure(level, reference, Path(folder), result)
    for level in LEVELS:
        if level not in here:
            result.row(level, "not measured: this processor lacks it", "")
    result.notes.append(
        "YOLOv3-tiny with its published weights, confidence above 0.25, IoU 0.5. The frames of the sample exclude "
        "those from which int8 was calibrated. Each row holds the process to one instruction set. The first figure is "
        "the share of float32's boxes that this precision finds; the figure in brackets is the share of its own boxes "
        f"that float32 has too. int8 must reach {LEAST_AGREEMENT} in both."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
