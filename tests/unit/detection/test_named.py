"""Detectors by the name of their model."""

import pytest

from avflow.darknet import DATA
from avflow.detection import convert_model, open_model, require_int8
from avflow.errors import DarknetModelInvalid, ModelUnavailable, ModelUnknown
from avflow.models.store import ModelStore, sha256_of
from scripts.record_darknet_boxes import random_model

MANIFEST = '[[model]]\nname = "own"\nkind = "yolov3"\nabout = "A small network"\n'


@pytest.fixture
def own(tmp_path):
    """A function that makes a store with the model `own`, of which it has these files."""

    def own(*suffixes: str) -> ModelStore:
        folder = tmp_path / "own"
        folder.mkdir()
        cfg, weights = random_model(DATA / "yolov3-tiny.cfg", 96, tmp_path)
        files = {".cfg": cfg.read_bytes(), ".weights": weights.read_bytes(), ".names": b"thing\n" * 80}
        manifest = MANIFEST
        for suffix in suffixes:
            path = folder / f"own{suffix}"
            path.write_bytes(files[suffix])
            manifest += f'[[model.file]]\nname = "{path.name}"\n'
            manifest += f'bytes = {path.stat().st_size}\nsha256 = "{sha256_of(path)}"\n'
        (tmp_path / "models.toml").write_text(manifest)
        return ModelStore(tmp_path, tmp_path / "models.toml")

    return own


def test_a_declared_model_needs_only_its_weights():
    store = ModelStore()
    store.fetch("yolov3-tiny")
    with open_model("yolov3-tiny", store, "cpu") as detector:
        assert detector.input_size == (416, 416)
        assert (detector.names[0], len(detector.names)) == ("person", 80)


def test_a_model_of_the_users_own_brings_its_network_and_its_names(own):
    with open_model("own", own(".cfg", ".weights", ".names"), "cpu") as detector:
        assert detector.input_size == (96, 96)
        assert set(detector.names) == {"thing"}


def test_without_names_the_classes_are_those_of_coco(own):
    with open_model("own", own(".cfg", ".weights"), "cpu") as detector:
        assert detector.names[16] == "dog"


def test_without_a_network_description_the_message_asks_for_one(own):
    with pytest.raises(DarknetModelInvalid, match=r"model own has no \.cfg beside its \.weights") as error:
        open_model("own", own(".weights"), "cpu")
    assert error.value.advice == "Add the .cfg to its files."


def test_an_unknown_name_is_refused(own):
    with pytest.raises(ModelUnknown, match="nobody"):
        open_model("nobody", own(".cfg", ".weights"), "cpu")


def test_after_the_conversion_opening_writes_no_network(own):
    store = own(".cfg", ".weights")
    made = convert_model("own", store)
    assert [path.name.split(".", 1)[1] for path in made] == ["onnx", "fp16.onnx"]
    written = {path: path.stat().st_mtime_ns for path in made}
    with open_model("own", store, "cpu"):
        pass
    assert {path: path.stat().st_mtime_ns for path in (store.root / "converted").glob("*.onnx")} == written


def test_int8_is_refused_until_the_model_was_quantized(own):
    store = own(".cfg", ".weights")
    with pytest.raises(ModelUnavailable, match="has no int8 network for an input of 96x96") as error:
        require_int8("own", store)
    assert "avflow models quantize own" in error.value.advice
    with pytest.raises(ModelUnavailable, match="has no int8 network"):
        open_model("own", store, "cpu", precision="int8")
