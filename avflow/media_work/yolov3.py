"""The media work of the YOLOv3 step: detect objects on every frame of one segment and draw their boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avflow.annotation.pipeline import Extras, annotate_video
from avflow.detection import Detector, Device, open_model
from avflow.detection.gpu import gpu_facts
from avflow.detection.named import convert_model, is_converted, loads_half
from avflow.media.ranged import Need, RangedFile
from avflow.media_work import requests
from avflow.models.store import ModelStore
from avflow.progress import Report
from avflow.video.segments import Segment


class Tasks:
    """What the step asks for. `load_detector` comes before `annotate`."""

    REQUESTS = requests.REQUESTS

    #: fetches ranges of the source; the media process sets it
    need: Need
    _detector: Detector

    def describe_gpu(self, asked: requests.DescribeGpu, report: Report) -> requests.GpuDescribed:
        """Raises nothing: what can't be found out is in the text."""
        return requests.GpuDescribed(str(gpu_facts()))

    def load_detector(self, asked: requests.LoadDetector, report: Report) -> requests.DetectorLoaded:
        """Raises ModelUnavailable, GpuUnavailable."""
        if not self.is_ready(asked):
            return requests.DetectorLoaded(None)
        self._detector = self.open(asked)
        return requests.DetectorLoaded(self._detector.engine)

    def convert_model(self, asked: requests.ConvertModel, report: Report) -> requests.DetectorLoaded:
        """Raises DarknetModelInvalid and what `load_detector` raises."""
        convert_model(asked.model, ModelStore(), [loads_half(asked.precision, gpu=asked.gpu)])
        if asked.gpu:  # TensorRT stores what it compiles. OpenVINO would make it read-only, which no media process may
            self.open(asked).close()
        return requests.DetectorLoaded(None)

    def is_ready(self, asked: requests.LoadDetector) -> bool:
        """Whether the model's network is converted."""
        return is_converted(asked.model, ModelStore(), precision=asked.precision, gpu=asked.gpu)

    def open(self, asked: requests.LoadDetector | requests.ConvertModel) -> Detector:
        """The detector."""
        found: dict[str, Any] = {}
        if isinstance(asked, requests.LoadDetector):
            found = {"threshold": asked.confidence, "overlap": asked.nms, "classes": asked.classes}
        device: Device = "gpu" if asked.gpu else "auto"
        return open_model(asked.model, ModelStore(), device, precision=asked.precision, **found)

    def annotate(self, asked: requests.Annotate, report: Report) -> requests.Annotated:
        """Raises InvalidMediaDamaged, FrameCountMismatch, FFmpegFailed, ScratchFull."""
        source = Path(asked.source)
        done = annotate_video(
            source,
            asked.stream,
            self._detector,
            Path(asked.boxed) if asked.boxed else None,
            Path(asked.detections),
            segment=Segment(asked.first, asked.frames),
            hardware=asked.hardware,
            ranged=RangedFile(source, self.need, asked.key_frames) if asked.ranged else None,
            extras=Extras(
                Path(asked.mp4) if asked.mp4 else None,
                Path(asked.pictures) if asked.pictures else None,
                asked.color_space,
            ),
            labels=asked.labels,
            every=asked.every,
            report=report,
        )
        return requests.Annotated(
            done.frames, done.objects, done.frames_with, done.damaged_frames, done.notices, done.class_ids
        )
