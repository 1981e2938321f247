"""What the tests of pages look at."""

from tests.e2e.conftest import sample_run  # noqa: F401 - a fixture
