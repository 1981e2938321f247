"""Fuzz the probe for some time. The exit status is 1 if anything was found."""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avflow.cores import usable_cores
from avflow.errors import AvflowError
from avflow.media import on_one_clock
from tests.bounded import Bounded, Ended
from tests.fuzz.mutations import spoil
from tests.fuzz.seeds import seeds

#: limits of the probe of a file below 100 MB, and some seconds for the copy of joined recordings
SECONDS, BYTES = 40.0, 2 << 30
#: spoiled files whose outcome is new are spoiled again; so many of them are kept
_POOL = 2_000


def describe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a file, in a child process. The outcome is the description's outline, or the error's name and text."""
    path = Path(request["path"])
    try:
        _, media = on_one_clock(path, path.with_name("copy"))
    except AvflowError as error:
        return {"outcome": f"{error.name} {re.sub(r'[0-9.]+', '#', error.message)}"}
    codecs = [stream.codec if stream else "" for stream in (media.video, media.audio)]
    noted = sorted({notice.name for notice in media.notices})
    return {"outcome": f"{media.container} {codecs} {noted} {media.continuous} {media.truncated}"}


class Fuzzer:
    """What the workers share: the pool of files, the outcomes so far, and the findings."""

    def __init__(self, pool: list[tuple[str, bytes]], seconds: float, findings: Path) -> None:
        self.pool, self.findings = pool, findings
        self.until = time.monotonic() + seconds
        self.outcomes: Counter[str] = Counter()
        self.found: dict[str, Path] = {}
        self.runs = 0
        self._lock = threading.Lock()

    def work(self, chance: random.Random) -> None:
        """Spoil and describe files until the time is over."""
        with (
            Bounded("tests.fuzz.__main__", "describe", seconds=SECONDS) as server,
            tempfile.TemporaryDirectory() as own,
        ):
            while time.monotonic() < self.until:
                suffix, good = chance.choice(self.pool)
                content = spoil(good, [each for _, each in self.pool[:40]], chance)
                path = Path(own) / f"film.{suffix}"
                path.write_bytes(content)
                self.judge(server.run(path=str(path)), suffix, content)

    def judge(self, ended: Ended, suffix: str, content: bytes) -> None:
        """Count an outcome, and save the file if it is a finding."""
        raised = str(ended.answer.get("raised", ""))
        fault = raised
        if ended.how != "done":
            fault = ended.how
        elif ended.peak > BYTES:
            fault = f"{ended.peak >> 20} MiB of memory"
        outcome = str(ended.answer.get("outcome", fault))
        with self._lock:
            self.runs += 1
            self.outcomes[outcome] += 1
            if self.outcomes[outcome] == 1 and len(self.pool) < _POOL and not fault:
                self.pool.append((suffix, content))
            kind = re.sub(r"[0-9]+", "#", fault)[:200]
            if fault and kind not in self.found:
                self.findings.mkdir(parents=True, exist_ok=True)
                name = hashlib.sha256(content).hexdigest()[:12]
                self.found[kind] = self.findings / f"{name}.{suffix}"
                self.found[kind].write_bytes(content)
                print(f"FOUND {self.found[kind]}: {fault} after {ended.seconds:.1f} s", flush=True)


def main(arguments: list[str]) -> int:
    """Run the fuzzer. 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description="Fuzz the probe with spoiled files.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None, help="the same seed spoils the files in the same way")
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz"))
    asked = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    pool = seeds(hostile=asked.seconds > 60)
    print(f"seed {seed}: {len(pool)} files are spoiled for {asked.seconds:.0f} s", flush=True)
    fuzzer = Fuzzer(pool, asked.seconds, asked.findings)
    workers = [
        threading.Thread(target=fuzzer.work, args=(random.Random(seed + n),)) for n in range(min(4, usable_cores()))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{fuzzer.runs} files, {len(fuzzer.outcomes)} outcomes, {len(fuzzer.found)} findings")
    return min(1, len(fuzzer.found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
