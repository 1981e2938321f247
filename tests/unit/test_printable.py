"""Names with control codes: no terminal and no log gets them raw."""

import json
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avflow.errors import SourceMissing
from avflow.filenames import UNPRINTABLE, PrintableStream, printable, printable_json
from avflow.workflow.layout import VideoRef
from avflow.workflow.observability import logger_for
from avflow_cli.output import Output, OutputUnusable
from lambdas.failed.failure import explain
from lambdas.failed.report import ErrorReport, shown

ROOT = Path(__file__).parents[2]
NASTY = "red\x1b[31m\x1b]0;title\x07 csi\x9b2J bidi\u202egpm\u2066 line\nforged\r\x7f\u2028.mp4"


def raw(text, keep="\n\t"):
    return [character for character in UNPRINTABLE.findall(text) if character not in keep]


@given(st.text())
def test_text_is_the_same_but_for_escape_codes(text):
    found = printable(text)
    assert not UNPRINTABLE.search(found)
    if not UNPRINTABLE.search(text):
        assert found == text
    assert shown(text) == found, "the failure reporter has its own copy"


@pytest.mark.parametrize("name", ["ä 🎬.mp4", "👨‍👩‍👧.mov", "שלום.mp4", "e\u0301.mp4", "日本.mkv", "a b\u00a0c"])
def test_ordinary_names_stay(name):
    assert printable(name) == name


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_json_keeps_its_value(value):
    text = printable_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(text) == value
    assert not raw(text)


def test_an_error_quotes_a_name_printable():
    error = SourceMissing(f"{VideoRef('b', 'start/' + NASTY, 'e').shown_name} does not exist", f"Look at {NASTY}")
    assert not raw(error.message + error.advice + str(error))
    assert "forged" in error.message
    assert "\n" not in error.message
    assert SourceMissing("a list:\n- one").message == "a list:\n- one."


def test_the_scratch_file_that_ffmpeg_names_in_its_messages():
    assert not raw(VideoRef("b", f"start/{NASTY}", "e").scratch_name, keep="")


def test_log_lines(capsys):
    logger = logger_for("ffmpeg", VideoRef("b", f"start/{NASTY}", "run"))
    logger.handlers[0].setStream(sys.stdout)
    try:
        raise ValueError(NASTY)
    except ValueError:
        logger.exception("failed %s", NASTY)
    line = capsys.readouterr().out
    assert not raw(line, keep="")[1:], "only the end of the line"
    assert json.loads(line)["video"] == f"s3://b/start/{NASTY}"


def test_error_reports():
    cause = json.dumps({"errorMessage": f"[Errno 2] {NASTY}"})
    found = explain({"Error": "OSError", "Cause": cause}, None)
    report = ErrorReport(1, f"s3://b/start/{NASTY}", "run", **found)
    assert not raw(report.text)
    assert "forged" not in [line.strip() for line in report.text.splitlines()]


def test_a_traceback_of_a_job():
    """The step fails with an exception that is not ours. Python writes the traceback."""
    video = json.dumps({"bucket": "b", "key": f"start/{NASTY}", "execution": "e"})
    code = (
        "import sys; from batch_jobs.job_main import job_main; import batch_jobs.job_main as m\n"
        "def run_step(step, work, video, *rest, **more): raise RuntimeError(video.key)\n"
        "m.run_step = run_step; job_main('ffmpeg', None, sys.argv)"
    )
    done = subprocess.run([sys.executable, "-c", code, video], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert r"RuntimeError: start/red\x1b[31m" in done.stderr
    assert not raw(done.stderr)


def test_a_stream_keeps_lines_and_tabs(capsys):
    print(f"a\tb\n{NASTY}", file=PrintableStream(sys.stdout))
    logging.StreamHandler(PrintableStream(sys.stdout)).emit(logging.makeLogRecord({"msg": NASTY}))
    written = capsys.readouterr().out
    assert written.startswith("a\tb\nred\\x1b[31m")
    assert not raw(written)


def on_terminal(*command):
    """Run a command on a pseudo-terminal. Returns what the terminal gets."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    seen = b""
    try:
        while block := os.read(primary, 65536):
            seen += block
    except OSError:  # Linux: the other side is closed
        pass
    process.wait()
    os.close(primary)
    return seen.decode()


AVFLOW = (sys.executable, "-m", "avflow_cli.main")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", NASTY],
        ["run", "--" + NASTY, "a.mkv"],
        ["run", "--out", "/dev/null/" + NASTY, str(ROOT / "samples" / "my_video.mkv")],
        ["run", "https://example.org/" + NASTY],
        ["run", NASTY, NASTY],
        [NASTY],
        ["run", "--speech-model", NASTY, str(ROOT / "samples" / "my_video.mkv")],
    ],
    ids=range(7),
)
def test_what_the_command_says_on_a_terminal(arguments):
    seen = on_terminal(*AVFLOW, *arguments)
    assert "\\x1b[31m" in seen or "red" not in seen
    assert not raw(re.sub(r"\x1b\[\?25[hl]", "", seen), keep="\r\n"), seen


def test_what_the_view_prints_on_a_terminal():
    code = (
        "import sys; from pathlib import Path; from rich.text import Text; from avflow_cli import terminal, view\n"
        "from avflow_cli.follow import Task, TaskEvent\n"
        "console, name = terminal.console(), sys.argv[1]\n"
        "with view.RunView(console) as shown:\n"
        "    shown.show(TaskEvent(Task('FFmpeg', 'lambda')))\n"
        "    shown.show(TaskEvent(Task('FFmpeg', 'lambda'), 1.0, name, name, None))\n"
        '    cause = \'{"StatusReason": "\\\\u001b[31m"}\'\n'
        "    shown.show(TaskEvent(Task('FFmpeg', 'lambda'), 1.0, 'States.TaskFailed', cause, 'Batch'))\n"
        "console.print(name, soft_wrap=True, markup=False); console.print(Text(name, style='bold'))"
    )
    seen = on_terminal(sys.executable, "-c", code, NASTY)
    assert r"failed (red\x1b[31m" in seen
    assert r"red\x1b[31m\x1b]0;title" in seen.splitlines()[-2], "Rich leaves out some codes itself"
    assert "\x1b[31m" not in seen
    assert "\x1b]" not in seen
    assert not [character for character in raw(seen, keep="\r\n") if character != "\x1b"]


def test_a_folder_that_can_not_be_used(tmp_path):
    video = tmp_path / ("a\x1b[31m" + ".mkv")
    video.write_bytes(b"film")
    (tmp_path / (video.stem + ".srt")).write_text("own")
    with pytest.raises(OutputUnusable) as refused:
        Output(tmp_path, video)
    assert r"has a\x1b[31m.srt, not written by av-workflow" in refused.value.message
