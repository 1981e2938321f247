"""What settings of x264 cost, and what they give: `python -m benchmarks.h264_settings`.

The sample, scaled to 768x576 and 1920x1080, is encoded as the MP4 is, with ours and with other settings of x264, in
turn. Each gets its processor time a frame (the least of the rounds), its bytes, and its SSIM and PSNR against what was
encoded.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import imageio_ffmpeg

from avflow.media import VideoStream, probe
from avflow.video import writer
from avflow.video.reader import VideoReader
from benchmarks.common import SAMPLE, Result, command_line, ffmpeg, repeated
from benchmarks.mp4 import SIZES

#: what differs from our settings
SETTINGS: dict[str, dict[str, str]] = {
    "ours": {},
    "veryfast": {"preset": "veryfast"},
    "superfast, without mbtree": {"x264-params": "mbtree=0"},
    "ultrafast": {"preset": "ultrafast", "x264-params": "mbtree=0"},
}


def encode(video: Path, stream: VideoStream, target: Path, options: dict[str, str]) -> float:
    """Encode all frames of a video; seconds of the processor that the encoder takes, without the decoder."""
    size, used = (stream.width, stream.height), 0.0
    settings = writer.x264_options(size, 1) | options
    with (
        patch.object(writer, "x264_options", lambda *_: settings),
        VideoReader(video, stream) as reader,
        writer.Mp4Writer(target, size, stream.nominal_rate) as file,
    ):
        for frame in reader:
            began = time.process_time()
            file.write(frame)
            used += time.process_time() - began
        began = time.process_time()
        file.finish()
    return used + time.process_time() - began


def quality(encoded: Path, source: Path) -> tuple[float, float]:
    """SSIM, and PSNR in dB, over all frames."""
    graph = "[0:v]split[a][b];[1:v]split[c][d];[a][c]ssim;[b][d]psnr"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", encoded, "-i", source, "-lavfi", graph]
    said = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    ssim, psnr = re.search(r"SSIM .*All:([\d.]+)", said), re.search(r"PSNR .*average:([\d.]+)", said)
    assert ssim
    assert psnr
    return float(ssim[1]), float(psnr[1])


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=3).parse_args()
    result = Result("Settings of x264", quick=options.quick)
    with tempfile.TemporaryDirectory() as name:
        small = repeated(SAMPLE, 3 if options.quick else 12, Path(name) / "small.mkv")
        for size, (width, height) in SIZES.items():
            video, target = small.with_name(f"{size}.mkv"), small.with_name("boxed.mp4")
            scaled = ("-vf", f"scale={width}:{height},setsar=1", "-an", "-c:v", "libx264", "-preset", "veryfast")
            ffmpeg("-i", small, *scaled, "-crf", 18, video)
            stream = probe(video).video
            assert stream is not None
            took: dict[str, list[float]] = {setting: [] for setting in SETTINGS}
            for _ in range(options.rounds):
                for setting, different in SETTINGS.items():
                    took[setting].append(encode(video, stream, target, different))
            for setting, different in SETTINGS.items():
                encode(video, stream, target, different)
                ssim, psnr = quality(target, video)
                found = f"{target.stat().st_size / 1e6:.2f} MB, SSIM {ssim:.4f}, PSNR {psnr:.1f} dB"
                result.row(f"{size}, {setting} ({found})", 1000 * min(took[setting]) / stream.frames, "ms a frame")
    result.publish(options.json)


if __name__ == "__main__":
    main()
