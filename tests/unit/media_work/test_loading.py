"""Detectors that media processes load, and convert at their first use."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from avflow.errors import ModelUnavailable
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import workplace
from avflow.media_work.loading import load_detector
from avflow.media_work.requests import LoadDetector
from avflow.models.store import ModelStore

TASKS = "avflow.media_work.yolov3"
ASKED = LoadDetector("yolov3-tiny", "fastest", gpu=False)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store with the model, which was never used."""
    model = ModelStore().fetch(ASKED.model)
    root = tmp_path / "models"
    shutil.copytree(model, root / ASKED.model)
    monkeypatch.setenv("AVFLOW_MODELS", str(root))
    return ModelStore()


@dataclass
class AtOnce:
    """A media process whose first answer waits until all processes have theirs."""

    worker: MediaWorker
    all: threading.Barrier
    first: bool = True

    def do(self, request, *more):
        answer = self.worker.do(request, *more)
        if self.first:
            self.first = False
            assert answer.engine is None, "nobody has converted it yet"
            self.all.wait(60)
        return answer


def test_processes_that_first_use_a_model_at_once(store):
    """In a media process OpenVINO can not store what it compiles (`cannot set permissions`): no first run worked."""
    barrier, makers = threading.Barrier(2), []

    def load(_):
        with workplace() as place, MediaWorker(TASKS, place, readable=store.readable) as worker:

            def maker(folder):
                makers.append(folder)
                return MediaWorker(TASKS, place, readable=store.readable, writable=[folder])

            return load_detector(ASKED, AtOnce(worker, barrier), maker)

    with ThreadPoolExecutor(2) as threads:
        engines = list(threads.map(load, range(2)))
    assert all("OpenVINO" in engine for engine in engines)
    assert makers == [store.converted], "one converts, the other waits"


def test_a_folder_that_can_not_be_written_is_named(store):
    store.converted.write_text("no folder")
    with (
        workplace() as place,
        MediaWorker(TASKS, place, readable=store.readable) as worker,
        pytest.raises(ModelUnavailable, match="can't be stored") as failure,
    ):
        load_detector(ASKED, worker, lambda folder: MediaWorker(TASKS, place, writable=[folder]))
    assert "AVFLOW_MODELS" in failure.value.advice
