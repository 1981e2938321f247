"""`avflow export`: which files it takes, what it refuses, and where it writes."""

import hashlib
import json
import os

import pytest

from avflow.models.sources import ModelFile
from avflow.workflow.reports import ModelEntry
from avflow_cli.main import main

BOX = (10.0, 20.0, 30.0, 40.0)


def run(capsys, *arguments):
    status = main(["export", *map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.mark.parametrize("given", ["film.json", "film.detections.jsonl", "."])
def test_it_takes_either_file_or_their_folder(results, tmp_path, capsys, given):
    results()
    status, out, _ = run(capsys, tmp_path / given, "--to", "csv")
    assert (status, out) == (os.EX_OK, f"{tmp_path / 'film.detections.csv'}\n")
    assert len((tmp_path / "film.detections.csv").read_text().splitlines()) == 8


def test_it_writes_where_it_is_told(results, tmp_path, capsys):
    path = results()
    for out in ("a.csv", "a.csv", "labels"):
        form = "yolo" if out == "labels" else "csv"
        assert run(capsys, path, "--to", form, "--out", tmp_path / out)[:2] == (os.EX_OK, f"{tmp_path / out}\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a.csv", "film.detections.jsonl", "film.json", "film.srt", "labels",
    ]  # fmt: skip


def test_json_names_what_was_written(results, tmp_path, capsys):
    results()
    status, out, _ = run(capsys, tmp_path / "film.json", "--to", "csv", "--json")
    written = tmp_path / "film.detections.csv"
    assert status == os.EX_OK and written.exists()
    assert json.loads(out) == {"type": "export", "format": "csv", "path": str(written)}


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ("nothing.json", os.EX_NOINPUT, "nothing.json is not there"),
        ("film.srt", os.EX_DATAERR, "film.srt is neither a manifest"),
        ("empty", os.EX_NOINPUT, "has no detections"),
        ("alone.json", os.EX_NOINPUT, "alone.detections.jsonl beside"),
        ("sound.json", os.EX_DATAERR, "has no video stream"),
        ("foreign.json", os.EX_DATAERR, "foreign.json is not a manifest of av-workflow"),
        ("two", os.EX_DATAERR, "results of several videos: a.detections.jsonl, b.detections.jsonl"),
    ],
)
def test_what_is_no_result_is_named(results, tmp_path, capsys, given, status, said):
    path = results()
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    manifest = json.loads(path.read_text())
    for name, content in {
        "alone.json": manifest,
        "sound.json": manifest | {"detections": None},
        "sound.detections.jsonl": "",
        "foreign.json": [1],
        "foreign.detections.jsonl": "",
        "two/a.detections.jsonl": "",
        "two/b.detections.jsonl": "",
    }.items():
        (tmp_path / name).write_text(json.dumps(content))
    found, out, told = run(capsys, tmp_path / given, "--to", "coco")
    assert (found, out) == (status, "")
    assert said in " ".join(told.split())


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (2, "{", "Line 3 of"),
        (2, '{"frame": 2, "time": 0.08, "objects": [{"class": "dog", "confidence": 0.5, "box": [1, 2, 3]}]}', "Line 3"),
        (2, '{"frame": 2, "time": NaN, "objects": []}', "Line 3 of"),
        (2, '{"frame": 7, "time": 0.08, "objects": []}', "has frame 7"),
        (4, "", "has 4 frames"),
        (4, '{"frame": 4, "time": 0.16, "objects": [{"class": "unicorn", "confidence": 0.5, "box": [1, 2, 3, 4]}]}',
         "the class 'unicorn'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["csv", "yolo"])
def test_damaged_detections_leave_nothing(results, tmp_path, capsys, line, text, said, form):
    path = results()
    file = tmp_path / "film.detections.jsonl"
    lines = file.read_text().splitlines()
    lines[line] = text
    file.write_text("".join(f"{each}\n" for each in lines if each))
    before = sorted(tmp_path.iterdir())
    status, out, told = run(capsys, path, "--to", form)
    assert (status, out) == (os.EX_DATAERR, "")
    assert said in " ".join(told.split())
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("files", [None, 7, [{"name": "mine.names"}], [{"name": 7, "sha256": ""}], ["mine.names"]])
def test_a_manifest_that_does_not_say_which_model_is_named(results, capsys, files):
    path = results()
    manifest = json.loads(path.read_text())
    manifest["models"]["detector"]["files"] = files
    path.write_text(json.dumps(manifest))
    status, _, told = run(capsys, path, "--to", "csv")
    assert status == os.EX_DATAERR
    assert "which files the detector has" in " ".join(told.split())


def test_it_replaces_nothing_but_an_export(results, tmp_path, capsys):
    path = results()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    kept = path.read_text()
    for form, out in (("csv", "film.json"), ("csv", "film.detections.jsonl"), ("csv", "full"), ("yolo", "full"),
                      ("yolo", "film.srt"), ("csv", "no/folder/a.csv")):  # fmt: skip
        status, _, told = run(capsys, path, "--to", form, "--out", tmp_path / out)
        assert status == os.EX_CANTCREAT, told
        assert "--out" in told
    assert (tmp_path / "full" / "mine").read_text() == "mine"
    assert path.read_text() == kept


def test_the_names_of_a_model_of_ones_own(results, tmp_path, monkeypatch, capsys):
    """They are taken from the model if it is the same, else they have to be given: never wrong numbers."""
    names = b"owl\nfox\n"
    file = ModelFile("mine.names", len(names), hashlib.sha256(names).hexdigest())
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "models" / "yolov3-tiny"
    folder.mkdir(parents=True)
    path = results([[("fox", 0.5, BOX, 1)]], model=ModelEntry("detector", "yolov3-tiny", "yolov3", (file,)))
    for stored in (None, b"fox\nowl\n"):
        if stored:
            (folder / "mine.names").write_bytes(stored)
        status, _, told = run(capsys, path, "--to", "mot")
        assert status == os.EX_DATAERR
        assert "--names FILE" in told
    (folder / "mine.names").write_bytes(names)
    assert run(capsys, path, "--to", "mot")[0] == os.EX_OK
    assert (tmp_path / "film.detections.mot.txt").read_text() == "1,1,11.0,21.0,30.0,40.0,0.5,2,-1,-1\n"
    assert run(capsys, path, "--to", "mot", "--names", tmp_path / "missing")[0] == os.EX_DATAERR


def test_help_names_every_format(capsys):
    from avflow.exports import FORMATS

    assert main(["export", "--help"]) == 0
    told = capsys.readouterr().out
    assert not [form for form in FORMATS if f"  {form} " not in told]
    assert main(["export", "x.json", "--to", "xml"]) == os.EX_USAGE
