"""What the tests of all kinds of input share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from avflow.workflow.storage import ObjectStore
from tests.corpus.case import Case
from tests.corpus.judging import faults
from tests.corpus.running import bounded_memory, process


@pytest.fixture
def faults_of(bucket: str, s3: Any, tmp_path: Path) -> Iterator[Callable[[Case], list[str]]]:
    """Process a case through all steps, and tell what is wrong with its results."""
    with bounded_memory():
        yield lambda case: faults(case, process(case, ObjectStore(bucket, s3), tmp_path))
