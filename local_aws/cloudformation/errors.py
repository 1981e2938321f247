"""Why a stack cannot be created."""

from __future__ import annotations


class DeployError(Exception):
    """The stack cannot be created; the message names the resource or the parameter, and the reason."""
