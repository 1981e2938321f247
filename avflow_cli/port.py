"""The port of a server of ours on 127.0.0.1."""

from __future__ import annotations

from avflow.errors import AvflowError


class PortTaken(AvflowError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"Port {port} of 127.0.0.1 is in use.",
            "End the program that uses it, or choose another port: --port N.",
        )
