"""Settings for all tests. By default, Hypothesis reports a slow machine as a fault of the test."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.order import longest_first

# A shell starts what is in the background with SIGINT ignored, and nohup ignores SIGHUP. The programs that tests
# interrupt would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.s3_fixtures", "tests.browser.fixtures"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    longest_first(items)
