"""What a function loads before its first invocation: a cold start pays for all of it."""

import os
import subprocess
import sys

import pytest

#: engines, libraries and toolkits that take from a hundredth of a second to seconds to load, and that no handler needs
#: before a step asks for them
HEAVY = {
    "cv2", "openvino", "onnx", "onnxruntime", "faster_whisper", "ctranslate2", "tokenizers", "huggingface_hub",
    "pocketsphinx", "moto", "local_aws", "numpy", "av", "requests", "httpx", "sqlite3",
}  # fmt: skip
FUNCTIONS = ("start", "failed", "image_uri", "ffmpeg", "audio2srt", "merge", "yolov3", "yolov3_selftest")
#: set by Lambda (Developer Guide, "Defined runtime environment variables"); what Powertools and X-Ray know it by
ON_LAMBDA = {"LAMBDA_TASK_ROOT": "/var/task"}


def loaded(function, **environment):
    program = f"import sys, lambdas.{function}.app; print(*sys.modules)"
    inherited = {name: value for name, value in os.environ.items() if name not in ON_LAMBDA}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, "AWS_DEFAULT_REGION": "us-east-1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return {*done.stdout.split()}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_loads_nothing_heavy(function):
    modules = loaded(function, **ON_LAMBDA)
    assert f"lambdas.{function}.app" in modules
    assert HEAVY & modules == set()
    assert ("aws_xray_sdk" in modules) == (function in ("ffmpeg", "audio2srt", "merge", "yolov3")), (
        "who is traced, and who isn't"
    )


def test_x_ray_is_loaded_on_lambda_alone():
    """Elsewhere it would open a client of its own for its sampling rules, a tenth of a second of nothing."""
    modules = loaded("merge")
    assert "avflow.workflow.merge" in modules
    assert "aws_xray_sdk" not in modules
