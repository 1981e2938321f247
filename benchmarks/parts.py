"""What `make bench` measures: the parts in their order, how each is run, and what its ratios should reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: `make bench-check` of all parts that it runs takes about so many minutes on two quiet cores
CHECK_MINUTES = 10


@dataclass(frozen=True)
class Part:
    """One benchmark module.

    Parameters
    ----------
    name:
        Of the module, and of the part on the command line.
    minutes:
        A whole run takes about that long on two quiet cores.
    checked:
        Whether `make bench-check` runs it, quickly: only what is short, and whose sides are measured in turn.
    targets:
        What a ratio should reach at least, by the ratio's name: a number where it is the code's doing on whatever
        processor, else a number for each class of processors (benchmarks/processor.py) that one was set for.
    by_target:
        Those of them that count a few words, or depend on how fast the machine is: they may fall far without
        anything being worse, so `make bench-check` asks that they reach their target, whatever they were before.
    engines:
        The ratios of another engine's time to ours: two processors of one class differ in them by half (OpenCV's was
        4.6 on Zen 5 and 2.6 on Zen 4), without a change of the code. `make bench-check` tells them and judges by the
        other ratios.
    """

    name: str
    minutes: float
    checked: bool = False
    targets: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    by_target: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()

    def target(self, ratio: str, processor: str) -> float | None:
        """What this ratio should reach on that class of processors; None where nothing was ever set."""
        target = self.targets.get(ratio)
        return target.get(processor) if isinstance(target, Mapping) else target


_SPEECH_BY_TARGET: dict[str, float | Mapping[str, float]] = {
    # two engines: one commit gave 13.9 and 16.9 within the hour, and 19.5 on another processor of the class
    "speech: tiny.en over PocketSphinx": 7,
    "speech: tiny.en's speed over 12.5 times real time": {"avx2": 1, "bf16": 1},
    "speech: PocketSphinx's word error rate over tiny.en's": 2,
    "speech: cuts into spans over words they change (at least 1)": 1,
}
PARTS = (
    Part(
        "pipeline",
        minutes=6,
        checked=True,
        targets={
            "yolov3-tiny: whole video of bare inference": 0.80,
            "yolov3-random: whole video of bare inference": 0.95,
            "peak memory: 1 minute of video over 120 minutes": 1 / 1.1,
        },
    ),
    Part(
        "mp4",
        minutes=4,
        # YOLOv3-tiny takes little longer than the codecs, so its ratios are told and have no target
        targets={f"yolov3-random, {size}: with an MP4 of without": 0.93 for size in ("576p", "1080p")},
    ),
    Part("detect_every", minutes=2, targets={"YOLOv3, one frame in 5: speed over each frame": 3.0}),
    Part("agreement", minutes=2),
    Part(
        "inference",
        minutes=3,
        checked=True,
        targets={
            "YOLOv3-416: over Darknet": {"bf16": 60},
            # with AVX2 alone each engine is at the cores' fp32 peak, so there is little to win
            "YOLOv3-416: over OpenCV 5 DNN": {"avx2": 1.1, "bf16": 2.8},
            "YOLOv3-416: over ONNX Runtime": {"avx2": 0.95, "bf16": 1.5},
            "YOLOv3-416: of benchmark_app": 0.95,
        },
        engines=tuple(
            f"{network}: {peer}"
            for network in ("YOLOv3-tiny-416", "YOLOv3-416")
            for peer in ("over Darknet", "over OpenCV 5 DNN", "over ONNX Runtime", "int8 over Darknet")
        ),
    ),
    Part(
        "speech",
        minutes=6,
        checked=True,
        targets=_SPEECH_BY_TARGET,
        by_target=tuple(_SPEECH_BY_TARGET),
    ),
    Part("languages", minutes=2),
    Part(
        "chain",
        minutes=13,
        checked=True,
        targets={
            "yolov3-tiny: avflow run over the three scripts": {"bf16": 10},
            "yolov3-random: avflow run over the three scripts": {"bf16": 50},
        },
    ),
    Part("peers", minutes=6),
    Part("segments", minutes=7),
    Part("gpu", minutes=2),
    Part("s3", minutes=2),
    Part("scale", minutes=1),
    Part("cold_start", minutes=1),
)
BY_NAME = {part.name: part for part in PARTS}
