"""Tables of runs: whole in a pipe, within the width of a terminal, and never able to control it."""

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from avflow_cli.stack import printing
from avflow_cli.stack.commands import submit

HEADS = ("upload", "status", "took", "name")
ROWS = [
    ("a\x1b[2J.mkv", "FAILED", "9.5 s", "a-mkv-" + 16 * "0"),
    ("holidays/b.mkv", "RUNNING", "2:03", "b-mkv-" + 16 * "1"),
]


@pytest.fixture
def printed(monkeypatch):
    def lines(width, **console):
        file = io.StringIO()
        monkeypatch.setattr(printing, "console", lambda: Console(file=file, width=width, highlight=False, **console))
        printing.table(HEADS, ROWS, right=["took"], spare=["name", "took"])
        return [line.rstrip() for line in file.getvalue().splitlines()]

    return lines


def test_a_pipe_gets_whole_cells(printed):
    assert printed(20) == [
        "upload          status    took  name",
        "a\\x1b[2J.mkv    FAILED   9.5 s  a-mkv-0000000000000000",
        "holidays/b.mkv  RUNNING   2:03  b-mkv-1111111111111111",
    ]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (80, ["upload", "status", "took", "name"]),
        (54, ["upload", "status", "took", "name"]),
        (53, ["upload", "status", "took"]),
        (29, ["upload", "status"]),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns(printed, width, heads):
    lines = printed(width, force_terminal=True, color_system=None)
    assert lines[0].split() == heads and len(lines) == 3
    assert max(map(len, lines)) <= width


def test_a_terminal_with_colours_shows_the_status_in_them(printed):
    lines = printed(80, force_terminal=True, color_system="standard")
    assert "\x1b[31mFAILED" in lines[1] and "\x1b[2J" not in lines[1]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (847_994, "848 kB"), (60e6, "60 MB"), (5e12, "5 TB"), (5e16, "5e+04 TB")],
)
def test_sizes(count, text):
    assert printing.size(count) == text


@pytest.mark.parametrize(
    ("to", "folder"),
    [("", ""), ("a", "a"), ("/a/b/", "a/b"), ("start/", ""), ("/start/a//b", "a/b"), ("a/start", "a/start")],
)
def test_the_folder_of_an_upload(monkeypatch, to, folder):
    from avflow_cli.stack import submit as command

    monkeypatch.setattr(command, "run", lambda **options: options["to"])
    monkeypatch.setattr("avflow_cli.stack.stack.Stack.of", lambda access: None)
    context = submit.make_context("submit", ["--to", to, "--region", "us-east-1", "a.mkv"])
    assert submit.invoke(context) == folder


def test_lines_of_json_stay_whole_when_threads_print_them():
    code = (
        "from threading import Thread; from avflow_cli.stack.printing import line_of_json\n"
        "def lines(): [line_of_json({'line': 'x' * 100}) for _ in range(500)]\n"
        "threads = [Thread(target=lines) for _ in range(8)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 4000 and {*lines} == {json.dumps({"line": "x" * 100})}
