"""How results come from the bucket into a folder: for `avflow run` and for `avflow results --download`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from avflow.errors import AvflowError
from avflow.filenames import printable


class OutputUnusable(AvflowError):
    """The folder for the results can't be written, or a result would replace a file of the user's."""

    advice = "Choose another folder: --out DIR, or make run OUT=DIR."
    exit_code = os.EX_CANTCREAT


def sizes_of(s3: Any, bucket: str, prefix: str) -> dict[str, int]:
    """The objects whose keys begin so: the size in bytes by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {each["Key"]: int(each["Size"]) for page in pages for each in page.get("Contents", ())}


def fetched(s3: Any, bucket: str, key: str, target: Path) -> Path:
    """Download an object, whole or not at all: until then a file that was there stays. Returns the path.

    Raises
    ------
    OutputUnusable
        It can't be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(partial))
        partial.replace(target)
    except OSError as error:
        where = printable(str(target))
        raise OutputUnusable(f"{where} can't be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return target
