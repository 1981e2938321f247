"""The embedded AWS: all services at one address."""

from __future__ import annotations

import contextlib
import gc
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIApplication

from local_aws import system
from local_aws.access.authenticator import Authenticator
from local_aws.access.denials import Denied
from local_aws.access.keys import AccessKey, AccessKeys
from local_aws.awslambda.api import LambdaApi
from local_aws.awslambda.asynchronous import RETRY_DELAYS, AsyncInvocations
from local_aws.awslambda.concurrency import NEW_ACCOUNT
from local_aws.awslambda.function import Caps
from local_aws.awslambda.functions import Functions
from local_aws.awslambda.invocation import log_stream
from local_aws.batch import Batch, BatchApi
from local_aws.by_moto import Moto, instance_types, not_processed
from local_aws.callbacks import Callbacks
from local_aws.environment import aws_environment, child_environment
from local_aws.eventbridge.events import object_created, status_changed
from local_aws.eventbridge.service import Events
from local_aws.eventbridge.targets import Targets
from local_aws.full_disk import is_full
from local_aws.http_server import http_server
from local_aws.iam import ROLE
from local_aws.logs import Collector, LogsApi, LogStore, Place
from local_aws.protocols import error_reply, signed_service
from local_aws.quotas import QuotasApi
from local_aws.s3 import ObjectCreated, S3App
from local_aws.sandbox import Processes
from local_aws.sandbox.activity import Activity, Listener, ignore
from local_aws.sandbox.containers import Containers
from local_aws.sandbox.host import Host
from local_aws.sessions import Clients, new_session, share_service_data
from local_aws.stepfunctions import clients
from local_aws.stepfunctions.archive import Archive
from local_aws.stepfunctions.engine import Engine
from local_aws.stepfunctions.service import StatesApi
from local_aws.wire import Environ, Reply, ServiceError

_log = logging.getLogger(__name__)
#: the longest duration of one call of the Step Functions engine: a function's 15 minutes, and its start
ENGINE_TIMEOUT_SECONDS = 1000
#: key in the WSGI environment: the access key with which the request is signed
CALLER = "local_aws.caller"
#: longest time that stopping executions takes at the end, in seconds
STOPPING_SECONDS = 0.5


class LocalAws:
    """AWS on this machine: a context manager, one at a time in a process, because moto's state is global.

    >>> with LocalAws(Path("."), Path("build/local")) as aws:  # doctest: +SKIP
    ...     outputs = deploy(aws, Path("template.yaml"), stack_name="av-workflow")
    ...     aws.client("s3").upload_file("my_video.mkv", outputs["BucketName"], "start/my_video.mkv")

    Parameters
    ----------
    root:
        The repository, with the code of functions from images and of jobs.
    state_dir:
        Folder for objects, logs and sandboxes. Objects and logs stay when the process ends, all else is lost but for
        what `keep` says.
    port:
        On 127.0.0.1; 0 picks a free one.
    on_activity:
        Called with each event of functions and jobs, from several threads.
    lambda_timeout, lambda_memory, lambda_scratch:
        Upper limits for functions from images, in seconds, MiB and MiB.
    environment:
        Additional environment variables of functions and jobs.
    cache_dir:
        Folder for translated templates; by default `templates` in `state_dir`.
    batch_jobs_at_once:
        How many Batch jobs, array children among them, run at once, whatever memory they ask for; the others wait
        RUNNABLE. By default one for each four cores, but at least 2, and as many as this machine's memory suffices for.
    cores:
        The number of cores that Batch jobs share; by default all on which this process may run.
    containers:
        Run functions from images and jobs as Podman containers; the images must have been built.
    lambda_concurrency:
        How many invocations of functions run at once; the others get TooManyRequestsException. The default is that of
        a new account, whose functions have at most 3008 MB. With more they may have 10240.
    functions_at_once:
        How many invocations this machine really works on at once; the others wait for their turn, and the time does
        not count. By default four more than cores, less the jobs.
    retry_delays:
        Seconds before the second and the third try of an asynchronous invocation whose function failed. The default is
        AWS's one and two minutes.
    keep:
        Executions stay in `state_dir`, too, for the next embedded AWS.

    Raises
    ------
    RuntimeError
        Another embedded AWS uses `state_dir`.
    """

    def __init__(
        self,
        root: Path,
        state_dir: Path,
        *,
        port: int = 0,
        on_activity: Listener = ignore,
        lambda_timeout: float | None = None,
        lambda_memory: int | None = None,
        lambda_scratch: int | None = None,
        environment: Mapping[str, str] | None = None,
        cache_dir: Path | None = None,
        batch_jobs_at_once: int | None = None,
        cores: int | None = None,
        containers: bool = False,
        lambda_concurrency: int = NEW_ACCOUNT,
        functions_at_once: int | None = None,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        keep: bool = False,
    ) -> None:
        share_service_data()
        self._on_activity = on_activity
        self.root, self.state_dir = root.resolve(), state_dir.resolve()
        self.cache_dir = cache_dir or self.state_dir / "templates"
        self.s3 = S3App(self.state_dir / "s3", on_object_created=self._publish)  # first: it locks the folder
        self._sandboxes = self.state_dir / "sandboxes"
        shutil.rmtree(self._sandboxes, ignore_errors=True)
        self._sandboxes.mkdir(parents=True)
        self._closing = threading.Event()
        #: answers what is below `callers.PAGE_PATH`, to browsers too; None as long as there is no page
        self.page: WSGIApplication | None = None
        self._server = http_server(self._application, "127.0.0.1", port, lambda: self.page)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.environment = child_environment(self.url, environment or {})
        self.keys = AccessKeys()
        #: the user's access key, which is printed; requests that are signed with it wait until the stack is there
        self.access_key = self.keys.issue()
        self._authenticator = Authenticator(self.keys)
        self._admitted = threading.Event()
        self._own_key = self.keys.issue()
        own_session = new_session(self._own_key.id, self._own_key.secret)
        self._clients = Clients(own_session, self.url, retries={"max_attempts": 1})
        self._engine_clients = _engine_clients(self.keys.issue(), self.url)
        self.processes = Processes()
        self.containers = Containers(aws_environment(self.url) | dict(environment or {})) if containers else None
        host = Host(
            self.processes,
            self.environment,
            code=self.root,
            sandboxes=self._sandboxes,
            logs=self.logs,
            listener=self._hear,
            credentials=lambda role: self.keys.of_role(role).environment,
            containers=self.containers,
            cores=cores or system.cores(),
        )
        self.log_store = LogStore(self.state_dir / "logs.sqlite")
        self._collector = Collector(self.log_store, self._place, lambda: self.client("cloudwatch"))
        self.batch = Batch(host, batch_jobs_at_once, instance_types)
        at_once = functions_at_once or max(2, host.cores + 4 - self.batch.jobs_at_once)
        self.functions = Functions(
            host, Caps(lambda_timeout, lambda_memory, lambda_scratch), lambda_concurrency, at_once
        )
        targets = Targets(self.client)
        self._invocations = AsyncInvocations(self.functions, targets, retry_delays)
        self.events = Events(self.functions, self._invocations.start, targets)
        self.callbacks = Callbacks()
        archive = Archive(self.state_dir / "executions.sqlite", lambda: self.client("stepfunctions")) if keep else None
        self._archive = archive
        self.quotas = QuotasApi()
        #: by the name for which requests are signed; `deploy` adds CloudFormation
        self.services: dict[str, Callable[[Environ], Reply]] = {
            "lambda": LambdaApi(self.functions, self._invocations.start),
            "batch": BatchApi(self.batch),
            "logs": LogsApi(self.log_store),
            "servicequotas": self.quotas,
            "states": StatesApi(lambda: self.client("stepfunctions"), self._by_moto, archive),
        }
        self._moto: Moto | None = None

    @property
    def logs(self) -> Path:
        """The folder with the output of functions and jobs."""
        return self.state_dir / "logs"

    # ------------------------------------------------------------ life
    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="local-aws-server", daemon=True).start()
        with without_collections():
            from local_aws.stepfunctions import moto_patches  # noqa: PLC0415 - it imports moto, too

            self._moto = Moto()
            moto_patches.begin()
            engine = Engine(self.engine_client, self.batch.terminate, self.batch.wait, self.publish_status)
            moto_patches.apply(engine)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def admit(self) -> None:
        """Answer the requests that are signed with the user's key; `deploy` calls it when the stack is there."""
        self._admitted.set()

    def close(self) -> None:
        """Kill all processes, stop all executions, and forget all but the objects and the logs."""
        self._closing.set()
        self._admitted.set()  # whoever waits for the stack is told
        if self._archive:
            self._archive.close()  # before executions fail because their processes end
        self._invocations.close()
        self.events.close()
        self.functions.close()
        self.processes.close()  # first, because all else takes long while they use the cores
        self.batch.close()
        with contextlib.suppress(Exception):
            self._stop_executions(time.monotonic() + STOPPING_SECONDS)
        if self.containers:
            self.containers.remove_all()
        self._collector.close()
        self.log_store.close()
        self._server.shutdown()
        self._server.server_close()
        self.s3.close()
        shutil.rmtree(self._sandboxes, ignore_errors=True)

    def _stop_executions(self, until: float) -> None:
        """Stop executions, as many as can be stopped in time: their threads end with this process in any case."""
        states = self.client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            arn = machine["stateMachineArn"]
            for execution in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
                if time.monotonic() > until:
                    return
                states.stop_execution(executionArn=execution["executionArn"])

    # ------------------------------------------------------------ use
    def client(self, service: str) -> Any:
        """The boto3 client of a service; it is made once, and threads can share it."""
        return self._clients(service)

    def engine_client(self, service: str) -> Any:
        """The client with which the Step Functions engine calls a service."""
        return self._engine_clients(service)

    def _hear(self, activity: Activity) -> None:
        """A function or a job has done something; at the end nobody wants to know that it was killed."""
        self._collector.hear(activity)
        if not self._closing.is_set():
            self._on_activity(activity)

    def _place(self, kind: str, name: str, step_id: str) -> Place | None:
        """Where the output of a function or a job goes."""
        if kind == "lambda":
            return Place(self.functions.get(name)[0].log_group, log_stream(step_id))
        job = self.batch.get(step_id)
        return Place(job.log_group, job.log_stream) if job else None

    def _publish(self, created: ObjectCreated) -> None:
        self.events.publish(object_created(created))

    def publish_status(self, execution: Mapping[str, Any]) -> None:
        """Send the event of an execution whose status has changed; `execution` is its description."""
        self.events.publish(status_changed(execution))

    # ------------------------------------------------------------ requests
    def _application(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self._answer(environ, start_response)
        except ServiceError as error:
            reply = error_reply(environ, error.code, error.message, error.status)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            reply = not_processed(environ, error)
        except Exception as error:
            # at the end its resources are being removed and nobody waits: no traceback in the user's terminal
            if self._closing.is_set():
                reply = _shutting_down(environ)
            elif is_full(error):
                message = f"The disk of the embedded AWS is full: {self.state_dir}. Free space there."
                _log.warning("%s %s failed: %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], message)
                reply = error_reply(environ, "ServiceUnavailable", message, 503)
            else:
                _log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
                reply = error_reply(environ, "InternalFailure", "The embedded AWS failed.", 500)
        return reply.send(start_response)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self.callbacks.handles(environ):
            return self.callbacks(environ).send(start_response)
        if refused := self._refuse(environ):
            return refused.send(start_response)
        if ours := self._ours(environ):
            return ours(environ).send(start_response)
        if self.s3.handles(environ):
            return self.s3(environ, start_response)
        return self._by_moto(environ).send(start_response)

    def _by_moto(self, environ: Environ) -> Reply:
        assert self._moto is not None
        return self._moto(environ)

    def _refuse(self, environ: Environ) -> Reply | None:
        """The error if the request is not signed by somebody who may call now; a user waits for the stack."""
        try:
            environ[CALLER] = key = self._authenticator.check(environ)
        except Denied as denied:
            return denied.reply(environ)
        if key.role is not None:
            environ[ROLE] = key.role
        if key is self.access_key:
            self._admitted.wait()
        return _shutting_down(environ) if self._closing.is_set() and key is not self._own_key else None

    def _ours(self, environ: Environ) -> Callable[[Environ], Reply] | None:
        """What answers the request if neither S3 nor moto does."""
        if self.events.handles(environ):
            return self.events
        service = signed_service(environ)
        if service == "monitoring" and environ[CALLER] is not self._own_key:  # with which the collector sends
            self._collector.send_metrics()
        return self.services.get(service)


def _shutting_down(environ: Environ) -> Reply:
    return error_reply(environ, "ServiceUnavailable", "The embedded AWS is shutting down.", 503)


def _engine_clients(key: AccessKey, url: str) -> Clients:
    session = new_session(key.id, key.secret)
    clients.adapt(session)
    return Clients(
        session,
        url,
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        read_timeout=ENGINE_TIMEOUT_SECONDS,
    )


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Turn garbage collection off while modules and service descriptions are loaded, which stay in memory.

    Collections would double the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
