"""A source that is read by ranges: each byte is fetched once at most, whatever the media process asks for."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
import time

import pytest

from avflow.errors import LambdaBudgetExceeded, MediaAnswerInvalid, MediaWorkFailed, ScratchFull, StorageUnavailable
from avflow.isolation.ranges import PARALLEL, RangedSource
from avflow.isolation.worker import MediaWorker
from avflow.media.ranged import BLOCK, RangedFile
from tests.unit.isolation.requests import Run
from tests.unit.isolation.targets import TASKS

SIZE = 40 * BLOCK + 1234
CONTENT = random.Random(1).randbytes(SIZE)


class Remote:
    """What the parent fetches from."""

    def __init__(self, content=CONTENT, seconds=0.0):
        self.content, self.seconds = content, seconds
        self.asked = []
        self.at_once = self.most_at_once = 0
        self.error = None
        self._lock = threading.Lock()

    def __call__(self, first, end):
        with self._lock:
            self.asked.append((first, end))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.seconds)
        with self._lock:
            self.at_once -= 1
        if self.error:
            raise self.error
        return self.content[first:end]

    @property
    def fetched(self):
        """The bytes of all requests; each byte of the source at most once."""
        bytes_ = [byte for first, end in self.asked for byte in range(first // BLOCK, -(-end // BLOCK))]
        assert len(bytes_) == len(set(bytes_)), "no block is fetched twice"
        return sum(end - first for first, end in self.asked)


@pytest.fixture
def remote():
    return Remote()


@pytest.fixture
def source(place, remote):
    with RangedSource(place.inputs / "film.mp4", SIZE, remote) as made:
        yield made


@pytest.fixture
def worker(source, place, nursery):
    """It ends before its source does."""
    with MediaWorker(TASKS, place, nursery=nursery) as started:
        yield started


def read_by(source):
    return RangedFile(source.path, source.wait).open()


def test_every_byte_that_is_read_is_that_of_the_source(source, remote):
    with read_by(source) as file:
        assert file.seek(0, os.SEEK_END) == SIZE
        places = random.Random(2)
        for _ in range(200):
            at, length = places.randrange(SIZE), places.randrange(1, 3 * BLOCK)
            file.seek(at)
            assert file.read(length) == CONTENT[at : at + length]
        file.seek(SIZE + 100)
        assert file.read(10) == b""
    assert remote.fetched <= SIZE


def test_what_is_not_read_is_not_fetched_but_little_ahead(source, remote):
    with read_by(source) as file:
        file.seek(20 * BLOCK + 7)
        file.read(5)
    assert {block for first, end in remote.asked for block in range(first // BLOCK, end // BLOCK)} <= {20, 21, 22}
    assert source.path.stat().st_size == SIZE
    assert source.path.stat().st_blocks * 512 < 5 * BLOCK, "the rest of the file is a hole"


def test_reading_on_reads_ahead_in_parallel(place):
    remote = Remote(bytes(400 * BLOCK), seconds=0.01)
    with RangedSource(place.inputs / "film.mp4", 400 * BLOCK, remote) as source, read_by(source) as file:
        for _ in range(300):
            file.read(BLOCK)
    assert 3 < remote.most_at_once <= PARALLEL
    assert remote.fetched < 1.15 * 300 * BLOCK
    sizes = [end - first for first, end in sorted(remote.asked)]
    assert sizes[0] == BLOCK
    assert max(sizes) >= 4 * BLOCK, "larger requests, the longer it reads on"
    assert len(sizes) < 0.75 * 300


def test_a_jump_drops_what_was_to_be_read_ahead(place):
    remote = Remote(bytes(4000 * BLOCK), seconds=0.01)
    with RangedSource(place.inputs / "film.mp4", 4000 * BLOCK, remote) as source, read_by(source) as file:
        for _ in range(400):
            file.read(BLOCK)
        file.seek(3000 * BLOCK)
        before = time.monotonic()
        file.read(1)
        assert time.monotonic() - before < 1
        file.seek(420 * BLOCK)
        assert file.read(10) == bytes(10), "what was dropped is fetched when it is read"


@pytest.mark.parametrize("error", [StorageUnavailable("S3 is busy"), OSError(errno.ENOSPC, "full")])
def test_an_error_of_the_fetching_is_that_of_the_read(source, remote, error, monkeypatch):
    if isinstance(error, OSError):

        def full(*_):
            raise error

        monkeypatch.setattr("os.pwrite", full)
    else:
        remote.error = error
    expected = ScratchFull if isinstance(error, OSError) else StorageUnavailable
    with read_by(source) as file, pytest.raises(expected):
        file.read(10)


# ---------------------------------------------------------------- with a media process
READ = (
    "import hashlib\nfrom pathlib import Path\nfrom avflow.media.ranged import RangedFile\n"
    "with RangedFile(Path(facts['path']), need).open() as file:\n"
    "    text = hashlib.sha256(file.read(facts.get('count') and int(facts['count']) or -1)).hexdigest()"
)


def test_a_media_process_reads_what_its_parent_fetches(worker, source, remote):
    told = worker.do(Run(READ, {"path": str(source.path)}), source=source)
    assert told.text == hashlib.sha256(CONTENT).hexdigest()
    assert remote.fetched == source.fetched == SIZE


def test_a_task_that_was_sent_early_waits_for_the_ranges_of_the_first(worker, source):
    worker.begin(first := Run(READ, {"path": str(source.path)}))
    worker.begin(second := Run("text = 2"))
    assert len(worker.finish(first, source=source).text) == 64
    assert worker.finish(second, source=source).text == "2"


def test_the_error_of_the_fetching_is_that_of_the_task(worker, source, remote):
    remote.error = StorageUnavailable("S3 did not answer")
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match="S3 did not answer"):
        worker.do(Run(READ, {"path": str(source.path)}), source=source)
    assert time.monotonic() - began < 30


def test_a_wait_for_ranges_ends_when_the_time_is_over(worker, source, remote):
    remote.seconds = 3

    def report(progress):
        raise LambdaBudgetExceeded("out of time")

    began = time.monotonic()
    with pytest.raises(LambdaBudgetExceeded):
        worker.do(Run(READ, {"path": str(source.path)}), report, source=source)
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    "needs",
    ["[0]", "[0, 1, 2]", "[5, 5]", "[-1, 5]", f"[0, {SIZE + 1}]", '["0", 5]', "[true, 5]", "[0.0, 5.0]", "{}", "null"],
)
def test_a_range_that_does_not_exist_is_refused(worker, source, remote, needs):
    code = f"import os, time\nos.write(3, b'{{\"need\": {needs}}}\\n')\ntime.sleep(600)"
    with pytest.raises(MediaAnswerInvalid, match="range"):
        worker.do(Run(code), source=source)
    assert not remote.asked


def test_ranges_of_no_source_are_refused(worker):
    with pytest.raises(MediaAnswerInvalid, match="range"):
        worker.do(Run("need(0, 10)"))


def test_a_second_range_before_the_first_answer_is_refused(worker, source, remote):
    remote.seconds = 2
    code = "import os, time\nfor _ in range(2): os.write(3, b'{\"need\": [0, 5]}\\n')\ntime.sleep(600)"
    with pytest.raises(MediaAnswerInvalid, match="range"):
        worker.do(Run(code), source=source)


def test_a_process_that_asks_for_ever_costs_one_download_and_its_time(worker, source, remote):
    code = (
        "import os, random, time\n"
        "while True:\n"
        f"    at = random.randrange({SIZE})\n"
        f"    need(at, min(at + {BLOCK}, {SIZE}))"
    )
    began = time.monotonic()

    def report(progress):
        if time.monotonic() - began > 3:
            raise LambdaBudgetExceeded("out of time")

    with pytest.raises(LambdaBudgetExceeded):
        worker.do(Run(code), report, source=source)
    assert remote.fetched <= SIZE


@pytest.mark.slow
def test_a_process_that_reads_no_answer_does_not_hold_its_parent(worker, source):
    """It asks for what is there, again and again, until the pipe of answers is full."""
    code = "import os, time\nwhile True:\n    os.write(3, b'{\"need\": [0, 5]}\\n')\n    time.sleep(0.0001)"
    began = time.monotonic()

    def report(progress):
        if time.monotonic() - began > 5:
            raise LambdaBudgetExceeded("out of time")

    source.wait(0, 5)
    with pytest.raises((MediaAnswerInvalid, LambdaBudgetExceeded)):
        worker.do(Run(code), report, source=source)
    assert time.monotonic() - began < 10


def test_nothing_of_the_fetching_outlives_the_block(place, remote):
    remote.seconds = 0.2
    with (
        pytest.raises(MediaWorkFailed),
        RangedSource(place.inputs / "film.mp4", SIZE, remote) as source,
        MediaWorker(TASKS, place) as worker,
    ):
        worker.do(Run(f"need(0, {SIZE - 1})\n1 // 0"), source=source)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("range")]
