"""Running FFmpeg: progress, failures, an early end, and no process or file left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from avflow.errors import FFmpegFailed, LambdaBudgetExceeded, MemoryExhausted, ScratchFull
from avflow.ffmpeg import Process, binary, convert, extract_wav, run, written_whole
from avflow.media import probe
from avflow.progress import ignore
from avflow.workflow.budget import RESERVE_SECONDS, Budget
from avflow.workflow.context import paced
from tests.media_samples import H264, ffmpeg, lavfi, pattern, tone

SAMPLE = Path(__file__).parents[3] / "samples" / "my_video.mkv"
SILENT = [binary(), "-loglevel", "error", "-nostdin", "-y"]
ENDLESS = [
    binary(),
    "-loglevel",
    "error",
    "-f",
    "lavfi",
    "-i",
    "testsrc2,realtime",
    "-progress",
    "pipe:1",
    "-f",
    "null",
    "-",
]


def children() -> set[str]:
    """The ids of this process's running children."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread of another test has ended meanwhile
            found |= set((task / "children").read_text().split())
    return found


def test_progress_reaches_the_end(tmp_path):
    reports = []
    media = probe(SAMPLE)
    convert(SAMPLE, media, tmp_path / "v.avi", report=reports.append)
    assert reports[-1].done == reports[-1].total == pytest.approx(media.duration)
    assert {report.step for report in reports} == {"convert"}
    assert [report.done for report in reports] == sorted(report.done for report in reports)


def test_a_failure_names_the_input_and_the_reason(tmp_path):
    with pytest.raises(FFmpegFailed, match=r"on my_video\.mkv: .*No such filter"):
        run([binary(), "-i", str(SAMPLE), "-vf", "nonsense", "-f", "null", "-"], "my_video.mkv", step="x", seconds=1)


def test_a_failure_leaves_no_file(tmp_path):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(pattern(), tone()), *H264, source)
    media = probe(source)
    source.unlink()
    with pytest.raises(FFmpegFailed, match=r"v\.mkv"):
        extract_wav(source, media, tmp_path / "s.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_reported_by_name():
    writing = [binary(), "-loglevel", "error", "-f", "lavfi", "-i", "sine=d=20", "-f", "s16le", "-y", "/dev/full"]
    with pytest.raises(ScratchFull, match=r"scratch space is full .* v\.mkv"):
        run(writing, "v.mkv", step="x", seconds=20)


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path):
    """If a quota is a limit on the file size, the kernel kills the writer with SIGXFSZ."""
    limited = ["prlimit", "--fsize=100000", "--core=0", *SILENT, "-f", "lavfi", "-i", "sine=d=20", "-f", "s16le"]
    with pytest.raises(ScratchFull, match=r"scratch space is full .* v\.mkv"):
        run([*limited, str(tmp_path / "x")], "v.mkv", step="x", seconds=20)


def test_ffmpeg_killed_for_memory_is_reported_by_name():
    before = children()
    with Process(ENDLESS, "v.mkv", stdout=subprocess.DEVNULL) as process:
        (child,) = children() - before
        os.kill(int(child), signal.SIGKILL)
        with pytest.raises(MemoryExhausted, match=r"killed while it worked on v\.mkv") as caught:
            process.finish()
    # on Lambda, a MemoryError moves the step to Batch
    assert isinstance(caught.value, MemoryError)


def test_a_pace_that_is_too_slow_ends_ffmpeg(tmp_path):
    before = children()
    in_time = paced(ignore, Budget(time.monotonic() + RESERVE_SECONDS + 1), "endless of v.mkv")
    with pytest.raises(LambdaBudgetExceeded, match=r"endless of v\.mkv"):
        run(ENDLESS, "v.mkv", step="endless", seconds=3600, report=in_time)
    assert children() <= before


def test_ffmpeg_without_progress_output_is_stopped_too():
    """A demuxer that seeks, or a filter that buffers, may report no progress for minutes."""
    reports = []

    def third_time(progress):
        reports.append(progress.done)
        if len(reports) == 3:
            raise RuntimeError("enough")

    silent = [binary(), "-loglevel", "error", "-re", *lavfi("color=s=16x16"), "-t", "30", "-f", "null", "-"]
    before = children()
    with pytest.raises(RuntimeError, match="enough"):
        run(silent, "v.mkv", step="silent", seconds=30, report=third_time)
    assert reports == [0, 0, 0]
    assert children() <= before


def test_an_exception_of_the_report_ends_ffmpeg():
    before = children()

    def fail(progress):
        raise RuntimeError("from the report")

    with pytest.raises(RuntimeError, match="from the report"):
        run(ENDLESS, "v.mkv", step="endless", seconds=3600, report=fail)
    assert children() <= before


def test_a_process_is_not_left_behind():
    before = children()
    with pytest.raises(KeyboardInterrupt), Process(ENDLESS, "v.mkv", stdout=os.open(os.devnull, os.O_WRONLY)):
        assert len(children() - before) == 1
        raise KeyboardInterrupt
    assert children() <= before


def test_an_unlimited_budget_never_ends():
    assert math.isinf(Budget().seconds_left())


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(RuntimeError), written_whole(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    with written_whole(target) as partial:
        partial.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
