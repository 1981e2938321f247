"""Pages of a listing: keys in the order of their UTF-8 bytes; keys with a common prefix are one entry."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from local_aws.s3.errors import S3Error

_LAST = 0x10FFFF


@dataclass(frozen=True)
class Position:
    """Where a listing continues: at the first row of `key` or of the next key; with `seq`, behind that row of `key`."""

    key: str
    seq: int | None = None


@dataclass(frozen=True)
class Page:
    """A page; its entries, in order, are rows and common prefixes (strings)."""

    entries: list[sqlite3.Row | str]
    truncated: bool

    @property
    def rows(self) -> list[sqlite3.Row]:
        """The entries that are rows."""
        return [entry for entry in self.entries if not isinstance(entry, str)]

    @property
    def prefixes(self) -> list[str]:
        """The entries that are common prefixes."""
        return [entry for entry in self.entries if isinstance(entry, str)]

    @property
    def last(self) -> str:
        """The last entry's key or common prefix."""
        entry = self.entries[-1]
        return entry if isinstance(entry, str) else str(entry["key"])


def successor(prefix: str) -> str | None:
    """The smallest string that is greater than all strings with `prefix`; None if there is none."""
    while prefix:
        code = ord(prefix[-1])
        if code < _LAST:
            following = 0xE000 if code == 0xD7FF else code + 1  # surrogates are not characters
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """`key` up to and with the first delimiter behind `prefix`; None if there is no delimiter."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else key[: end + len(delimiter)]


def after(marker: str, prefix: str, delimiter: str) -> Position | None:
    """The position behind a key, or behind all keys with a common prefix; None if there are no greater keys."""
    if marker.startswith(prefix) and marker == common_prefix(marker, prefix, delimiter):
        key = successor(marker)
        return None if key is None else Position(key)
    return Position(max(marker + "\0", prefix) if marker else prefix)


def page(
    scan: Callable[[Position], Iterator[sqlite3.Row]],
    start: Position | None,
    prefix: str,
    delimiter: str,
    limit: int,
) -> Page:
    """A page of at most `limit` entries.

    Parameters
    ----------
    scan:
        Returns the rows from a position on, in order; all have a `key` that begins with `prefix`.
    """
    entries: list[sqlite3.Row | str] = []
    position = start if limit else None
    while position is not None:
        for row in scan(position):
            if len(entries) == limit:
                return Page(entries, truncated=True)
            rolled = common_prefix(row["key"], prefix, delimiter)
            entries.append(row if rolled is None else rolled)
            if rolled is not None:  # continue behind it, and skip the keys in between
                position = after(rolled, prefix, delimiter)
                break
        else:
            position = None
    return Page(entries, truncated=False)


def to_token(marker: str) -> str:
    """A continuation token for the entries behind `marker`."""
    return base64.urlsafe_b64encode(marker.encode()).decode()


def from_token(token: str) -> str:
    """The marker in a continuation token."""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect.") from None
