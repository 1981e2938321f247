"""Fetches one model into an image while it is built: by name, verified, or the build fails and says which parameter.

usage: python bake_model.py PARAMETER NAME KIND...
"""

from __future__ import annotations

import shutil
import sys

from avflow.errors import AvflowError
from avflow.models.store import ModelStore


def main(parameter: str, name: str, *kinds: str) -> None:
    """Fetch the model `name`, which must be of one of the `kinds`; `parameter` is the template's for it."""
    store = ModelStore()
    possible = [each for each in store.names() if store.describe(each).kind in kinds]
    if name not in possible:
        sys.exit(f"{parameter}={name}: no such model; {parameter} must be one of {', '.join(possible)}.")
    try:
        print(f"{parameter}={name}: in {store.fetch(name)}, sha256 verified")
    except AvflowError as error:
        sys.exit(f"{parameter}={name}: {error.message} {error.advice}")
    shutil.rmtree(store.root / ".partial", ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
