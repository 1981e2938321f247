"""CloudWatch Logs: log groups and streams in an SQLite file, and what functions and jobs print."""

from local_aws.logs.api import LogsApi
from local_aws.logs.collector import Collector, Place
from local_aws.logs.store import LogStore

__all__ = ["Collector", "LogStore", "LogsApi", "Place"]
