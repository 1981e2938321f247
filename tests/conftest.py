"""Settings for all tests. By default, Hypothesis reports a slow machine as a fault of the test."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.s3_fixtures"]
