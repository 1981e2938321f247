"""`--json` of the commands for models: each line is one JSON object with the fields that docs/commands.md lists.

Other commands: tests/unit/cli/test_scar.py, tests/unit/exports/test_export.py, tests/local/test_doctor.py, tests/e2e.
"""

import json
import os
import re
from pathlib import Path

import click
import pytest

from avflow_cli.main import avflow, main
from tests.model_server import CONTENT
from tests.unit.models.conftest import server  # noqa: F401 - a fixture
from tests.unit.models.test_store import manifest

DOCUMENT = Path(__file__).parents[3] / "docs" / "commands.md"


def commands(group=avflow, before=""):
    """All commands by their words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def printed(capsys, *arguments):
    """The exit status, and the lines on standard output."""
    status = main([*map(str, arguments), "--json"])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def tiny(server, tmp_path, monkeypatch):  # noqa: F811
    """A model that is not here yet. Returns its folder."""
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "cache"))
    monkeypatch.setenv("AVFLOW_MODELS_TOML", str(manifest(tmp_path, server.url("404"), server.url("good"))))
    return tmp_path / "cache" / "tiny"


def test_every_command_but_the_script_of_a_shell_prints_json():
    without = {name for name, each in commands() if "as_json" not in {given.name for given in each.params}}
    assert without == {"completion"}


def test_the_document_lists_each_command_that_prints_json():
    table = DOCUMENT.read_text(encoding="utf-8").partition("## For programs")[2]
    listed = {name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall("`(.+?)`", row)}
    assert listed == {name for name, each in commands() if "as_json" in {given.name for given in each.params}}


def test_a_model_is_listed_fetched_and_verified(tiny, capsys):
    assert not _tiny(capsys)["here"]
    assert printed(capsys, "models", "fetch", "tiny") == (
        os.EX_OK,
        [{"type": "model", "name": "tiny", "folder": str(tiny)}],
    )
    about = _tiny(capsys)
    assert about.pop("about") is not None
    assert about == {"type": "model", "name": "tiny", "bytes": len(CONTENT), "here": True, "folder": str(tiny)}
    right = {"type": "model", "name": "tiny", "right": True, "problems": []}
    assert printed(capsys, "models", "verify", "tiny") == (os.EX_OK, [right])
    (tiny / "model.bin").write_bytes(b"other")
    status, (wrong,) = printed(capsys, "models", "verify", "tiny")
    assert status == os.EX_UNAVAILABLE and not wrong["right"] and "model.bin" in wrong["problems"][0]


def _tiny(capsys):
    status, lines = printed(capsys, "models", "list")
    assert status == os.EX_OK and len(lines) > 5, "those of the project, too"
    (found,) = [line for line in lines if line["name"] == "tiny"]
    return found


def test_a_check_names_the_sources_and_the_models(tiny, server, tmp_path, capsys):  # noqa: F811
    into = tmp_path / "models"
    status, lines = printed(capsys, "models", "check", "tiny", "--into", into)
    assert status == os.EX_OK
    *sources, model = lines
    assert {(line["type"], line["source"], bool(line["problem"])) for line in sources} == {
        ("source", server.url("404"), True),
        ("source", server.url("good"), False),
    }
    done = {"problem": None, "advice": None, "unfinished": False}
    assert model == {"type": "model", "name": "tiny", "folder": str(into / "tiny"), **done}
    assert (into / "tiny" / "model.bin").read_bytes() == CONTENT


@pytest.mark.slow
def test_a_quantized_model_tells_what_it_finds(capsys):
    status, (made,) = printed(capsys, "models", "quantize", "yolov3-tiny")
    assert status == os.EX_OK and made["name"] == "yolov3-tiny"
    assert Path(made["file"]).exists() and made["boxes"] > 0 and 0 < made["recall"] <= 1
