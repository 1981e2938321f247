"""The access keys of one embedded AWS: random, and gone when it ends."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field

_ID_CHARACTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class AccessKey:
    """An access key.

    Parameters
    ----------
    id, secret:
        As `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    token:
        The session token of a role's temporary key; None for a lasting key.
    role:
        The ARN of that role.
    """

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    role: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables in which AWS's SDKs look for it."""
        variables = {"AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": self.secret}
        return variables | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


class AccessKeys:
    """All access keys that are valid."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKey] = {}
        self._of_roles: dict[str, AccessKey] = {}
        self._lock = threading.Lock()

    def issue(self) -> AccessKey:
        """A new lasting key."""
        with self._lock:
            return self._add(AccessKey(_new_id("AKIA"), _new_secret()))

    def admit(self, key: AccessKey) -> AccessKey:
        """Make a key valid that somebody else has chosen."""
        with self._lock:
            return self._add(key)

    def of_role(self, role: str) -> AccessKey:
        """The temporary key of a role, by its ARN; it is valid until the embedded AWS ends."""
        with self._lock:
            if role not in self._of_roles:
                key = AccessKey(_new_id("ASIA"), _new_secret(), secrets.token_urlsafe(96), role)
                self._of_roles[role] = self._add(key)
            return self._of_roles[role]

    def get(self, key_id: str) -> AccessKey | None:
        """The key with this id, if it is valid."""
        with self._lock:
            return self._keys.get(key_id)

    def _add(self, key: AccessKey) -> AccessKey:
        self._keys[key.id] = key
        return key


def _new_id(prefix: str) -> str:
    """IAM User Guide, "IAM identifiers": AKIA for lasting keys, ASIA for temporary ones."""
    return prefix + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(16))


def _new_secret() -> str:
    return secrets.token_urlsafe(30)
