"""What S3 does wrong befalls the real steps: results or a named error, as `s3_matrix.py` says. Nothing is left over."""

import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import av
import imageio_ffmpeg
import pytest
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsDecl

from local_aws.batch import attempts
from tests.faults import s3_matrix
from tests.faults.conftest import deployed
from tests.faults.matrix import Way
from tests.faults.s3_faults import FAULTS, Injection
from tests.faults.s3_matrix import BATCH, ROLES
from tests.result_sets import ALL
from tests.waiting import until

CELLS = s3_matrix.cells()
#: cells that every run of the tests has: one fault that passes in all steps, and one that does not
QUICK = {
    "FFmpeg Audio2srt Yolov3OnLambda Merge: reset in the middle of a body 1x",
    "Merge: 400 BadDigest for a write always",
}
#: runs at once; most of them wait
AT_ONCE = 12
FRAMES = {"tiny": 10, "large": 70}
#: how often a state or a job tries again what always fails: test_matrix.py counts the tries of the state machine
RETRIES = 1


@dataclass(frozen=True)
class Ended:
    """How the run of a cell has ended."""

    execution: dict
    results: set
    report: dict | None
    manifest: dict | None
    avi: tuple | None
    versions: set
    fired: list
    steps: dict


def large_video(path):
    """70 s of noise in pixels that are not square, so that it is converted, into more than 32 MB. 70 frames suffice."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "lavfi"]
    command += ["-i", "testsrc=size=960x720:rate=1:duration=70,noise=alls=100:allf=t,setsar=2", "-f", "lavfi"]
    command += ["-i", "sine=frequency=440:duration=1", "-c:v", "mjpeg", "-q:v", "8", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)


class Faulted:
    """The workflow, with an S3 in which faults can be planned."""

    def __init__(self, running, large):
        self.running = running
        self.uploads = {"tiny": running.video, "large": large, "text": b"This is no video."}

    def run(self, cell):
        """Let one upload meet its faults."""
        planned = [
            Injection(f"/{cell.name}", ROLES[state], FAULTS[cell.fault], cell.times, cell.key) for state in cell.states
        ]
        self.running.faults.injections += planned
        self.running.upload(cell.name, self.uploads[cell.upload])
        if cell.way is Way.LETTER:
            letter = until(lambda: self.running.letter(cell.name), f"the letter about {cell.name}", 600)
            return Ended(letter, self.running.results(cell.name), None, None, None, set(), planned, {})
        execution = self.running.ended(cell.name, 1200)
        if cell.way is Way.UNREPORTED:
            until(lambda: self.running.letter(cell.name), f"the letter about {cell.name}", 600)
        results = self.running.results(cell.name)
        return Ended(
            execution,
            results,
            self.running.json(cell.name, ".error.json") if ".error.json" in results else None,
            self.running.json(cell.name, ".json") if ".json" in results else None,
            self.avi(cell.name) if ".avi" in results else None,
            self.versions(cell.name),
            planned,
            self.running.entered(execution["executionArn"]),
        )

    def avi(self, name):
        """Frames of the picture and seconds of the sound of the annotated video."""
        path = self.running.folder / f"{name}.avi"
        self.running.s3.download_file(self.running.bucket, f"result/{name}.avi", str(path))
        with av.open(str(path)) as container:
            frames = Counter(packet.stream.type for packet in container.demux() if packet.size)
            return frames["video"], frames["audio"] > 0

    def versions(self, name):
        """The suffixes of all results that were ever there."""
        prefix = f"result/{name}."
        listed = self.running.s3.list_object_versions(Bucket=self.running.bucket, Prefix=prefix)
        return {each["Key"][len(prefix) - 1 :] for each in listed.get("Versions", [])}


def with_few_retries(patch):
    """Let states and jobs try again `RETRIES` times at most: each try of a step costs seconds of processor time."""
    decide, count = attempts.should_retry, MaxAttemptsDecl.__init__

    def should_retry(strategy, attempt, *facts):
        return attempt <= RETRIES and decide(strategy, attempt, *facts)

    patch.setattr(attempts, "should_retry", should_retry)
    patch.setattr(MaxAttemptsDecl, "__init__", lambda self, attempts=RETRIES: count(self, min(attempts, RETRIES)))


@pytest.fixture(scope="module")
def ended(tmp_path_factory, request):
    """How the run of each selected cell ended; they run at once."""
    with pytest.MonkeyPatch.context() as patch:
        with_few_retries(patch)
        yield run_all(tmp_path_factory, request)


def run_all(tmp_path_factory, request):
    """Run each selected cell, first those on Lambda and then those on Batch."""
    selected = [item.callspec.params["cell"] for item in request.session.items if "cell" in item.fixturenames]
    selected = [cell for cell in selected if isinstance(cell, s3_matrix.S3Cell)]
    folder = tmp_path_factory.mktemp("s3")
    large = b""
    if any(cell.upload == "large" for cell in selected):
        large_video(folder / "large.mkv")
        large = (folder / "large.mkv").read_bytes()
    found = {}
    for on_batch in (False, True):
        cells = [cell for cell in selected if cell.on_batch is on_batch]
        if not cells:
            continue
        # a Lambda without scratch space moves each step to Batch
        settings = {"lambda_scratch": 0} if on_batch else {"parameters": {"ShortVideos": "lambda"}}
        place = tmp_path_factory.mktemp("batch" if on_batch else "lambda")
        with ExitStack() as stack:
            running = stack.enter_context(
                deployed(place, functions_at_once=8, lambda_concurrency=100, batch_jobs_at_once=4, **settings)
            )
            faulted = Faulted(running, large)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                runs = {cell.id: pool.submit(faulted.run, cell) for cell in cells}
            found |= {name: run.exception() or run.result() for name, run in runs.items()}
            found[f"left over {on_batch}"] = running.left_over()
    return found


@pytest.mark.parametrize(
    "cell", [pytest.param(cell, id=cell.id, marks=() if cell.id in QUICK else pytest.mark.slow) for cell in CELLS]
)
def test_what_s3_does_wrong(ended, cell):
    run = ended[cell.id]
    if isinstance(run, BaseException):
        raise run
    for planned in run.fired:
        assert planned.fired >= 1, f"the fault came to {planned.role}"
        assert planned.fired == cell.times or cell.times == s3_matrix.EVER
    if cell.way is Way.RETRIED:
        assert run.execution["status"] == "SUCCEEDED", run.report or run.execution
        assert run.results == ALL
        assert run.manifest["input"]["picture"]["frames"] == FRAMES[cell.upload]
        assert run.avi == (FRAMES[cell.upload], True)
        assert all(run.steps[state] == (state in cell.states) for state in BATCH if cell.on_batch)
    elif cell.way is Way.LETTER:
        assert not run.results
    else:
        assert run.execution["status"] == "FAILED"
        assert run.execution["error"] == ("Unreported." if cell.way is Way.UNREPORTED else "") + cell.error
        assert run.results <= {".error.json"}, "nothing partial"
        if not cell.key and cell.upload != "large":  # of which other results are written at the same time
            assert run.versions <= {".error.json"}, "no result was there at any time"
    if cell.way is Way.NAMED:
        assert run.report["error"] == cell.error
        assert run.report["advice"]
    if cell.way is Way.UNREPORTED:
        assert not run.results


def test_nothing_is_left_over(ended):
    left = {name: found for name, found in ended.items() if name.startswith("left over")}
    assert left
    for found in left.values():
        assert found == {"processes": [], "uploads": [], "folders": []}


def test_every_fault_and_every_step_are_in_the_matrix():
    assert {cell.fault for cell in CELLS} == set(FAULTS)
    assert {state for cell in CELLS for state in cell.states} == set(ROLES)
