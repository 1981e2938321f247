"""Files that the user has already: in the folder `models` of the checkout, before any source is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from avflow.errors import ModelUnavailable
from avflow.models.manifest import MANIFEST
from avflow.models.store import GIVEN, ModelStore
from tests.model_server import CONTENT, Server
from tests.unit.models.test_store import manifest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(server: Server, tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "cache", manifest(tmp_path, server.url("good")), given=tmp_path / "models")


@pytest.mark.parametrize("name", ["tiny/model.bin", "model.bin"])
def test_a_file_in_the_folder_is_taken_before_the_network(
    server: Server, store: ModelStore, tmp_path: Path, name: str
) -> None:
    put = tmp_path / "models" / name
    put.parent.mkdir(parents=True)
    put.write_bytes(CONTENT)
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT
    assert server.asked == []
    assert put.exists(), "it is the user's"


@pytest.mark.parametrize(
    ("content", "told"),
    [(CONTENT[:-1], "has 511999 bytes instead of 512000"), (CONTENT[:-1] + b"!", "sent a file with the sha256")],
    ids=["cut", "changed"],
)
def test_another_file_is_never_used_and_is_named(
    server: Server, store: ModelStore, tmp_path: Path, content: bytes, told: str
) -> None:
    put = tmp_path / "models" / "model.bin"
    put.parent.mkdir()
    put.write_bytes(content)
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT
    assert server.asked == [("/good", None)]
    alone = ModelStore(tmp_path / "other", manifest(tmp_path, server.url("404")), given=put.parent)
    with pytest.raises(ModelUnavailable, match=rf"{put}: {told}") as failure:
        alone.fetch("tiny")
    assert f"into {put.parent} yourself, as tiny/model.bin" in failure.value.advice


def test_a_download_that_was_interrupted_is_not_lost_to_a_wrong_file(
    server: Server, store: ModelStore, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnavailable):
        ModelStore(tmp_path / "cache", manifest(tmp_path, server.url("shrinks"))).fetch("tiny")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.bin").write_bytes(b"cut")
    server.asked.clear()
    manifest(tmp_path, server.url("good"))
    store.fetch("tiny")
    assert server.asked == [("/good", f"bytes={len(CONTENT) // 3}-")]


# ---------------------------------------------------------------- the checkout and the images
def test_the_folder_is_in_the_checkout_and_its_models_are_not() -> None:
    assert ROOT / "models" == GIVEN
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    tracked = subprocess.run(["git", "ls-files", "models"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tracked.stdout.splitlines() in ([], ["models/README.md"])
    for name in ("models/yolov3/yolov3.weights", "models/yolov3.weights"):
        ignored = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False)
        assert ignored.returncode == 0


@pytest.mark.parametrize("image", ["media", "yolov3"])
def test_an_image_takes_the_folder_before_it_installs_anything(image: str) -> None:
    text = (ROOT / "docker" / f"{image}.Dockerfile").read_text(encoding="utf-8")
    first, *others = text.split("\nFROM ")[1:]
    assert first.startswith("${BASE_IMAGE} AS model\n")
    assert "COPY models /build/models/" in first
    assert "bake_model.py" in first
    assert "pip install" not in first
    assert not any("bake_model.py" in each for each in others)
    assert "\n!models\n" in (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_the_default_detector_has_sources_of_several_owners() -> None:
    store = ModelStore()
    for name in ("yolov3", "yolov3-tiny", "whisper-small", "whisper-base", "whisper-tiny.en"):
        for file in store.describe(name).files:
            hosts = {
                each.origin(file).split("/")[2] for each in store.sources(name, file) if "://" in each.origin(file)
            }
            owners = {".".join(host.split(".")[-2:]) for host in hosts}
            packages = any("Python package" in each.origin(file) for each in store.sources(name, file))
            assert len(owners) + packages >= 2, f"{name}: {owners}"
    text = MANIFEST.read_text(encoding="utf-8")
    assert text.index("tvm-ci-resources") < text.index("https://pjreddie.com/media/files"), "what redirects comes last"
