"""The command `avflow`: its grammar, and its exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from avflow.errors import AvflowError, SourceMissing
from avflow_cli import interrupt, terminal, video, where
from avflow_cli.options import Folder, WholeNumber, deployment_options
from avflow_cli.stack.commands import COMMANDS, COMPLETION, SHELLS
from avflow_cli.stack.options import json_option, on_a_stack, where_options

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
PACKAGE = "av-workflow"
EXIT_STATUSES = {
    os.EX_OK: "success",
    os.EX_USAGE: "wrong usage, for example an unknown model",
    os.EX_DATAERR: "the input is not a media file that can be processed, or it would cost too much",
    os.EX_NOINPUT: "the input does not exist, or can't be read",
    os.EX_UNAVAILABLE: "a model, the images or a GPU are not available; `avflow doctor` found something to do",
    os.EX_SOFTWARE: "the workflow failed; the message and result/….error.json say why",
    os.EX_CANTCREAT: "the results can't be written to the folder",
    os.EX_TEMPFAIL: "a service did not answer; try again",
    os.EX_NOPERM: "AWS does not take the credentials, or they may not do this",
    os.EX_CONFIG: "a model manifest of your own has an error",
    interrupt.STATUS: "interrupted (Ctrl-C, kill)",
    terminal.UNREAD: "nobody reads the output any more (avflow list | head -1)",
}
# \b keeps click from joining the lines
EXIT_STATUS_HELP = "\b\nExit status:\n" + "\n".join(f"  {status:<3}  {text}" for status, text in EXIT_STATUSES.items())
UP_HELP = """\b
Example:
  avflow up     # prints an access key, and where it has written a profile
  export AWS_CONFIG_FILE=... AWS_SHARED_CREDENTIALS_FILE=...    # as it prints
  aws --profile av-workflow --endpoint-url http://127.0.0.1:4566 s3 ls
"""
EXPORT_HELP = """\b
Formats:
  coco  JSON of the COCO data set, for example for pycocotools
  csv   a row for each object, for example for pandas or a spreadsheet
  mot   lines of the MOT Challenge: objects with a track, for example for motmetrics
  via   annotations of the VGG Image Annotator
  yolo  a folder with a text for each frame, for example for Ultralytics

"""


# Each command imports what it needs when it is called: `avflow --help` needs no embedded AWS.
@click.group(epilog=EXIT_STATUS_HELP, context_settings=CONTEXT)
@click.version_option(package_name=PACKAGE, prog_name=PACKAGE, message="%(prog)s %(version)s")
def avflow() -> None:
    """Run the workflow on this machine or on a deployed stack, and manage the models that it uses."""


@avflow.command(epilog=EXIT_STATUS_HELP)
@click.argument("videos", nargs=-1, metavar="VIDEO...")
@click.option(
    "--out", type=Folder(), default="result", show_default=True, metavar="DIR", help="Folder for the results."
)
@click.option("--keep-going", is_flag=True, help="After a failure, start the other videos all the same.")
@click.option(
    "--watch",
    "watched",
    type=Folder(),
    metavar="DIR",
    help="Process the videos in DIR, and those that appear there until Ctrl-C.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print a line of JSON for each video, and one for all at the end."
)
@deployment_options
@click.pass_context
def run(
    context: click.Context,
    /,
    videos: tuple[str, ...],
    out: Path,
    *,
    keep_going: bool,
    watched: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Draw boxes into videos and write their subtitles.

    VIDEO is a video or audio file, a folder, or a pattern such as 'clips/*.mov'. A folder means the media files in it,
    without hidden ones. Each goes through the deployed template and its state machine. Several run at once, and the
    paths of their results are those of the videos, from the deepest folder that contains all that was named.

    The first failure keeps other videos from being started, unless you say --keep-going or --watch. The exit status is
    the worst of all.
    """
    if not videos and watched is None:
        raise click.UsageError("Missing argument 'VIDEO...'.", context)
    from avflow_cli import clips  # noqa: PLC0415

    if watched is None and not as_json and not clips.is_many(videos):
        path = video.find(videos[0])  # before the imports, which take longer
        from avflow_cli import run as command  # noqa: PLC0415
        from avflow_cli.deployment import DeploymentOptions  # noqa: PLC0415

        return command.run(path, out, DeploymentOptions(**options))
    if watched is not None and not watched.is_dir():
        raise SourceMissing(f"{watched} is not a folder.", "Watch a folder: --watch DIR.")
    found = clips.find(videos, out, also_in=watched)
    from avflow_cli import many  # noqa: PLC0415
    from avflow_cli.deployment import DeploymentOptions  # noqa: PLC0415

    return many.run(found, out, DeploymentOptions(**options), keep_going=keep_going, as_json=as_json, watched=watched)


@avflow.command(epilog=UP_HELP)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=4566,
    show_default=True,
    metavar="N",
    help="Port on 127.0.0.1; 0 for any free port.",
)
@click.option(
    "--data",
    type=Folder(),
    metavar="DIR",
    help="Keep the bucket, its versions, the logs and the executions in DIR for the next time. "
    "Executions that run at the end are ABORTED. By default nothing is kept.",
)
@json_option
@deployment_options
def up(port: int, data: Path | None, *, as_json: bool, **options: Any) -> int:
    """Keep an embedded AWS up for the aws command and other programs.

    Deploys the template to it. Ctrl-C ends it.
    """
    from avflow_cli import up as command  # noqa: PLC0415
    from avflow_cli.deployment import DeploymentOptions  # noqa: PLC0415

    return command.run(DeploymentOptions(**options), port, data, as_json=as_json)


@avflow.command(epilog=EXIT_STATUS_HELP)
@where_options
@json_option
def doctor(**options: Any) -> int:
    """Look what is missing before `sam build` and `sam deploy`.

    Looks at this machine and at your AWS account, as samconfig.toml and template.yaml need them. Changes nothing.
    """
    from avflow_cli import doctor as command  # noqa: PLC0415

    return command.run(**options)


@avflow.command("verify", epilog=EXIT_STATUS_HELP)
@on_a_stack
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="verify.md",
    show_default=True,
    metavar="FILE",
    help="The report.",
)
@click.option("--keep", is_flag=True, help="Keep the uploads and the results in the bucket.")
def verify_stack(**options: Any) -> int:
    """Prove that a deployed stack does what it should.

    Runs the sample video twice, the second time without Lambda, compares boxes and words with what must come out, and
    writes a report with times, waits and cost that can be attached to an issue. Costs some cents.
    """
    from avflow_cli import verify as command  # noqa: PLC0415

    return command.run(**options)


@avflow.command(epilog=EXPORT_HELP + EXIT_STATUS_HELP)
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT")
@click.option(
    "--to",
    "form",
    type=click.Choice(["coco", "csv", "mot", "via", "yolo"]),
    required=True,
    help="The format.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file to write, or the folder for yolo; by default beside the results.",
)
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The detector's class names, one a line, if its model is not on this machine.",
)
@json_option
def export(result: Path, form: str, out: Path | None, names: Path | None, *, as_json: bool) -> int:
    """Write detections and tracks in the format of another program.

    RESULT is the manifest (my_video.json) or the detections (my_video.detections.jsonl) of a video, or the folder with
    both.
    """
    from avflow_cli import export as command  # noqa: PLC0415

    return command.run(result, form, out, names, as_json=as_json)


@avflow.command("import", epilog=EXIT_STATUS_HELP)
@click.argument("workflow", type=click.Path(path_type=Path), metavar="SCAR-WORKFLOW.YAML")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="samconfig.toml",
    show_default=True,
    metavar="FILE",
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
def import_workflow(workflow: Path, out: Path, force: bool, as_json: bool) -> int:
    """Take over the settings of SCAR's av-workflow.

    Writes a samconfig.toml for `sam build` and `sam deploy`, and says what has no counterpart.
    """
    from avflow_cli import scar as command  # noqa: PLC0415

    return command.run(workflow, out, force=force, as_json=as_json)


@avflow.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the script by which a shell completes commands, options and names of runs.

    \b
    bash:  eval "$(avflow completion bash)"       in ~/.bashrc
    zsh:   eval "$(avflow completion zsh)"        in ~/.zshrc, after compinit
    fish:  avflow completion fish | source        in ~/.config/fish/config.fish
    """
    from avflow_cli.stack.completion import script  # noqa: PLC0415

    return script(avflow, shell)


for _command in COMMANDS:
    avflow.add_command(_command)


@avflow.group()
def models() -> None:
    """List, fetch, verify and quantize models."""


@models.command("list")
@json_option
def list_(*, as_json: bool) -> int:
    """List all models."""
    from avflow_cli import models as command  # noqa: PLC0415

    return command.show(as_json=as_json)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def fetch(names: tuple[str, ...], *, as_json: bool) -> int:
    """Download models: those called NAME, or all.

    Models that are on this machine are not downloaded again.
    """
    from avflow_cli import models as command  # noqa: PLC0415

    return command.fetch_all(names, as_json=as_json)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--into",
    type=Folder(),
    default=where.models(),
    show_default="models",
    metavar="DIR",
    help="Folder for the models.",
)
@json_option
def check(names: tuple[str, ...], into: Path, *, as_json: bool) -> int:
    """Before `sam build`: fetch and verify its models within a minute.

    Asks all sources of the models called NAME, or of those in samconfig.toml and the template, and says which of them
    answer. The build takes the models from the folder.
    """
    from avflow_cli import model_check as command  # noqa: PLC0415

    return command.run(names, into, as_json=as_json)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def verify(names: tuple[str, ...], *, as_json: bool) -> int:
    """Hash models again: those called NAME, or all on this machine."""
    from avflow_cli import models as command  # noqa: PLC0415

    return command.verify(names, as_json=as_json)


@models.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--frames",
    type=click.Path(exists=True, path_type=Path),
    default=where.files() / "samples" / "my_video.mkv",
    show_default="the sample video",
    metavar="PATH",
    help="A video, or a folder of pictures, like those that the detector will process.",
)
@json_option
def quantize(name: str, frames: Path, *, as_json: bool) -> int:
    """Make the int8 network of the detector NAME."""
    from avflow_cli import models as command  # noqa: PLC0415

    return command.quantize(name, frames, as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    try:
        return _main(arguments)
    except BrokenPipeError:
        if not terminal.is_unread():
            raise
        return terminal.UNREAD


def _main(arguments: Sequence[str] | None) -> int:
    terminal.guard_stderr()
    terminal.silence_libraries()
    try:
        interrupt.install()  # a signal may come as soon as it is there
        if COMPLETION in os.environ:
            from avflow_cli.stack.completion import answer  # noqa: PLC0415

            return answer(avflow)
        with avflow.make_context("avflow", list(sys.argv[1:] if arguments is None else arguments)) as context:
            return int(avflow.invoke(context))
    except click.exceptions.Exit as ended:  # after --help and --version
        return ended.exit_code
    except click.UsageError as error:
        error.show()
        return os.EX_USAGE
    except AvflowError as error:
        return terminal.show_error(error)
    except KeyboardInterrupt:
        interrupt.say()
        interrupt.handled()
        return interrupt.STATUS


if __name__ == "__main__":
    sys.exit(main())
