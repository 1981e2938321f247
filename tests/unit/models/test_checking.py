"""The check before a build: which sources answer, and the whole verified files, within the time that it has."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path

import pytest

from avflow.models.checking import LIMIT_SECONDS, Probed, cached_store, check
from avflow.models.sources import SILENCE_SECONDS
from avflow.models.store import ModelStore
from tests.model_server import CONTENT, SHA, Server
from tests.unit.models.test_store import manifest

ALL = ("403", "404", "page", "moved", "unlabelled-page", "truncated", "long", "wrong", "good")


@pytest.fixture
def store_of(tmp_path: Path):
    return lambda *urls: ModelStore(tmp_path / "models", manifest(tmp_path, *urls), given=tmp_path / "cache")


def test_it_ends_within_a_minute() -> None:
    assert LIMIT_SECONDS <= 60
    assert SILENCE_SECONDS * 3 < LIMIT_SECONDS


def test_each_source_is_told_with_what_is_wrong(server: Server, store_of) -> None:
    store = store_of(*map(server.url, ALL))
    told: list[Probed] = []
    (checked,) = check(["tiny"], store, lambda each: told.append(each) if isinstance(each, Probed) else None)
    assert checked.problem is None
    assert checked.sources == tuple(told)
    origins = [each.source.origin(each.file) for each in told]
    assert origins == [server.url(path) for path in ALL]
    assert [each.failure for each in told] == [
        "answered 403 Forbidden",
        "answered 404 Not Found",
        "answers with a web page",
        f"redirects to a web page, {server.url('page')}",
        "answers with a web page",
        "offers 1000 bytes instead of 512000",
        "offers 512004 bytes instead of 512000",
        None,
        None,
    ], "the first bytes cannot tell the wrong file"
    assert str(told[0]) == f"model.bin from {server.url('403')}: answered 403 Forbidden"
    assert (store.folder("tiny") / "model.bin").read_bytes() == CONTENT
    whole = [path for path, wanted in server.asked if wanted is None]
    assert whole == ["/wrong", "/good"], "only those that answered are asked for the whole file"
    assert {wanted for path, wanted in server.asked if path == "/good"} == {"bytes=0-1023", None}


def test_what_is_there_is_not_asked_for(server: Server, store_of) -> None:
    store = store_of(server.url("good"))
    check(["tiny"], store)
    server.asked.clear()
    (checked,) = check(["tiny"], store)
    assert (checked.problem, checked.sources) == (None, ())
    assert server.asked == []


def test_the_users_own_store_is_the_first_source(server: Server, store_of, tmp_path: Path) -> None:
    (tmp_path / "cache" / "tiny").mkdir(parents=True)
    (tmp_path / "cache" / "tiny" / "model.bin").write_bytes(CONTENT)
    (checked,) = check(["tiny"], store_of(server.url("404")))
    assert checked.problem is None
    assert [path for path, wanted in server.asked if wanted is None] == []
    cache = ModelStore(tmp_path / "cache")
    assert cached_store(tmp_path / "models", cache).given == cache.root


def test_a_model_that_no_source_has_is_told_with_what_to_do(server: Server, store_of) -> None:
    store = store_of(server.url("404"), server.url("moved"))
    (checked,) = check(["tiny"], store)
    assert checked.problem == "No source has model.bin."
    assert not checked.unfinished
    assert f"{store.folder('tiny')}/model.bin: 512000 bytes, sha256 {SHA}" in checked.advice
    assert "s3://BUCKET/KEY" in checked.advice


def test_sources_that_answer_and_then_fail_are_told(server: Server, store_of) -> None:
    (checked,) = check(["tiny"], store_of(server.url("wrong"), server.url("shrinks")))
    assert checked.problem is not None
    assert "sent a file with the sha256" in checked.problem
    assert "stopped after 170666 of 512000 bytes" in checked.problem


def test_a_host_that_says_nothing_costs_only_its_time_out(server: Server, store_of) -> None:
    began = time.monotonic()
    (checked,) = check(["tiny"], store_of(server.url("hang"), server.url("good")), limit=2.0)
    assert time.monotonic() - began < 10, "and not the ten seconds for each"
    assert checked.problem is None
    assert [each.failure for each in checked.sources] == ["did not answer within 1 s", None]


def test_a_slow_download_stops_in_time_and_goes_on_the_next_time(server: Server, store_of, tmp_path: Path) -> None:
    store = store_of(server.url("trickles"))
    began = time.monotonic()
    (checked,) = check(["tiny"], store, limit=3.0)
    assert time.monotonic() - began < 3.0 + SILENCE_SECONDS
    assert checked.unfinished
    assert checked.problem is not None
    assert checked.problem.startswith("fetch model.bin: 0.")
    assert "of 0.5 MB are here at 0.0 MB/s; the rest takes " in checked.problem
    assert "Run it again" in checked.advice
    part = (store.root / ".partial" / SHA).stat().st_size
    assert 0 < part < len(CONTENT)
    server.asked.clear()
    assert check(["tiny"], store_of(server.url("good")))[0].problem is None
    assert ("/good", f"bytes={part}-") in server.asked


def test_another_process_that_fetches_the_model_is_not_waited_for_longer(server: Server, store_of) -> None:
    store = store_of(server.url("good"))
    (store.root / ".partial").mkdir(parents=True)
    began = time.monotonic()
    with (store.root / ".partial" / "tiny.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (checked,) = check(["tiny"], store, limit=2.0)
    assert time.monotonic() - began < 2.0 + SILENCE_SECONDS
    assert checked.unfinished
    assert checked.problem == "wait for another process that fetches tiny: it has not ended."
    assert check(["tiny"], store)[0].problem is None


def test_several_models_share_the_time(server: Server, tmp_path: Path) -> None:
    own = manifest(tmp_path, server.url("trickles"))
    text = own.read_text(encoding="utf-8")
    own.write_text(text + "\n" + text.replace('"tiny"', '"other"').replace(SHA, "0" * 64), encoding="utf-8")
    began = time.monotonic()
    found = check(["tiny", "other"], ModelStore(tmp_path / "models", own, given=tmp_path / "cache"), limit=3.0)
    assert [each.unfinished for each in found] == [True, True]
    assert time.monotonic() - began < 3.0 + SILENCE_SECONDS
