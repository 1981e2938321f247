"""For all tests: Hypothesis takes a slow machine for a fault of the test, unless told otherwise."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.s3_fixtures"]
