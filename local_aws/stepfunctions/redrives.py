"""RedriveExecution, which moto lacks: an unsuccessful execution goes on from its unsuccessful state.

AWS Step Functions Developer Guide, "Restarting state machine executions with redrive in Step Functions", and API
Reference, "RedriveExecution". Of a Parallel or a Map only the branches and items run again that did not succeed.

moto's programs are the state machine, each branch of a Parallel and each item of a Map. Here each notes how far it has
come. A redrive runs the state machine again in a new environment, with these notes: a program that had ended gives its
output at once, and any other begins with the state in which it was.
"""

from __future__ import annotations

import copy
import datetime
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType, StateMachineType
from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded
from moto.stepfunctions.responses import StepFunctionResponse

#: how long after its end an execution can be redriven, and how long after its start
REDRIVABLE, OPEN = datetime.timedelta(days=14), datetime.timedelta(days=365)
#: events after which there is no room for more
MOST_EVENTS = 24_999
#: client tokens that are remembered, and for how long
TOKENS, TOKEN_LIFE = 10, datetime.timedelta(minutes=15)
#: how an execution ended: its event by its status
_ENDS = {
    ExecutionStatus.FAILED: (HistoryEventType.ExecutionFailed, "executionFailedEventDetails"),
    ExecutionStatus.ABORTED: (HistoryEventType.ExecutionAborted, "executionAbortedEventDetails"),
    ExecutionStatus.TIMED_OUT: (HistoryEventType.ExecutionTimedOut, "executionTimedOutEventDetails"),
}
Replacement = tuple[object, str, object]


class ExecutionNotRedrivable(AWSError):
    """The execution succeeded, still runs, or is too old or too long."""

    TYPE = "ExecutionNotRedrivable"


@dataclass
class Progress:
    """How far a program has come."""

    #: the state that it entered last, and its input
    state: str | None = None
    input: Any = None
    #: what came out at its end
    ended: bool = False
    output: Any = None
    #: the branches or items of its state, and those of the run before the redrive
    parts: dict[Any, Progress] = field(default_factory=dict)
    former: dict[Any, Progress] = field(default_factory=dict)


@dataclass
class Redrives:
    """The redrives of one execution."""

    count: int = 0
    date: datetime.datetime | None = None
    #: when each client token was first used, and the date that it got
    tokens: dict[str, tuple[datetime.datetime, datetime.datetime]] = field(default_factory=dict)


def redrives_of(execution: Any) -> Redrives:
    """The redrives of an execution of moto."""
    found: Redrives = vars(execution).setdefault("redrives", Redrives())
    return found


# ------------------------------------------------------------ how far programs come
def _evaluate(original: Callable[[Any, Any], None], self: Any, env: Any) -> None:
    """In place of Program.eval: note how far it comes, and go on where the run before the redrive ended."""
    above = vars(env).setdefault("progress", Progress())
    item = env.states.context_object.context_object_data.get("Map")  # only an item's own environment has it
    key = (self.start_at.start_at_name, item["Item"]["Index"]) if item else self.start_at.start_at_name
    mine = above.parts[key] = env.progress = Progress()
    program, former = self, above.former.pop(key, None)
    if former and former.ended:
        mine.ended, mine.output = True, former.output
        env.states.reset(former.output)
        env.set_ended()
        return
    if former and former.state:
        mine.former, env.resumed = former.parts, former.state
        env.states.reset(former.input)
        program = copy.copy(self)
        program.start_at = StartAt(former.state)
    original(program, env)
    if isinstance(env.program_state(), ProgramEnded):
        mine.ended, mine.output = True, env.states.get_input()


def _enter(original: Callable[[Any, Any], Any], self: Any, env: Any) -> Any:
    """In place of CommonStateField._get_state_entered_event_details, which every state calls first."""
    if mine := vars(env).get("progress"):
        mine.state, mine.input = self.name, env.states.get_input()
    return original(self, env)


def _try(original: Callable[[Any, Any], None], self: Any, env: Any) -> None:
    """In place of ExecutionState._evaluate_with_timeout: only the first try after a redrive leaves out what is done."""
    if mine := vars(env).get("progress"):
        mine.parts = {}
        if vars(env).pop("resumed", None) != self.name:
            mine.former = {}
    original(self, env)


def _open(original: Callable[..., Any], self: Any, *arguments: Any, **more: Any) -> Any:
    """In place of Environment.open_frame and open_inner_frame: a frame belongs to the program that opens it."""
    frame = original(self, *arguments, **more)
    if mine := vars(self).get("progress"):
        frame.progress = mine
    return frame


# ------------------------------------------------------------ the redrive
_lock = threading.Lock()


def why_not(execution: Any) -> str | None:
    """Why an execution can't be redriven, as `redriveStatusReason` says it; None if it can."""
    now = datetime.datetime.now(datetime.UTC)
    if execution.sm_type == StateMachineType.EXPRESS:
        return "Execution is EXPRESS and cannot be redriven"
    if execution.exec_status not in _ENDS:
        return f"Execution is {execution.status} and cannot be redriven"
    if now - execution.stop_date >= REDRIVABLE:
        return "Execution redrivable period exceeded"
    if now - execution.start_date >= OPEN:
        return "Execution has exceeded the max execution time"
    if len(_events(execution)) >= MOST_EVENTS:
        return "Execution history event limit exceeded"
    return None


def redrive(execution: Any, token: str | None, tell: Callable[[Any], None]) -> datetime.datetime:
    """Let an execution go on; returns the date of the redrive.

    Parameters
    ----------
    token:
        A request with the same token, as of a client that tries again, gets the same answer.
    tell:
        Called with the execution when it is RUNNING.

    Raises
    ------
    ExecutionNotRedrivable
        It can't be redriven.
    """
    with _lock:
        mine, now = redrives_of(execution), datetime.datetime.now(datetime.UTC)
        used, date = mine.tokens.get(token or "", (now, None))
        if date and now - used < TOKEN_LIFE:
            return date
        if reason := why_not(execution):
            raise ExecutionNotRedrivable(f"Execution is not redrivable: '{execution.exec_arn}'. {reason}.")
        mine.count, mine.date = mine.count + 1, now
        if token:
            mine.tokens[token] = (now, now)
            for old in list(mine.tokens)[:-TOKENS]:
                del mine.tokens[old]
        worker = execution._get_start_execution_worker()
        worker.env = _continued(worker, execution, mine)
        worker._execution_logic = functools.partial(_go_on, worker)
        execution.exec_worker, execution.exec_status, execution.stop_date = worker, ExecutionStatus.RUNNING, None
        execution.error = execution.cause = None
    tell(execution)
    worker.start()
    return now


def _events(execution: Any) -> list[Any]:
    env = execution.exec_worker.env
    found: list[Any] = env.event_manager._history_event_list if env else []
    return found


def _continued(worker: Any, execution: Any, mine: Redrives) -> Any:
    """The environment of the redriven execution. A thread of the earlier one that has not ended writes into its own."""
    before, env = execution.exec_worker.env, worker._get_evaluation_environment()
    manager, context = env.event_manager, env.event_history_context
    manager._history_event_list.extend(list(_events(execution)))
    last = len(manager._history_event_list)
    manager._event_id_gen._next_id = last + 1
    context.source_event_id = context.last_published_event_id = last
    if not last or manager._history_event_list[-1]["type"] not in {kind for kind, _ in _ENDS.values()}:
        _end(env, execution.exec_status, execution.error, execution.cause)
    manager.add_event(
        context, HistoryEventType.ExecutionRedriven, {"executionRedrivenEventDetails": {"redriveCount": mine.count}}
    )
    known = env.states.context_object.context_object_data["Execution"]
    known["RedriveCount"], known["RedriveTime"] = mine.count, f"{mine.date:%Y-%m-%dT%H:%M:%S}.000Z"
    start = env.next_state_name = worker._get_evaluation_entrypoint().start_at.start_at_name
    if came := vars(before or env).get("progress"):
        env.progress = Progress(former={start: came})
    return env


def _end(env: Any, status: Any, error: str | None, cause: str | None) -> None:
    kind, details = _ENDS[status]
    given = {"error": error, "cause": cause}
    env.event_manager.add_event(env.event_history_context, kind, {details: given})


def _go_on(worker: Any) -> None:
    """In place of ExecutionWorker._execution_logic."""
    if worker.env.is_running():
        worker._get_evaluation_entrypoint().eval(worker.env)
    else:  # it was stopped before its turn came
        stopped = worker.env.program_state()
        _end(worker.env, ExecutionStatus.ABORTED, stopped.error, stopped.cause)
    worker._execution_communication.terminated()


# ------------------------------------------------------------ requests
def _describe(original: Callable[[Any], ActionResult], self: Any) -> ActionResult:
    answer: Any = original(self).result
    return ActionResult(answer | _facts(self.stepfunction_backend.describe_execution(answer["executionArn"])))


def _facts(execution: Any) -> dict[str, Any]:
    mine, reason = redrives_of(execution), why_not(execution)
    known = {"redriveCount": mine.count, **({"redriveDate": mine.date} if mine.date else {})}
    because = {"redriveStatusReason": f"{reason}."} if reason else {}
    return known | {"redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE"} | because


def _list(original: Callable[[Any], ActionResult], self: Any) -> ActionResult:
    answer: Any = original(self).result
    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    redriven = {each.exec_arn: each.redrives for each in machine.executions if "redrives" in vars(each)}
    for each in answer["executions"]:
        mine = redriven.get(each["executionArn"], Redrives())
        each |= {"redriveCount": mine.count, **({"redriveDate": mine.date} if mine.date else {})}
    return ActionResult(answer)


def replacements(tell: Callable[[Any], None]) -> Iterator[Replacement]:
    """What takes the place of which part of moto, and how an execution that is RUNNING again is told."""

    def redrive_execution(self: Any) -> ActionResult:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        return ActionResult({"redriveDate": redrive(execution, self._get_param("clientToken"), tell)})

    yield StepFunctionResponse, "redrive_execution", redrive_execution
    for owner, name, function in (
        (Program, "eval", _evaluate),
        (CommonStateField, "_get_state_entered_event_details", _enter),
        (ExecutionState, "_evaluate_with_timeout", _try),
        (Environment, "open_frame", _open),
        (Environment, "open_inner_frame", _open),
        (StepFunctionResponse, "describe_execution", _describe),
        (StepFunctionResponse, "list_executions", _list),
    ):
        yield owner, name, _method(function, getattr(owner, name))


def _method(function: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """A method that gets what it replaces as the first argument."""

    def method(self: Any, *arguments: Any, **more: Any) -> Any:
        return function(original, self, *arguments, **more)

    return method
