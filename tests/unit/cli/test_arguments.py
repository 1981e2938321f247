"""What the user names as a video or a variable: found, or answered with help, before anything runs."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from avflow.errors import AvflowError, SourceMissing
from avflow_cli import main as command
from avflow_cli.video import WrongVideo, find, one_at_a_time

ROOT = Path(__file__).parents[3]
NAMES = [
    "it's.mp4",
    'a "b".mkv',
    "cost $5 $(id).mp4",
    "#1.mov",
    "50%.mp4",
    "a;b&c|d.avi",
    "`x`.mp4",
    "-dash.mp4",
    "ä 🎬.mp4",
]


@pytest.fixture
def films(tmp_path, monkeypatch):
    """The current folder, with some videos."""
    for name in ("Holiday film.mp4", "my_video.mkv", "other.mov", *NAMES):
        (tmp_path / name).write_bytes(b"film")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "one.mp4").write_bytes(b"film")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(text):
    with pytest.raises(AvflowError) as failure:
        find(text)
    return type(failure.value), f"{failure.value.message} {failure.value.advice}"


# ---------------------------------------------------------------- the video
@pytest.mark.parametrize("name", ["Holiday film.mp4", "films/one.mp4", "./my_video.mkv", *NAMES])
def test_a_file_is_found_whatever_it_is_called(films, name):
    assert find(name) == Path(name)


def test_a_tilde_that_the_shell_left_is_the_home_folder(films, monkeypatch):
    monkeypatch.setenv("HOME", str(films))
    assert find("~/my_video.mkv") == films / "my_video.mkv"
    (films / "~").mkdir()
    (films / "~" / "my_video.mkv").write_bytes(b"another")
    assert find("~/my_video.mkv") == Path("~/my_video.mkv")
    assert answer("~nobody-of-this-name/a.mp4")[0] is SourceMissing


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_is_no_video(films, text):
    kind, said = answer(text)
    assert kind is WrongVideo
    assert "VIDEO is empty" in said


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("https://a.b/c/My%20film.mp4?x=1&y=2", "curl -L -o 'My film.mp4' 'https://a.b/c/My%20film.mp4?x=1&y=2', then "
         "make run VIDEO='My film.mp4'"),
        ("HTTP://a.b/", "curl -L -o video HTTP://a.b/"),
        ("s3://bucket/start/c.mp4", "aws s3 cp s3://bucket/start/c.mp4 c.mp4, then make run VIDEO=c.mp4"),
        ("file:///tmp/my%20film.mp4", "Give its path: VIDEO='/tmp/my film.mp4'"),
        ("rtsp://camera/1", "Save it as a file first"),
    ],
)  # fmt: skip
def test_an_address_is_told_apart_from_a_file(films, text, advice):
    kind, said = answer(text)
    assert kind is WrongVideo
    assert f"{text} is an address, not a file on this machine." in said
    assert advice in said


def test_of_a_folder_a_file_is_named(films):
    kind, said = answer("films")
    assert kind is SourceMissing
    assert "films is a folder, not a file. Give a file of it: VIDEO=films/one.mp4" in said
    assert "for video in films/*; do" in said
    assert answer("empty")[1].startswith("empty is a folder")


@pytest.mark.parametrize("text", ["my_video.mkv other.mov", "'Holiday film.mp4' other.mov"])
def test_several_files_in_one_name_are_told(films, text):
    kind, said = answer(text)
    assert kind is WrongVideo
    assert "one is processed at a time" in said
    assert f'for video in {text}; do .venv/bin/avflow run -- "$video"; done' in said


def test_the_loop_for_many_files_is_short():
    assert one_at_a_time(["a b.mp4", "c", "d", "e"]).advice.startswith("In a loop: for video in 'a b.mp4' c d …; do")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("my_vdeo.mkv", "my_video.mkv"),
        ("MY_VIDEO.MKV", "my_video.mkv"),
        ("my_video.mp4", "my_video.mkv"),
        ("my_video", "my_video.mkv"),
        ("other", "other.mov"),
        ("holiday_film.mp4", "Holiday film.mp4"),
        ("film/one.mp4", "films/one.mp4"),
        ("films/on.mp4", "films/one.mp4"),
        ("other.mov ", "other.mov, without the space around it"),
    ],
)
def test_a_near_name_is_suggested(films, text, meant):
    kind, said = answer(text)
    assert kind is SourceMissing
    assert said.endswith(f" is not a file. Did you mean {meant}?")


@pytest.mark.parametrize(("text", "told"), [("zzz.mp4", "zzz.mp4 is not a file"), ("zz/a.mp4", "is no folder zz.")])
def test_nothing_is_suggested_where_nothing_is_near(films, text, told):
    said = answer(text)[1]
    assert told in said
    assert said.endswith("Give the path of a video: make run VIDEO=path.")


def test_what_has_no_bytes_of_its_own_is_told():
    assert "is not a file of bytes" in answer("/dev/null")[1]


# ---------------------------------------------------------------- the command
def usage(capsys, *arguments):
    """The exit status, and what is printed last."""
    with pytest.raises(SystemExit) as ended:
        command.main(list(arguments))
    captured = capsys.readouterr()
    return ended.value.code, (captured.out + captured.err).splitlines()[-1]


def test_the_version_is_the_packages(capsys):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert usage(capsys, "--version") == (0, f"av-workflow {version}")


@pytest.mark.parametrize(
    ("option", "variable", "least", "most"),
    [
        ("--lambda-memory", "LAMBDA_MEMORY", 128, 10240),
        ("--lambda-timeout", "LAMBDA_TIMEOUT", 1, 900),
        ("--lambda-tmp", "LAMBDA_TMP", 1, 10240),
        ("--segment-seconds", "SEGMENT_SECONDS", 1, 86400),
        ("--port", "--port", 0, 65535),
    ],
)
def test_numbers_out_of_bounds_are_refused_with_the_bounds(capsys, option, variable, least, most):
    kind = "up" if option == "--port" else "run"
    rest = [] if kind == "up" else ["a.mkv"]
    for value in (least - 1, most + 1, "soon", "nan", "inf", "-1e3"):
        status, said = usage(capsys, kind, f"{option}={value}", *rest)
        assert status == 64
        assert f"{variable} is '{value}', must be a " in said
        assert said.endswith(f"number from {least} to {most}")
    for value in (least, most):
        found = vars(command.parser().parse_args([kind, f"{option}={value}", *rest]))
        assert found[option.strip("-").replace("-", "_")] == value


@pytest.mark.parametrize("variable", ["LAMBDA_MEMORY", "LAMBDA_TIMEOUT", "LAMBDA_TMP", "SEGMENT_SECONDS"])
def test_a_variable_is_held_to_the_same_bounds(capsys, monkeypatch, variable):
    monkeypatch.setenv(variable, "0")
    status, said = usage(capsys, "run", "a.mkv")
    assert status == 64
    assert f"{variable} is '0'" in said
    monkeypatch.setenv(variable, "")
    assert command.parser().parse_args(["run", "a.mkv"]).lambda_memory is None


def test_the_help_states_the_bounds(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        command.main(["run", "--help"])
    said = capsys.readouterr().out
    for bounds in ("1 to 900", "128 to 10240", "1 to 10240", "1 to 86400"):
        assert bounds in said


def test_an_empty_folder_for_results_is_refused(capsys):
    assert usage(capsys, "run", "--out=", "a.mkv") == (
        64,
        "avflow run: argument --out: OUT is empty, must be a folder; `.` is this one",
    )


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["my_video.mkv", "other.mov"], 64, "Several files are given; one is processed at a time."),
        (["http://a.b/c.mp4"], 64, "is an address"),
        ([""], 64, "VIDEO is empty"),
        (["films"], 66, "is a folder"),
        (["my_vdeo.mkv"], 66, "Did you mean my_video.mkv?"),
    ],
    ids=str,
)
def test_nothing_runs_with_a_wrong_video(films, capsys, arguments, status, said):
    assert command.main(["run", "--out", "result", "--", *arguments]) == status
    assert said in capsys.readouterr().err
    assert not Path("result").exists()


def test_hints_and_warnings_of_libraries_are_not_shown():
    """As ONNX Runtime's quantizer logs, and others warn; a fault of the embedded AWS's own is shown."""
    code = (
        "import logging, warnings; from avflow_cli.terminal import silence_libraries; silence_libraries();"
        "logging.warning('a hint'); logging.getLogger('moto').error('a caught error'); warnings.warn('old');"
        "logging.getLogger('local_aws.s3.app').error('a fault'); logging.getLogger('local_aws').warning('a note')"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("", "a fault\n")


# ---------------------------------------------------------------- make
def make(*arguments, **environment):
    """The status and output of make in the repository, with what it would run as `avflow`."""
    command = [shutil.which("make"), "--no-print-directory", *arguments, f"PYTHON={sys.executable}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("VIDOE=x.mp4", "VIDEO"),
        ("video=x.mp4", "VIDEO"),
        ("LAMDA_TIMEOUT=1", "LAMBDA_TIMEOUT"),
        ("lambda_memory=128", "LAMBDA_MEMORY"),
        ("SEGMENTS_SECOND=2", "SEGMENT_SECONDS"),
        ("OUTPUT=x", "OUT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest(given, meant):
    status, said = make("run", given)
    assert status == 2
    assert f"There is no variable {given.partition('=')[0]}: did you mean {meant}?" in said


def test_a_variable_unlike_any_is_refused_with_all_of_them():
    status, said = make("run", "QQ'Q=$(shell false) x")
    assert status == 2
    assert "There is no variable QQ'Q. There are VIDEO OUT" in said


def test_a_makefile_that_calls_this_one_may_have_variables_of_its_own():
    assert make("-n", "help", "CFLAGS=-O2", MAKELEVEL="1")[0] == 0


@pytest.mark.parametrize("name", ["samples/my_video.mkv", "film.mp4"])
def test_a_video_in_place_of_a_target_is_told(name):
    status, said = make("run", name)
    assert status == 2
    assert f'{name} is no target. A video is given by its name in quotes: make run VIDEO="my video.mkv"' in said


@pytest.mark.parametrize("name", [*NAMES, "no such $$$$ dollar.mp4"])
def test_make_looks_for_the_very_name_that_was_typed(tmp_path, name):
    """And runs nothing of it. What is typed as `$$`, as make wants it, means one `$`."""
    missing = tmp_path / "none" / name
    for status, said in (make("video", f"VIDEO={missing}"), make("video", VIDEO=str(missing).replace("$$", "$"))):
        assert status == 2
        assert f"SourceMissing: {str(missing).replace('$$', '$')} is not a file." in said


@pytest.mark.parametrize("name", NAMES)
def test_make_finds_a_video_whatever_it_is_called(films, name):
    for status, said in (make("video", f"VIDEO={films / name}"), make("video", VIDEO=str(films / name))):
        assert (status, said) == (0, "")


def test_an_empty_video_is_told_by_make():
    status, said = make("video", "VIDEO=")
    assert status == 2
    assert "VIDEO is empty" in said
    assert "Error 64" in said


def test_names_that_no_file_can_have_get_an_answer_too(tmp_path):
    files = [tmp_path / f"{'long' * 20}-{number}.mkv" for number in range(4)]
    for file in files:
        file.touch()
    with pytest.raises(WrongVideo, match="Several files"):
        find(" ".join(map(str, files)))
    with pytest.raises(SourceMissing, match="is not a file"):
        find("x" * 5000)
    with pytest.raises(WrongVideo) as refused:
        find("http://[a/b.mp4")
    assert refused.value.advice == "Save it as a file first, then give its path: make run VIDEO=path."


@pytest.mark.parametrize(
    "given", ["AVFLOW_MODELS=/x", "PIP_INDEX_URL=x", "https_proxy=x", "TMPDIR=/tmp", "PYTEST_ADDOPTS="]
)
def test_variables_of_others_are_passed_on(given):
    assert make("-n", "help", given)[0] == 0
