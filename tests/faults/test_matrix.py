"""Every error in every state that can raise it takes the way that `matrix.py` says, through the real state machine."""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState

from local_aws.server import LocalAws
from local_aws.stepfunctions import moto_patches
from local_aws.stepfunctions.engine import Engine
from scripts.faults_page import PAGE, written
from tests.faults import matrix
from tests.faults.matrix import Way
from tests.faults.services import Plan, Planned, Services, failure_event
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
DEFINITION = yaml.safe_load((ROOT / "statemachine" / "av_workflow.asl.yaml").read_text(encoding="utf-8"))
FUNCTIONS = {f"{name}FunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{state}"
             for name, state in (("FFmpeg", "FFmpeg"), ("Audio2srt", "Audio2srt"), ("Merge", "Merge"),
                                 ("Yolov3", "Yolov3OnLambda"), ("Failed", "ReportFailure"))}  # fmt: skip
QUEUES = {
    "GpuSpotJobQueueArn": "Yolov3",
    "GpuOnDemandJobQueueArn": "Yolov3OnDemand",
    "Yolov3CpuJobQueueArn": "Yolov3OnCpu",
    "CpuJobQueueArn": "Cpu",
}
CELLS = matrix.cells()
ON_BATCH = {
    "FFmpeg": "FFmpegOnBatch",
    "Audio2srt": "Audio2srtOnBatch",
    "Yolov3OnLambda": "Yolov3",
    "Merge": "MergeOnBatch",
}


def states_of(part):
    """Each state by its name, also those in branches and in the processor of a Map."""
    for name, state in part["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from states_of(inner)


STATES = dict(states_of(DEFINITION))
TASKS = {name for name, state in STATES.items() if state["Type"] == "Task"}


def definition(compute):
    """The state machine with names in place of the resources."""
    values = {**FUNCTIONS, **QUEUES, "Partition": "aws", "MaxSpeechSpans": "10", "DetectorCompute": compute}
    text = json.dumps(DEFINITION).replace('"Seconds": 300', '"Seconds": 0')
    return re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], f"arn:aws:sns:us-east-1:1:{found[1]}"), text)


@dataclass(frozen=True)
class Ended:
    """An execution that has ended: its status, its error, and how often it entered each state and called each task."""

    status: str
    error: str | None
    entered: Counter
    calls: Counter


def plan_of(cell):
    """What must happen so that the state is reached, and then the error."""
    media = {
        "has_sound": True,
        "has_picture": True,
        "plan": {
            "segments": {"count": 2 if cell.state == "FailedSegments" else 1},
            "array": {"Size": 2} if cell.state == "FailedSegments" else {},
            "spans": [0],
            "spans_on_batch": [0] if cell.state == "Audio2srtOnBatch" else [],
            "merge_on_batch": cell.state == "MergeOnBatch",
        },
        "results": {"manifest": "s3://b/result/v.json"},
    }
    if cell.state == "Yolov3OnLambda":
        media["plan"]["segments"]["on_lambda"] = [0]
    errors = {cell.state: [cell.name]}
    if cell.state == "Yolov3OnDemand":
        errors["Yolov3"] = ["job: lost machine"]
    if cell.state == "FailedSegments":
        errors["Yolov3"] = ["job: exit status"]
    if cell.state in ("ReportFailure", "NotifyFailure"):
        errors["FFmpeg"] = ["InvalidMediaUnreadable"]
    return Plan(errors, frozenset({cell.state} if cell.always else ()), {"plan.json": media})


@pytest.fixture(scope="module")
def ended(tmp_path_factory, request):
    """How each selected cell ended. They run at once, without the waits of Retry."""
    selected = [item.callspec.params["cell"] for item in request.session.items if "cell" in item.fixturenames]
    selected = [cell for cell in selected if isinstance(cell, matrix.Cell)]  # those of test_s3.py are others
    services = Services()
    state = tmp_path_factory.mktemp("aws")
    with pytest.MonkeyPatch.context() as patch, LocalAws(ROOT, state) as aws:
        patch.setattr(retrier_decl, "time", type("NoTime", (), {"sleep": staticmethod(lambda _: None)}))
        engine = Engine(services.client, lambda *_: None, lambda *_: True, lambda _: None, at_once=8)
        moto_patches.apply(engine)
        patch.setattr(ExecutionState, "_from_error", failure_event)
        patch_services(patch)
        states = aws.client("stepfunctions")
        role = "arn:aws:iam::123456789012:role/any"
        machines = {
            compute: states.create_state_machine(name=compute, definition=definition(compute), roleArn=role)
            for compute in ("gpu", "cpu")
        }
        started = {}
        for number, cell in enumerate(selected):
            services.plans[f"c{number}"] = plan_of(cell)
            video = {"bucket": "b", "key": "start/v.mkv", "execution": f"c{number}", "base": "result/v"}
            if cell.state == "FFmpegOnBatch":
                video["size"] = 6 * 2**30
            machine = machines["cpu" if cell.state == "Yolov3OnCpu" else "gpu"]["stateMachineArn"]
            arn = states.start_execution(stateMachineArn=machine, name=f"c{number}", input=json.dumps({"video": video}))
            started[cell.id] = (arn["executionArn"], services.plans[f"c{number}"])

        deadline = time.monotonic() + 3 * PATIENCE_SECONDS  # all cells of `make test-slow` on a busy machine

        def end_of(cell):
            """An execution that hangs must not hide the others."""
            arn, plan = started[cell.id]
            while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
                if time.monotonic() > deadline:
                    break
                time.sleep(0.25)  # meanwhile the others go on, and each question costs a call of the server
            return Ended(found["status"], found.get("error"), entered(states, arn), plan.calls)

        yield {cell.id: end_of(cell) for cell in selected}


def patch_services(patch):
    """The classes of the tasks have a way of their own to name errors: it must see planned ones first."""
    for owner in ExecutionState.__subclasses__():
        pending = [owner]
        while pending:
            current = pending.pop()
            pending += current.__subclasses__()
            if "_from_error" in vars(current):
                own = vars(current)["_from_error"]
                patch.setattr(current, "_from_error", first_planned(own))


def first_planned(own):
    def from_error(self, env, ex):
        return failure_event(self, env, ex) if isinstance(ex, Planned) else own(self, env=env, ex=ex)

    return from_error


def entered(states, arn):
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = (event for page in pages for event in page["events"])
    return Counter(event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event)


@pytest.mark.parametrize(
    "cell", [pytest.param(cell, id=cell.id, marks=() if cell.quick else pytest.mark.slow) for cell in CELLS]
)
def test_each_error_takes_its_way(ended, cell):
    run = ended[cell.id]
    retriers = STATES[cell.state].get("Retry", [])
    allowed = max((each["MaxAttempts"] for each in retriers if matched(each["ErrorEquals"], cell.name)), default=0)
    if cell.name in (*matrix.STARTS, "job: lost machine") and cell.state in matrix.JOBS:
        allowed = 1  # by a Choice, because a Retry can't tell such a job from one that failed by itself
    assert run.calls[cell.state] == 1 + (allowed if cell.always else min(allowed, 1)), "tries"
    if cell.way in (Way.RETRIED, Way.BATCH, Way.ON_DEMAND, Way.GOES_ON):
        assert (run.status, run.error) == ("SUCCEEDED", None)
        assert run.entered["Merge"] + run.entered["MergeOnBatch"] >= 1
    else:
        assert run.status == "FAILED"
        assert run.error == expected(cell)
        assert run.entered["Done"] == 0
    moved = ON_BATCH.get(cell.state)
    if cell.state in ON_BATCH:
        assert run.entered[moved] == (cell.way is Way.BATCH)
    if cell.state in ("Yolov3", "FailedSegments"):
        assert run.entered["Yolov3OnDemand"] == (cell.way is Way.ON_DEMAND)
    if cell.way is Way.NAMED:
        assert run.entered["NotifyFailure"] == 1, "the error is reported"
    if cell.way in (Way.TOLD, Way.UNREPORTED):
        assert run.error.startswith(("States.", "Unreported.")), "the rule of the template catches it by this prefix"


def matched(names, name):
    """Whether a Retry or Catch takes an error."""
    if name.startswith("job: "):
        name = "States.TaskFailed"
    if name in names:
        return True
    if name in matrix.UNCATCHABLE:
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and name != "States.Timeout")


def expected(cell):
    """The error by which the run fails."""
    first = "InvalidMediaUnreadable" if cell.state in ("ReportFailure", "NotifyFailure") else None
    if cell.way is Way.TOLD:
        return cell.name
    if cell.way is Way.UNREPORTED:
        return f"Unreported.{first}"
    return first if cell.error == "{}" else cell.error or cell.name


# ------------------------------------------------------------ nothing is missing
def test_every_task_of_the_state_machine_is_in_the_matrix():
    assert {cell.state for cell in CELLS} == TASKS


def test_every_name_of_the_state_machine_is_in_the_matrix():
    listed = {
        name
        for state in STATES.values()
        for each in [*state.get("Retry", []), *state.get("Catch", [])]
        for name in each["ErrorEquals"]
    }
    assert listed - {"States.ALL", "States.TaskFailed"} <= {cell.name for cell in CELLS}


@pytest.mark.parametrize("state", sorted(matrix.LAMBDA_STEPS))
def test_every_error_of_a_function_is_in_the_matrix(state):
    names = {cell.name for cell in CELLS if cell.state == state}
    known = (*matrix.TRANSIENT, *matrix.BUSY, *matrix.WAKING, *matrix.UNUSABLE, *matrix.REFUSED)
    assert {*known, *matrix.OWN} <= names
    assert {f"Lambda.{name}" for name in matrix.of_operation("lambda", "Invoke")} <= {*known}


@pytest.mark.parametrize("state", sorted((*matrix.LAMBDA_STEPS, "ReportFailure")))
def test_a_function_that_was_idle_for_weeks_has_eight_minutes_to_wake(state):
    (retrier,) = [each for each in STATES[state]["Retry"] if each["ErrorEquals"][0] in matrix.WAKING]
    assert set(retrier["ErrorEquals"]) == set(matrix.WAKING)
    assert "JitterStrategy" not in retrier, "jitter would halve the wait"
    waits = [retrier["IntervalSeconds"] * retrier["BackoffRate"] ** tried for tried in range(retrier["MaxAttempts"])]
    assert (waits[0], len(waits)) == (10, 8)
    assert sum(waits) > 4 * 106, "the longest that users have reported"


@pytest.mark.parametrize("state", sorted((*matrix.JOBS, *matrix.GPU_JOBS)))
def test_every_end_of_a_job_is_in_the_matrix(state):
    names = {cell.name for cell in CELLS if cell.state == state}
    assert {
        *matrix.ENDS,
        *matrix.MACHINE,
        *matrix.STARTS,
        *matrix.SUBMIT,
        "Batch.ClientException",
        "States.Timeout",
    } <= names


def test_no_error_is_in_a_state_twice():
    assert max(Counter((cell.state, cell.name, cell.always) for cell in CELLS).values()) == 1


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == written(), "run: python -m scripts.faults_page"
