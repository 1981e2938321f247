"""Cases whose results are not right yet, each with its reason. A case that becomes right must leave this list."""

from __future__ import annotations

NOT_YET: dict[str, str] = {}
