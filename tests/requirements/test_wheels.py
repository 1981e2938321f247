"""Every locked requirements file against the package index: on each platform and Python, from wheels alone."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from scripts.lock import FOLDER, Unresolvable, pinned, resolve
from scripts.platforms import (
    EVERYWHERE,
    IMAGE_PLATFORM,
    IMAGE_PYTHON,
    IMAGES,
    MISSING,
    PLATFORMS,
    PYTHONS,
    Platform,
    missing,
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    file: str
    platform: Platform
    python: str

    @property
    def lack(self):
        return missing(self.file, self.platform.name, self.python)

    def __str__(self):
        return f"{self.file}, {self.platform.name}, Python {self.python}"


CASES = [
    *(Case(file, platform, python) for file in EVERYWHERE for platform in PLATFORMS for python in PYTHONS),
    *(Case(file, IMAGE_PLATFORM, IMAGE_PYTHON) for file in IMAGES),
]
#: what uv says of an index that doesn't answer
NO_ANSWER = ("error sending request", "Failed to fetch", "tcp connect error", "dns error", "timed out")


def no_index() -> str | None:
    """Why the package index can't be asked: one small question tells."""
    try:
        resolve(FOLDER / "conversion-image.txt", IMAGE_PLATFORM, IMAGE_PYTHON)
    except Unresolvable as error:
        if any(sign in str(error) for sign in NO_ANSWER):
            return f"the package index doesn't answer: {str(error).splitlines()[-1]}"
    return None


@pytest.fixture(scope="module")
def resolved(request):
    """What each test of this session is going to ask, asked side by side: it is waiting for the index, most of all."""
    if reason := no_index():
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    asked = [item.callspec.params["case"] for item in request.session.items if "resolved" in item.fixturenames]
    with ThreadPoolExecutor(8) as pool:
        yield {case: pool.submit(resolve, FOLDER / f"{case.file}.txt", case.platform, case.python) for case in asked}


@pytest.mark.parametrize("case", [each for each in CASES if not each.lack], ids=str)
def test_there_is_a_wheel_of_everything_and_everything_is_pinned(resolved, case):
    assert resolved[case].result() == pinned(FOLDER / f"{case.file}.txt", case.platform, case.python)


@pytest.mark.parametrize("case", [each for each in CASES if each.lack], ids=str)
def test_what_is_said_to_be_missing_is_missing(resolved, case):
    with pytest.raises(Unresolvable, match=rf"(?s)Because {case.lack.package}\W.* no .*wheels"):
        resolved[case].result()


def test_nothing_is_said_to_be_missing_in_vain():
    assert {each.lack for each in CASES if each.lack} == set(MISSING)
