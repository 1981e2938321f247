"""The embedded AWS: one address for all services, and everything that runs behind it."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config

from local_aws.awslambda.api import LambdaApi
from local_aws.awslambda.functions import Caps, Functions
from local_aws.batch import Batch, BatchApi
from local_aws.cloudformation.callbacks import Callbacks
from local_aws.eventbridge.service import Events, object_created
from local_aws.http_server import http_server
from local_aws.names import REGION
from local_aws.s3 import S3App
from local_aws.sandbox import Processes, system
from local_aws.sandbox.activity import Listener, ignore
from local_aws.sandbox.containers import Containers
from local_aws.sandbox.host import Host
from local_aws.sessions import new_session, share_service_data
from local_aws.stepfunctions import api as states_api
from local_aws.stepfunctions import clients as engine
from local_aws.wire import Environ, Reply, ServiceError, StartResponse, signed_service

#: the longest that one call of the engine may take: a function's 15 minutes, and its start
ENGINE_TIMEOUT_SECONDS = 1000


class LocalAws:
    """AWS on this machine, as a context manager; one at a time in a process, because moto's state is the process's.

    >>> with LocalAws(Path("."), Path("build/local")) as aws:  # doctest: +SKIP
    ...     outputs = aws.deploy(Path("template.yaml"), stack_name="av-workflow")
    ...     aws.client("s3").upload_file("my_video.mkv", outputs["BucketName"], "start/my_video.mkv")

    Parameters
    ----------
    root:
        The repository: where functions from images and jobs find their code.
    state_dir:
        For objects, logs and sandboxes; objects and logs outlive the process, the rest of AWS doesn't.
    port:
        On 127.0.0.1; 0 picks a free one.
    on_activity:
        Called from several threads with what functions and jobs are doing.
    lambda_timeout, lambda_memory, lambda_scratch:
        Caps, in seconds, MiB and MiB, for functions from images.
    environment:
        Additional environment variables of functions and jobs.
    cache_dir:
        For translated templates; the folder `templates` in `state_dir` when left out.
    batch_jobs_at_once:
        How many Batch jobs, array children among them, run at the same time: the others wait RUNNABLE, jobs on their
        own before array children. When left out: one for each four cores, and at least 2.
    cores:
        The processor cores that Batch jobs share; all that this process may run on when left out.
    containers:
        Run functions from images, and jobs, as Podman containers of those images, which must have been built.
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
    ) -> None:
        share_service_data()
        self.root, self.state_dir = root.resolve(), state_dir.resolve()
        self.cache_dir = cache_dir or self.state_dir / "templates"
        self._sandboxes = self.state_dir / "sandboxes"
        shutil.rmtree(self._sandboxes, ignore_errors=True)
        self._sandboxes.mkdir(parents=True)
        self._clients: dict[str, Any] = {}
        self._engine_clients: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._server = http_server(self._application, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.environment = child_environment(self.url, environment or {})
        self._session, self._engine_session = new_session(), new_session()
        engine.adapt(self._engine_session)
        self.processes = Processes()
        self.containers = Containers(aws_environment(self.url) | dict(environment or {})) if containers else None
        host = Host(
            self.processes,
            self.environment,
            self.root,
            self._sandboxes,
            self.logs,
            on_activity,
            self.containers,
            cores or system.cores(),
        )
        self.functions = Functions(host, Caps(lambda_timeout, lambda_memory, lambda_scratch))
        self.batch = Batch(host, batch_jobs_at_once)
        self.events = Events(self.client, self.functions)
        self.callbacks = Callbacks()
        self._s3 = S3App(
            self.state_dir / "s3", on_object_created=lambda created: self.events.publish(object_created(created))
        )
        self._lambda = LambdaApi(self.functions, self.events.invoke_later)
        self._batch = BatchApi(self.batch)
        self._moto: Any = None

    @property
    def logs(self) -> Path:
        """Where the output of functions and jobs is kept."""
        return self.state_dir / "logs"

    # ------------------------------------------------------------ life
    def __enter__(self) -> LocalAws:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="local-aws-server", daemon=True).start()
        with _without_collections():
            from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 - slow to import

            from local_aws.stepfunctions import moto_patches  # noqa: PLC0415 - likewise

            self._moto = DomainDispatcherApplication(create_backend_app)
            logging.getLogger("moto").addHandler(logging.NullHandler())  # each caught error is an ERROR to it
            moto_patches.begin()
            moto_patches.patch_engine(self._engine_client, self.batch.terminate)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop all executions, kill all processes, and forget everything but the objects and the logs."""
        self._closing.set()
        self.events.close()
        with contextlib.suppress(Exception):  # whatever state it is in, the processes must end
            self._stop_executions()
        self.batch.close()
        self.processes.close()
        if self.containers:
            self.containers.remove_all()
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._sandboxes, ignore_errors=True)

    def _stop_executions(self) -> None:
        states = self.client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            arn = machine["stateMachineArn"]
            for execution in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
                states.stop_execution(executionArn=execution["executionArn"])

    # ------------------------------------------------------------ use
    def client(self, service: str) -> Any:
        """boto3's client of a service; made once, safe in threads."""
        with self._lock:
            if service not in self._clients:
                config = Config(max_pool_connections=50, retries={"max_attempts": 1}, proxies={})
                self._clients[service] = self._session.client(service, endpoint_url=self.url, config=config)
            return self._clients[service]

    def _engine_client(self, service: str) -> Any:
        with self._lock:
            if service not in self._engine_clients:
                config = Config(
                    max_pool_connections=50,
                    parameter_validation=False,
                    retries={"total_max_attempts": 1},
                    read_timeout=ENGINE_TIMEOUT_SECONDS,
                    proxies={},
                )
                client = self._engine_session.client(service, endpoint_url=self.url, config=config)
                self._engine_clients[service] = client
            return self._engine_clients[service]

    def deploy(
        self, template: Path, parameters: Mapping[str, str] | None = None, stack_name: str = "local"
    ) -> dict[str, str]:
        """Create everything that a SAM template declares; its outputs.

        Raises
        ------
        DeployError
            The template can't be translated, or a resource can't be created.
        """
        from local_aws.cloudformation.deploy import deploy  # noqa: PLC0415 - only who deploys needs it

        with _without_collections():
            return deploy(self, template, parameters or {}, stack_name)

    # ------------------------------------------------------------ requests
    def _application(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self._answer(environ, start_response)
        except Exception:
            if not self._closing.is_set():
                raise
            # what it needs is being taken away, and nobody waits for the answer: no traceback in the user's terminal
            return Reply.of_error(ServiceError("ServiceUnavailable", "shutting down", 503)).send(start_response)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if ours := self._ours(environ):
            return ours(environ).send(start_response)
        if self._s3.handles(environ):
            return self._s3(environ, start_response)
        if states_api.handles(environ):
            try:
                states_api.prepare_start(environ)
            except ServiceError as error:
                return Reply.of_error(error).send(start_response)
        return self._moto(environ, _with_request_id(start_response))

    def _ours(self, environ: Environ) -> Callable[[Environ], Reply] | None:
        """What answers a request that neither S3 nor moto does."""
        if self.callbacks.handles(environ):
            return self.callbacks
        if self.events.handles(environ):
            return self.events
        return {"lambda": self._lambda, "batch": self._batch}.get(signed_service(environ))


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Imports and service descriptions are a lot of memory that stays: looking for garbage in it doubles the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _with_request_id(start_response: StartResponse) -> StartResponse:
    """moto leaves the request's id out of some errors; its own engine then stumbles over that."""

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        if not any(name.lower() == "x-amzn-requestid" for name, _ in headers):
            headers = [*headers, ("x-amzn-RequestId", os.urandom(16).hex())]
        return start_response(status, headers, *rest)

    return start


def child_environment(url: str, additional: Mapping[str, str]) -> dict[str, str]:
    """The environment of functions and jobs: this process's, without its AWS, and with ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    # a proxy of the user's knows nothing of this machine's own addresses
    direct = ",".join(filter(None, (kept.get("no_proxy") or kept.get("NO_PROXY"), "127.0.0.1")))
    return {**kept, "no_proxy": direct, "NO_PROXY": direct, **aws_environment(url), **additional}


def aws_environment(url: str) -> dict[str, str]:
    """What AWS's SDKs need to find the embedded AWS."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
