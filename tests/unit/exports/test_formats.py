"""Each format, loaded by a program that nobody here wrote."""

import json
import shutil

import cv2
import globox
import motmetrics
import numpy as np
import pandas as pd
import pytest
import supervision as sv
import yaml
from pycocotools.coco import COCO

from avflow.darknet import DATA
from avflow_cli.main import main
from tests.unit.exports.conftest import FRAMES

OBJECTS = [(number, *found) for number, frame in enumerate(FRAMES) for found in frame]
COCO_NAMES = (DATA / "coco.names").read_text().split("\n")[:-1]
#: names that a spreadsheet, YAML, JSON or a reader might take for something else
HOSTILE = ["=1+1", "@SUM(A1)", "-2", "None", 'a "b", c', "yes", "🐕 狗", "<script>", "'x", "person"]


def export(path, form, *options):
    assert main(["export", str(path), "--to", form, *options]) == 0
    ends = {"coco": ".coco.json", "csv": ".csv", "mot": ".mot.txt", "via": ".via.json", "yolo": ".yolo"}
    return path.with_name("film.detections" + ends[form])


@pytest.fixture
def hostile(results, tmp_path):
    """Results with one object of each of those classes, and the options that name the classes."""
    names = tmp_path / "own.names"
    names.write_text("\n".join(HOSTILE) + "\n", encoding="utf-8")
    box = (10.0, 20.0, 30.0, 40.0)
    path = results([[(name, 0.5, box, number + 1)] for number, name in enumerate(HOSTILE)])
    return path, ("--names", str(names)), HOSTILE


def test_pycocotools_reads_every_object(results):
    coco = COCO(export(results(), "coco"))
    assert [(image["id"], image["file_name"], image["frame"]) for image in coco.dataset["images"]] == [
        (number + 1, f"{number + 1:06}.jpg", number) for number in range(5)
    ]
    assert {image["width"] for image in coco.imgs.values()} == {160}
    found = [
        (each["image_id"] - 1, coco.cats[each["category_id"]]["name"], each["score"], tuple(each["bbox"]),
         each.get("track_id"))
        for each in coco.loadAnns(coco.getAnnIds())
    ]  # fmt: skip
    assert found == OBJECTS
    assert [each["area"] for each in coco.loadAnns(coco.getAnnIds(imgIds=[1]))] == [1215.0, 1800.0]
    people = coco.getAnnIds(catIds=coco.getCatIds(catNms=["person"]))
    assert len(people) == 4
    assert [coco.cats[number + 1]["name"] for number in range(80)] == COCO_NAMES


def test_pandas_reads_every_object(results):
    table = pd.read_csv(export(results(), "csv"))
    rows = [tuple(row) for row in table[["frame", "class", "confidence"]].itertuples(index=False)]
    assert rows == [(frame, name, confidence) for frame, name, confidence, _, _ in OBJECTS]
    assert table[["left", "top", "width", "height"]].to_numpy().tolist() == [list(box) for *_, box, _ in OBJECTS]
    assert table["track"].fillna(0).astype(int).tolist() == [track or 0 for *_, track in OBJECTS]
    assert table.groupby("class")["track"].nunique().to_dict() == {"person": 2, "car": 1, "dog": 0}
    assert [COCO_NAMES[number] for number in table["class_id"]] == table["class"].tolist()
    assert table["time"].tolist() == [frame / 25 for frame, *_ in OBJECTS]


def test_pandas_reads_hostile_names_and_no_spreadsheet_runs_them(hostile):
    path, options, names = hostile
    file = export(path, "csv", *options)
    table = pd.read_csv(file, keep_default_na=False)
    assert table["class"].tolist() == [f"'{name}" if name[0] in "=@-" else name for name in names]
    assert table["class_id"].tolist() == list(range(len(names)))
    assert not [cell for line in file.read_text(encoding="utf-8").split("\n") for cell in line.split(",")
                if cell.strip('"')[:1] in ("=", "@", "+")]  # fmt: skip


def test_motmetrics_reads_every_tracked_object(results):
    """It counts frames from 1, as the format does, and takes the 1 from the pixels again."""
    table = motmetrics.io.loadtxt(export(results(), "mot"), fmt="mot15-2D")
    tracked = [found for found in OBJECTS if found[4]]
    assert table.index.is_unique
    assert [(frame - 1, track) for frame, track in table.index] == [(frame, track) for frame, *_, track in tracked]
    assert table[["X", "Y", "Width", "Height"]].to_numpy() == pytest.approx(np.array([box for *_, box, _ in tracked]))
    assert table["Confidence"].tolist() == [confidence for _, _, confidence, _, _ in tracked]
    assert [COCO_NAMES[int(number) - 1] for number in table["ClassId"]] == [name for _, name, *_ in tracked]


def test_supervision_reads_the_yolo_folder(results):
    folder = export(results(), "yolo")
    assert sorted(path.name for path in (folder / "labels").iterdir()) == [f"{n:06}.txt" for n in range(1, 6)]
    (folder / "images").mkdir()
    for number in range(1, 6):
        cv2.imwrite(str(folder / "images" / f"{number:06}.jpg"), np.zeros((120, 160, 3), np.uint8))
    data = sv.DetectionDataset.from_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
    assert data.classes == COCO_NAMES
    read = {path.rpartition("/")[2]: found for path, _, found in data}
    for number, frame in enumerate(FRAMES):
        found = read[f"{number + 1:06}.jpg"]
        assert [data.classes[each] for each in found.class_id] == [name for name, *_ in frame]
        corners = [(x, y, x + w, y + h) for _, _, (x, y, w, h), _ in frame]
        assert found.xyxy == pytest.approx(np.array(corners).reshape(-1, 4), abs=0.01)


def test_globox_reads_the_annotations_for_via(results, tmp_path):
    for number in range(1, 6):
        cv2.imwrite(str(tmp_path / f"{number:06}.jpg"), np.zeros((120, 160, 3), np.uint8))
    read = globox.AnnotationSet.from_via_json(
        export(results(), "via"), label_key="class", confidence_key="confidence", image_folder=tmp_path
    )
    found = [
        (int(each.image_id[:6]) - 1, box.label, float(box.confidence), box.ltwh)
        for each in sorted(read, key=lambda each: each.image_id)
        for box in each.boxes
    ]
    assert found == [found[:4] for found in OBJECTS]
    regions = json.loads(export(results(), "via").read_text())["000001.jpg-1"]["regions"]
    assert [each["region_attributes"]["track"] for each in regions] == [1, 2]


def test_hostile_names_stay_names(hostile, tmp_path):
    path, options, names = hostile
    coco = COCO(export(path, "coco", *options))
    assert [category["name"] for category in coco.loadCats(sorted(coco.cats))] == names
    facts = yaml.safe_load((export(path, "yolo", *options) / "data.yaml").read_text(encoding="utf-8"))
    assert list(facts["names"].values()) == names
    via = json.loads(export(path, "via", *options).read_text(encoding="utf-8"))
    assert [each["regions"][0]["region_attributes"]["class"] for each in via.values()] == names


@pytest.mark.parametrize("form", ["coco", "csv", "mot", "via", "yolo"])
def test_a_video_without_objects(results, form):
    made = export(results([(), ()]), form)
    if form == "coco":
        assert (len(COCO(made).imgs), COCO(made).anns) == (2, {})
    elif form == "csv":
        assert pd.read_csv(made).empty
    elif form == "mot":
        assert made.read_text() == ""
    elif form == "via":
        assert [each["regions"] for each in json.loads(made.read_text()).values()] == [[], []]
    else:
        assert [path.read_text() for path in (made / "labels").iterdir()] == ["", ""]
        shutil.rmtree(made)
