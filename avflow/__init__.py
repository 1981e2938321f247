"""What each stage of the workflow does to a video: media, models and S3, nothing of Lambda, Batch or Step Functions."""

import os

# ONNX Runtime, which faster-whisper uses, would keep an identifier of this machine and report its use
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
