"""`avflow console`, and the page of `avflow up`: a stack's executions in a browser, as Step Functions shows them."""

from __future__ import annotations

import contextlib
import errno
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from avflow_cli import interrupt
from avflow_cli.console.aws import Aws
from avflow_cli.console.server import Console
from avflow_cli.port import PortTaken
from avflow_cli.stack.printing import line_of_json, say
from avflow_cli.stack.stack import Stack
from local_aws.access.keys import AccessKey
from local_aws.http_server import http_server
from local_aws.sessions import Clients, new_session

#: seconds between two looks at an execution that a page shows. GetExecutionHistory has a quota: 20 a second in most
#: Regions (AWS Step Functions Developer Guide, "Quotas related to API action throttling")
POLL_EMBEDDED, POLL_ACCOUNT = 1.0, 2.0


def of_embedded(url: str, key: AccessKey, machine: str, bucket: str, data: Path | None = None) -> Console:
    """The console of an embedded AWS, which it asks with the user's key like any program.

    Parameters
    ----------
    data:
        The folder that keeps the executions for the next time. It keeps the token, too, so that an open page goes on.
    """
    aws = Aws(Clients(new_session(key.id, key.secret), url), machine, bucket)
    token = _kept_token(data) if data else ""
    return Console(aws, may_write=True, poll=POLL_EMBEDDED, title="the embedded AWS", token=token)


def _kept_token(data: Path) -> str:
    """The token in a folder, in a file that only its owner can read; it is made the first time."""
    file = data / "console-token"
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_urlsafe(24))
    except FileExistsError:
        file.chmod(0o600)
    return file.read_text().strip()


def of_account(stack: Stack, *, may_write: bool) -> Console:
    """The console of a deployed stack."""
    aws = Aws(_kept(stack.access.client), stack.machine, stack.bucket)
    region = stack.machine.split(":")[3]
    title = f"{stack.name} in {region}"
    return Console(aws, may_write=may_write, poll=POLL_ACCOUNT, title=title)


def _kept(client: Callable[[str], Any]) -> Callable[[str], Any]:
    """Makes the client of each service once: threads can share it, but not its making."""
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def kept(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = client(service)
            return made[service]

    return kept


def run(stack: Stack, port: int, *, may_write: bool, as_json: bool) -> NoReturn:
    """Serve the console of a deployed stack until Ctrl-C, which raises KeyboardInterrupt.

    Raises
    ------
    PortTaken
    """
    with served(of_account(stack, may_write=may_write), port) as address:
        what = "It can upload, stop and start again." if may_write else "It only reads; --write changes that."
        if as_json:
            line_of_json({"type": "console", "url": address, "may_write": may_write})
        else:
            say(f"The console: {address}\n{what} Ctrl-C ends it.")
        while True:
            interrupt.check()
            threading.Event().wait(1)


@contextlib.contextmanager
def served(console: Console, port: int) -> Iterator[str]:
    """A server with the console alone. Its address, which holds the token.

    Raises
    ------
    PortTaken
    """
    try:
        server = http_server(console.nothing_else, port=port, page=lambda: console)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken.of(port) from error
        raise
    threading.Thread(target=server.serve_forever, args=(0.05,), name="console", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}{console.path}"
    finally:
        console.close()
        server.shutdown()
        server.server_close()
