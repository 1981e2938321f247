"""Run one case of the corpus in a bounded child process: what `tests.bounded` calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avflow.workflow.storage import ObjectStore
from tests.bounded import Bounded
from tests.corpus.case import Case
from tests.corpus.judging import faults
from tests.corpus.kinds import ALL
from tests.corpus.running import process
from tests.s3_server import client_for, serving

#: limits of a hostile input, for all steps together
MOST_SECONDS, MOST_BYTES = 60.0, 2 << 30

_BY_ID = {case.id: case for case in ALL}


def run(request: Mapping[str, Any]) -> dict[str, Any]:
    """Take the case `id` with the input `source` through the steps, in the empty folder `folder`."""
    case, folder = _BY_ID[request["id"]], Path(request["folder"])
    with serving(folder / "s3") as server:
        s3 = client_for(server.endpoint)
        s3.create_bucket(Bucket="corpus")
        outcome = process(case, ObjectStore("corpus", s3), folder, Path(request["source"]))
        frames = outcome.shown.frames if outcome.shown else 0
        return {"faults": faults(case, outcome), "error": outcome.error, "message": outcome.message, "frames": frames}


def server() -> Bounded:
    """The server that runs cases."""
    return Bounded("tests.corpus.bounded_case", "run", seconds=MOST_SECONDS)


def bounded_faults(case: Case, server: Bounded, folder: Path) -> list[str]:
    """What is wrong with the results of a case, and with the time and memory that it took."""
    made = folder / "made"
    made.mkdir()
    source = case.make(made)
    ended = server.run(id=case.id, source=str(source), folder=str(folder))
    found = list(ended.answer.get("faults", ()))
    if ended.how != "done":
        found.append(f"it ended by {ended.how} after {ended.seconds:.1f} s")
    if "raised" in ended.answer:
        found.append(str(ended.answer["raised"]))
    if ended.peak > MOST_BYTES:
        found.append(f"it took {ended.peak >> 20} MiB of memory")
    return found
