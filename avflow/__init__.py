"""The product's code, on two floors.

The media floor (`media`, `ffmpeg`, `video`, `detection`, `darknet`, `models`, `speech`, `annotation`) works on files,
streams and models. It knows nothing of AWS. The workflow floor (`workflow`) holds the steps and builds on the media
floor.
"""

import os

# faster-whisper imports ONNX Runtime, which would otherwise store a machine identifier and send telemetry
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
