"""`avflow`: the whole workflow on this machine, and the models it uses."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from avflow.errors import AvflowError
from avflow_cli import interrupt, terminal, video

EXIT_CODES = """\
exit status:
  0    done
  64   wrong usage (an unknown model, say)
  65   the input is no media that can be processed
  66   the input is not there, or can't be read
  69   a model, the images or a GPU could not be had
  70   the workflow failed; result/….error.json and the message say why
  73   the results can't be written there
  75   a service did not answer; try again
  78   a model manifest of your own has a fault
  130  interrupted (Ctrl-C, kill)
"""
ROOT = Path(__file__).parents[1]
SAMPLE_UP = """\
example:
  avflow up
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  aws s3 ls
"""
INTERRUPTED = 130
#: least, most, what: AWS Lambda Developer Guide, "Lambda quotas"; AWS has no /tmp below 512 MB
LAMBDA_BOUNDS = {
    "timeout": (1, 900, "s, 1 to 900"),
    "memory": (128, 10240, "MB of memory, 128 to 10240"),
    "tmp": (1, 10240, "MB of /tmp, 1 to 10240 (from 512 on AWS; less makes steps move to Batch)"),
}
PACKAGE = "av-workflow"
PRECISIONS = ("fastest", "fp32", "int8")


class _Parser(argparse.ArgumentParser):
    """argparse with sysexits.h's exit status for wrong usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = _Parser(prog="avflow", description=__doc__, epilog=EXIT_CODES, formatter_class=_raw())
    top.add_argument("--version", action="version", version=f"{PACKAGE} {version(PACKAGE)}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser(
        "run",
        help="process one video: boxes, sound, subtitles",
        description="Process one video on this machine, through the deployed template and its state machine.",
        epilog=EXIT_CODES,
        formatter_class=_raw(),
    )
    run.add_argument("videos", nargs="+", metavar="VIDEO", help="the video (or sound) file, one")
    run.add_argument("--out", type=_folder, default=Path("result"), metavar="DIR", help="where results go (result)")
    _stack_options(run)

    up = commands.add_parser(
        "up",
        help="keep the embedded AWS up, for the aws command and other programs",
        description="Deploy the template to an embedded AWS on 127.0.0.1 and keep it up until Ctrl-C.",
        epilog=SAMPLE_UP,
        formatter_class=_raw(),
    )
    up.add_argument("--port", type=_number("--port", int, 0, 65535), default=4566, metavar="N",
                    help="port on 127.0.0.1, 0 for any that is free (4566)")  # fmt: skip
    _stack_options(up)

    models = commands.add_parser("models", help="list, fetch and verify models")
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_Parser)
    actions.add_parser("list", help="every model, and whether it is here")
    for action, text in (("fetch", "download models that are not here"), ("verify", "hash the files that are here")):
        sub = actions.add_parser(action, help=text)
        sub.add_argument("names", nargs="*", metavar="NAME", help="models; all that are here when left out")
    sub = actions.add_parser("quantize", help="make a detector's int8 network, for the precision int8")
    sub.add_argument("names", nargs=1, metavar="NAME", help="a detector's model")
    sub.add_argument("--frames", type=Path, default=ROOT / "samples" / "my_video.mkv", metavar="PATH",
                     help="a video, or a folder of pictures, like what it will see (the sample)")  # fmt: skip
    return top


def _stack_options(command: argparse.ArgumentParser) -> None:
    """Options whose defaults are `make run`'s variables; argparse passes those through `type` alone, not `choices`."""
    env = os.environ.get
    command.add_argument("--yolov3-model", default=env("YOLOV3_MODEL") or "yolov3-tiny", metavar="NAME",
                         help="detector's model (yolov3-tiny)")  # fmt: skip
    command.add_argument("--speech-model", default=env("SPEECH_MODEL") or "whisper-tiny.en", metavar="NAME",
                         help="speech model (whisper-tiny.en)")  # fmt: skip
    command.add_argument("--detector-precision", default=env("DETECTOR_PRECISION") or "fastest",
                         type=_precision, metavar="KIND",
                         help="arithmetic of the detector: fastest, fp32 or int8 (fastest)")  # fmt: skip
    command.add_argument("--containers", action="store_true", default=bool(env("CONTAINERS")),
                         help="run the steps in the images that `make images` built")  # fmt: skip
    command.add_argument("--segment-seconds", type=_number("SEGMENT_SECONDS", float, 1, 86400),
                         default=env("SEGMENT_SECONDS") or None, metavar="N",
                         help="detect a longer video in segments of N s (1 to 86400), an array job (600)")  # fmt: skip
    for name, (least, most, text) in LAMBDA_BOUNDS.items():
        variable = f"LAMBDA_{name.upper()}"
        command.add_argument(f"--lambda-{name}", type=_number(variable, int, least, most),
                             default=env(variable) or None, metavar="N",
                             help=f"give the steps' Lambdas at most N {text}")  # fmt: skip


def _precision(text: str) -> str:
    if text not in PRECISIONS:
        raise argparse.ArgumentTypeError(f"DETECTOR_PRECISION is {text!r}, must be one of {', '.join(PRECISIONS)}")
    return text


def _number(name: str, kind: type[int] | type[float], least: int, most: int) -> Callable[[str], float]:
    what = "whole number" if kind is int else "number"

    def read(text: str) -> float:
        with suppress(ValueError):
            if least <= kind(text) <= most:
                return kind(text)
        raise argparse.ArgumentTypeError(f"{name} is {text!r}, must be a {what} from {least} to {most}")

    return read


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("OUT is empty, must be a folder; `.` is this one")
    path = Path(text)
    return path.expanduser() if text.startswith("~/") and not path.exists() else path


def _raw() -> type[argparse.HelpFormatter]:
    return argparse.RawDescriptionHelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    terminal.silence_libraries()
    arguments = parser().parse_args(argv)
    interrupt.install()
    try:
        return _dispatch(arguments)
    except AvflowError as error:
        print(f"avflow: {error.name}: {error.message} {error.advice}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("avflow: interrupted", file=sys.stderr)
        return INTERRUPTED


def _dispatch(arguments: argparse.Namespace) -> int:
    if arguments.command == "run":  # before what takes long to import
        if len(arguments.videos) > 1:
            raise video.one_at_a_time(arguments.videos)
        path = video.find(arguments.videos[0])
    # imported late: `avflow models` and `avflow --help` need no embedded AWS
    if arguments.command == "models":
        from avflow_cli import models  # noqa: PLC0415

        return models.run(arguments.action, getattr(arguments, "names", []), getattr(arguments, "frames", None))
    from avflow_cli.stack import StackOptions  # noqa: PLC0415

    options = StackOptions.from_arguments(arguments)
    if arguments.command == "up":
        from avflow_cli import up  # noqa: PLC0415

        up.run(options, arguments.port)
    from avflow_cli import run  # noqa: PLC0415

    return run.run(path, arguments.out, options)


if __name__ == "__main__":
    sys.exit(main())
