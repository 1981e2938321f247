"""Where a Chromium is."""

from __future__ import annotations

import os
import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The path of an installed Chromium, or None. `scripts/chromium` installs one."""
    return next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM") or "", *_NAMES))), None)
