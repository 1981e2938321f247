"""What happens to a video, on two floors.

Media work (`media`, `ffmpeg`, `video`, `detection`, `darknet`, `models`, `speech`, `annotation`) knows files, streams
and models, and nothing of AWS. The steps of the workflow (`workflow`) stand on it.
"""

import os

# ONNX Runtime, which faster-whisper uses, would keep an identifier of this machine and report its use
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
