"""The disk with this program's files may be full: how that shows, and how transactions end then."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

#: no space, a quota, a limit of the size of a file
_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: primary result codes (SQLite documentation, "Result and Error Codes"). SQLite says IOERR if its small files beside
#: the database find no space
_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_full(error: BaseException) -> bool:
    """Whether the error says that the disk is full."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CODES
    return isinstance(error, OSError) and error.errno in _ERRNOS


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction, which is rolled back if the block or the commit fails.

    After some errors, a full disk among them, SQLite has rolled it back already.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
