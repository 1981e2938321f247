"""How much memory the pictures of a video take on their way, in a process of their own.

`python -m benchmarks.peak_memory VIDEO PICTURE` draws boxes with ever new labels, as the YOLOv3 step does, without
its network; PICTURE is what the FFmpeg step found, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from avflow.annotation.pipeline import annotate_video
from avflow.media import VideoStream, probe
from benchmarks.common import ROOT
from benchmarks.stand_in import FindingDetector

PROC = Path("/proc")
#: seconds between two looks at the processes
_LOOK = 0.1


def peak_memory(video: Path) -> float:
    """MB (10^6 bytes) that boxing `video` takes at most: the largest resident sets of its processes, added.

    The kernel's high-water mark of each process is read, until it ends (macOS has none: there it is the highest of
    what is seen ten times a second); `ru_maxrss` would count what a process had before its exec.
    """
    picture = probe(video).video
    assert picture is not None
    command = [sys.executable, "-m", "benchmarks.peak_memory", str(video), json.dumps(picture.to_dict())]
    peaks: dict[int, int] = {}
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None:
            for pid in (process.pid, *_children(process.pid)):
                peaks[pid] = max(high_water(pid), peaks.get(pid, 0))
            time.sleep(_LOOK)
    if process.returncode:
        raise RuntimeError(f"boxing {video.name} ended with status {process.returncode}")
    return sum(peaks.values()) / 1e6


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def high_water(pid: int) -> int:
    """VmHWM of proc(5), in bytes, or where there is none what the process has now; 0 for one that has ended."""
    try:
        status = (PROC / str(pid) / "status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):  # not Linux, or it ends just now, when its status has no memory any more
        return _resident(pid)


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def main() -> None:
    """Box the video that the command line names; what comes out is thrown away."""
    video, picture = Path(sys.argv[1]), VideoStream.from_dict(json.loads(sys.argv[2]))
    with tempfile.TemporaryDirectory() as folder:
        detector = FindingDetector()
        annotate_video(video, picture, detector, Path(folder) / "boxed.avi", Path(folder) / "detections.jsonl")
        detector.close()


if __name__ == "__main__":
    main()
