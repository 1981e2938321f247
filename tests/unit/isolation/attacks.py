"""A stand-in for a decoder that an upload has taken over: Python code in the media process."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.unit.isolation import attacks_on_files, attacks_on_processes
from tests.unit.isolation.registry import ATTACKS, Facts, attack
from tests.unit.isolation.requests import Attack, Done, Found, Run

__all__ = ["ATTACKS", "Tasks", "attacks_on_files", "attacks_on_processes"]


# ---------------------------------------------------------------- credentials
@attack
def environment(facts: Facts) -> object:
    return [name for name in os.environ if "AWS" in name or facts["secret"] in os.environ[name]]


@attack
def environment_of_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/environ").read_bytes()


@attack
def memory_of_the_parent(facts: Facts) -> object:
    with Path(f"/proc/{facts['parent']}/mem").open("rb", buffering=0) as memory:
        memory.seek(int(facts["address"]))
        return memory.read(8)


@attack
def command_line_of_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/cmdline").read_bytes()


@attack
def files_of_the_parent(facts: Facts) -> object:
    return [*Path(f"/proc/{facts['parent']}/fd").iterdir()]


@attack
def root_of_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/root{facts['credentials']}").read_text()


@attack
def environment_of_init(facts: Facts) -> object:
    return Path("/proc/1/environ").read_bytes()


@attack
def credentials_file(facts: Facts) -> object:
    return Path(facts["credentials"]).read_text()


@attack
def another_uploads_folder(facts: Facts) -> object:
    return Path(facts["other"]).read_text()


@attack
def list_temporary_files(facts: Facts) -> object:
    return [*Path(facts["other"]).parents[2].iterdir()]


@attack
def password_file(facts: Facts) -> object:
    return Path("/etc/passwd").read_text()


# ---------------------------------------------------------------- network
def _sends(family: int, kind: int, address: object) -> str:
    with socket.socket(family, kind) as made:
        made.settimeout(1)
        made.connect(address)
        made.send(b"taken over")
    return "sent"


@attack
def tcp_4(facts: Facts) -> object:
    return _sends(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", int(facts["tcp_4"])))


@attack
def tcp_6(facts: Facts) -> object:
    return _sends(socket.AF_INET6, socket.SOCK_STREAM, ("::1", int(facts["tcp_6"])))


@attack
def udp_4(facts: Facts) -> object:
    return _sends(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int(facts["udp_4"])))


@attack
def udp_6(facts: Facts) -> object:
    return _sends(socket.AF_INET6, socket.SOCK_DGRAM, ("::1", int(facts["udp_6"])))


@attack
def abstract_socket(facts: Facts) -> object:
    return _sends(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{facts['abstract']}")


@attack
def path_socket(facts: Facts) -> object:
    return _sends(socket.AF_UNIX, socket.SOCK_STREAM, facts["path_socket"])


def _may_ask(address: str) -> object:
    """Whether anything but the system's own network stops a request."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.settimeout(0.2)
        try:
            made.connect((address, 80))
        except PermissionError:
            raise
        except OSError as error:  # no such network here
            return str(error)
    return "connected"


@attack
def credentials_of_containers(facts: Facts) -> object:
    return _may_ask("169.254.170.2")


@attack
def credentials_of_instances(facts: Facts) -> object:
    return _may_ask("169.254.169.254")


@attack
def listen(facts: Facts) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
    return "listens"


@attack
def serve_a_neighbour(facts: Facts) -> object:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(f"\0avflow-test-{os.getpid()}")
        made.listen()
        made.setblocking(False)
        with suppress(BlockingIOError):  # nobody has called yet
            made.accept()
    return "accepts"


@attack
def talk_to_the_kernel(facts: Facts) -> object:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0):
        return "asks for routes"


@attack
def name_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/comm").write_text("taken over")


@attack
def raw_packets(facts: Facts) -> object:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3):
        return "sees all packets"


#: the process that has called `prepare`
prepared_by: int | None = None


def prepare() -> None:
    """What a nursery calls."""
    global prepared_by  # noqa: PLW0603 - what a fork inherits
    prepared_by = os.getpid()


class Tasks:
    """What the tests ask for."""

    REQUESTS = {"attack": Attack, "run": Run}  # noqa: RUF012

    #: the media process sets it
    need: object = None

    def attack(self, asked: Attack, report: object) -> Found:
        found = {}
        for name in asked.names or ATTACKS:
            try:
                got = ATTACKS[name](dict(asked.facts))
            except (OSError, subprocess.SubprocessError, AttributeError):
                continue
            if got:
                found[name] = repr(got)[:200]
        return Found(found)

    def run(self, asked: Run, report: object) -> Done:
        scope = {"facts": asked.facts, "report": report, "need": self.need, "text": ""}
        exec(asked.code, scope)
        return Done(str(scope["text"]))
