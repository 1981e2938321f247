"""The port of a server of ours on 127.0.0.1."""

from __future__ import annotations

from avflow.errors import AvflowError


class PortTaken(AvflowError):
    """Another program listens on the port."""

    advice = "End the program that uses it, or choose another port: --port N."

    @classmethod
    def of(cls, port: int) -> PortTaken:
        """The error about one port."""
        return cls(f"Port {port} of 127.0.0.1 is in use.")
