"""Load a detector in a media process. If its model was never used, another one first converts the model's network."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from avflow.errors import MediaWorkFailed
from avflow.isolation.time_limit import TimeLimit
from avflow.media_work.requests import ConvertModel, LoadDetector
from avflow.models.store import ModelStore
from avflow.progress import Report, ignore

#: seconds; an engine that never ends to load a model would keep the caller for ever
LOAD_SECONDS = 900.0


class Process(Protocol):
    """What is used of a media process (`avflow.isolation.worker.MediaWorker`)."""

    def do(self, request: Any, report: Report = ..., limit: TimeLimit | None = ...) -> Any:
        """Send a request and wait for its answer."""
        ...


def load_detector(
    asked: LoadDetector,
    process: Process,
    maker: Callable[[Path], AbstractContextManager[Process]],
    report: Report = ignore,
) -> str:
    """The name of the inference engine, which `process` has loaded.

    One process at a time converts a model, and the others wait.

    Parameters
    ----------
    maker:
        Starts a media process that may write into a folder, the models' one. Only that process may, and it gets no
        upload: an upload that has taken over its decoder can't change the network of the next one.

    Raises
    ------
    ModelUnavailable, GpuUnavailable, SettingInvalid
        As `avflow.detection.open_model`; ModelUnavailable also if the converted network can't be stored.
    MediaWorkFailed
        It did not load in 15 minutes, or could not be converted.
    """
    slow = MediaWorkFailed(f"The detector {asked.model} did not load within {LOAD_SECONDS:.0f} s")
    limit = TimeLimit(LOAD_SECONDS, slow)
    engine = process.do(asked, report, limit).engine
    if engine is None:
        store = ModelStore()
        with store.converting(asked.model, report) as folder:
            engine = process.do(asked, report, limit).engine  # another one may have converted it meanwhile
            if engine is None:
                with maker(folder) as converter:
                    converter.do(ConvertModel(asked.model, asked.precision, asked.gpu), report, limit)
                engine = process.do(asked, report, limit).engine
    if engine is None:
        raise MediaWorkFailed(f"The network of the detector {asked.model} could not be converted")
    return str(engine)
