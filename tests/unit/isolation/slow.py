"""Tasks whose libraries take long to load."""

import time


def prepare() -> None:
    """What a nursery calls."""
    time.sleep(600)
