"""The fuzzer: it repeats itself by its seed, and survives and tells what it looks for."""

import os
import random
import signal
import time

from tests.bounded import Bounded, Ended
from tests.fuzz.__main__ import BYTES, Fuzzer
from tests.fuzz.mutations import spoil

GOOD = bytes(range(256)) * 20


def misbehave(request):
    """What a spoiled file may make a process do."""
    if request["what"] == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if request["what"] == "hang":
        time.sleep(60)
    if request["what"] == "memory":
        return {"length": len(bytes(b"x" * (600 << 20)))}
    if request["what"] == "raise":
        raise ZeroDivisionError("rate")
    return {"pid": os.getpid()}


def test_a_child_process_may_do_anything():
    with Bounded("tests.fuzz.test_fuzz", "misbehave", seconds=3) as server:
        first = server.run(what="nothing")
        assert first.how == "done" and first.peak < 300 << 20
        assert server.run(what="crash").how == "SIGSEGV"
        assert server.run(what="raise").answer["raised"] == "ZeroDivisionError: rate"
        hung = server.run(what="hang")
        assert hung.how == "out of time" and hung.seconds < 10
        large = server.run(what="memory")
        assert large.peak > 600 << 20
        assert server.run(what="nothing").answer["pid"] != first.answer["pid"]


def test_a_seed_spoils_a_file_always_in_the_same_way():
    def spoiled(seed):
        chance = random.Random(seed)
        return [spoil(GOOD, [b"other" * 50], chance) for _ in range(50)]

    assert spoiled(1) == spoiled(1) != spoiled(2)
    assert sum(each != GOOD for each in spoiled(1)) > 45


def test_a_finding_is_saved_once(tmp_path, capsys):
    fuzzer = Fuzzer([("mkv", GOOD)], 0, tmp_path)
    fuzzer.judge(Ended("done", 1.0, 1000, {"outcome": "InvalidMediaEmpty"}), "mkv", b"a")
    assert not fuzzer.found and len(fuzzer.pool) == 2
    fuzzer.judge(Ended("SIGSEGV", 1.0, 1000), "mkv", b"b")
    fuzzer.judge(Ended("SIGSEGV", 2.0, 1000), "mp4", b"c")
    fuzzer.judge(Ended("done", 1.0, 1000, {"raised": "IndexError: list index 7"}), "mp4", b"d")
    fuzzer.judge(Ended("done", 1.0, BYTES + 1, {"outcome": "fine"}), "mp4", b"e")
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"b", b"d", b"e"]
    assert capsys.readouterr().out.count("FOUND") == 3
