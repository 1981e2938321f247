"""Model files in parts, and sources with some of a model's files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from avflow.errors import ModelManifestInvalid, ModelUnavailable
from avflow.models.store import ModelStore
from tests.model_server import CONTENT, Server


def in_parts(folder: Path, *parts: str, content: bytes = CONTENT * 2) -> ModelStore:
    """A store with a model of one file, `content`, whose source has these parts (TOML)."""
    text = f'[[model]]\nname = "tiny"\nkind = "whisper"\n[[model.file]]\nname = "model.bin"\nbytes = {len(content)}\n'
    text += f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n[[model.source]]\n'
    own = folder / "own.toml"
    own.write_text(text + "".join(f"[[model.source.part]]\n{part}\n" for part in parts), encoding="utf-8")
    return ModelStore(folder / "cache", own)


def part(server: Server, path: str) -> str:
    return f'url = "{server.url(path)}"\nbytes = {len(CONTENT)}'


@pytest.mark.parametrize("paths", [("good/1", "good/2"), ("dies", "redirect", "slow")])
def test_parts_are_joined_in_their_order(server: Server, tmp_path: Path, paths: tuple[str, ...]) -> None:
    store = in_parts(tmp_path, *(part(server, path) for path in paths), content=CONTENT * len(paths))
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT * len(paths)
    assert server.asked[0][0] == f"/{paths[0]}"
    assert not any((tmp_path / "cache" / ".partial").glob("tmp*"))


def test_parts_of_packages_are_joined(tmp_path: Path) -> None:
    members = [Path(pytest.__file__), Path(pytest.__file__).with_name("__main__.py")]
    content = b"".join(member.read_bytes() for member in members)
    parts = [f'installed = "pytest"\nmember = "pytest/{member.name}"' for member in members]
    assert (in_parts(tmp_path, *parts, content=content).fetch("tiny") / "model.bin").read_bytes() == content
    assert in_parts(tmp_path, *parts[::-1], content=content).verify("tiny") == []
    (tmp_path / "cache" / "tiny" / "model.bin").unlink()
    with pytest.raises(ModelUnavailable, match="sent a file with the sha256"):  # in the wrong order
        in_parts(tmp_path, *parts[::-1], content=content).fetch("tiny")


def test_a_part_that_is_missing_is_named_and_the_next_source_is_used(server: Server, tmp_path: Path) -> None:
    store = in_parts(tmp_path, part(server, "good"), part(server, "404"))
    with pytest.raises(ModelUnavailable) as failure:
        store.fetch("tiny")
    assert f"{server.url('good')} + {server.url('404')}: part 2 of 2: answered 404" in failure.value.message
    own = tmp_path / "own.toml"
    with own.open("a", encoding="utf-8") as text:
        text.write(f"[[model.source]]\n[[model.source.part]]\n{part(server, 'good')}\n")
        text.write(f"[[model.source.part]]\n{part(server, 'redirect')}\n")
    store = ModelStore(tmp_path / "cache", own)
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT * 2


def test_a_source_is_only_asked_for_the_files_that_it_has(server: Server, tmp_path: Path) -> None:
    def store(limit: str) -> ModelStore:
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        files = "".join(
            f'[[model.file]]\nname = "{name}"\nbytes = {len(CONTENT)}\nsha256 = "{sha256}"\n'
            for name in ("config.json", "model.bin")
        )
        sources = f'[[model.source]]\nurl = "{server.url("404/{file}")}"\nfiles = ["{limit}"]\n'
        sources += f'[[model.source]]\nurl = "{server.url("good/{file}")}"\n'
        own = tmp_path / "own.toml"
        own.write_text(f'[[model]]\nname = "tiny"\nkind = "whisper"\n{files}{sources}', encoding="utf-8")
        return ModelStore(tmp_path / "cache", own)

    store("model.bin").fetch("tiny")
    assert [path for path, _ in server.asked] == ["/good/config.json", "/404/model.bin", "/good/model.bin"]
    with pytest.raises(ModelManifestInvalid, match=r"'weights\.bin', which is no file of the model"):
        store("weights.bin")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("bytes = 5", "bytes is missing"),
        ('files = ["model.bin"]', "a part has neither parts nor files"),
    ],
)
def test_a_part_that_says_too_little_or_too_much_is_refused(
    server: Server, tmp_path: Path, damage: str, told: str
) -> None:
    said = f'url = "{server.url("good")}"' + ("" if damage.startswith("bytes") else f"\nbytes = 5\n{damage}")
    with pytest.raises(ModelManifestInvalid, match=told):
        in_parts(tmp_path, said)
