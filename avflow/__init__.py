"""The product's code, on two floors, and its calls for programs: `process`, `detect` and `transcribe`.

The media floor (`media`, `ffmpeg`, `video`, `detection`, `darknet`, `models`, `speech`, `annotation`, `results`, `api`)
works on files, streams and models. It knows nothing of AWS. The workflow floor (`workflow`) holds the steps and builds
on the media floor.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avflow.api.detecting import detect
    from avflow.api.processing import process
    from avflow.api.results import Detections, Processed, Transcription
    from avflow.api.transcribing import transcribe

__all__ = ["Detections", "Processed", "Transcription", "detect", "process", "transcribe"]

# faster-whisper imports ONNX Runtime, which would otherwise store a machine identifier and send telemetry
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

#: where the names are. They are imported at their first use: every part of the product imports this module
_PLACES = {"detect": "detecting", "process": "processing", "transcribe": "transcribing"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"avflow.api.{_PLACES.get(name, 'results')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
