"""The user's cache folder: the one place that says where av-workflow keeps files that it can get or make again.

`python -m avflow.models.cache NAME` prints the folder, for shell scripts.
"""

from __future__ import annotations

import sys
from pathlib import Path

APPLICATION = "av-workflow"


def cache_folder(name: str) -> Path:
    """The folder `av-workflow/NAME` in the user's cache folder. It may not exist yet.

    The user's cache folder is `XDG_CACHE_HOME` or `~/.cache` on Linux (XDG Base Directory Specification), and
    `~/Library/Caches` on macOS.
    """
    import platformdirs  # noqa: PLC0415 - an image fetches its model before any package is installed

    return platformdirs.user_cache_path(APPLICATION) / name


if __name__ == "__main__":
    print(cache_folder(sys.argv[1]))
