"""No library sends telemetry or stores an identifier for it while a video is processed."""

import os
import subprocess
import sys
from pathlib import Path

from avflow.models.store import ModelStore

ROOT = Path(__file__).parents[2]
SCRIPT = """
import numpy as np
from avflow.models.store import ModelStore
from avflow.speech import open_engine
from avflow.detection import open_model
open_model("yolov3-tiny", ModelStore()).detect([np.zeros((64, 64, 3), np.uint8)])
open_engine("whisper-tiny.en", ModelStore())
import onnxruntime, sys
assert sys.modules.get("openvino_telemetry") is None  # not imported even if OpenVINO is missing
"""


def test_the_engines_store_no_identifier(tmp_path):
    store = ModelStore()
    for name in ("yolov3-tiny", "whisper-tiny.en"):
        store.fetch(name)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    environment |= {"HOME": str(tmp_path), "AVFLOW_MODELS": str(store.root)}
    subprocess.run([sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, check=True)
    assert list(tmp_path.rglob("*")) == []
