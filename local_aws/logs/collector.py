"""Takes what functions and jobs print into their log groups, and the metrics in it to CloudWatch.

AWS Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs"; AWS Batch User Guide, "Use the awslogs
log driver"; Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local_aws.logs.store import Entry, LogStore
from local_aws.sandbox.activity import Activity, StepEnded, StepLog, StepStarted

#: most metrics in one request (Amazon CloudWatch API Reference, "PutMetricData")
_METRICS_AT_ONCE = 500
#: seconds after which metrics are in CloudWatch at the latest
_METRICS_SECONDS = 1.0


class Place(NamedTuple):
    """The log group and the log stream of a function's invocation or of a job."""

    group: str
    stream: str


class Collector:
    """Listens to functions and jobs.

    Parameters
    ----------
    place:
        Where the output of a step goes, by its kind ("lambda" or "batch"), name and id; None if it is not known.
    cloudwatch:
        Returns the boto3 client of CloudWatch.
    """

    def __init__(
        self, store: LogStore, place: Callable[[str, str, str], Place | None], cloudwatch: Callable[[], Any]
    ) -> None:
        self._store, self._place, self._cloudwatch = store, place, cloudwatch
        self._places: dict[tuple[str, str], Place] = {}
        self._metrics: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._send_often, name="local-aws-metrics", daemon=True).start()

    def close(self) -> None:
        """Take no more metrics to CloudWatch."""
        self._closed.set()

    def hear(self, activity: Activity) -> None:
        """Write one event."""
        text = _text_of(activity)
        place = self._place_of(activity) if text is not None else None
        if text is None or place is None:
            return
        self._store.append(Entry(place.group, place.stream, round(activity.time * 1000), text))
        if isinstance(activity, StepLog) and '"_aws"' in activity.line:
            with self._lock:
                self._metrics += metrics_in(activity.line)

    def _place_of(self, activity: Activity) -> Place | None:
        """Where it is written: the same place from the start of a step to its end, also over midnight."""
        step = activity.kind, activity.id
        with self._lock:
            place = self._places.get(step)
        if place is None:
            place = self._place(activity.kind, activity.name, activity.id)
        with self._lock:
            if isinstance(activity, StepEnded) or place is None:
                self._places.pop(step, None)
            else:
                self._places[step] = place
        return place

    def send_metrics(self) -> None:
        """Take the collected metrics to CloudWatch."""
        with self._sending:
            with self._lock:
                metrics, self._metrics = self._metrics, []
            spaces = {namespace for namespace, _ in metrics}
            for space in sorted(spaces):
                data = [datum for namespace, datum in metrics if namespace == space]
                for first in range(0, len(data), _METRICS_AT_ONCE):
                    with contextlib.suppress(Exception):  # a metric that is not valid is dropped, as on AWS
                        self._cloudwatch().put_metric_data(
                            Namespace=space, MetricData=data[first : first + _METRICS_AT_ONCE]
                        )

    def _send_often(self) -> None:
        while not self._closed.wait(_METRICS_SECONDS):
            self.send_metrics()


def _text_of(activity: Activity) -> str | None:
    """The event that Lambda or a job's container writes. Lambda also tells of the start and the end."""
    if isinstance(activity, StepLog):
        return activity.line
    if activity.kind != "lambda":
        return None
    if isinstance(activity, StepStarted):
        return f"START RequestId: {activity.id} Version: $LATEST"
    assert isinstance(activity, StepEnded)
    milliseconds = activity.seconds * 1000
    status = f"\tStatus: error\tError Type: {activity.error}" if activity.error else ""
    return f"REPORT RequestId: {activity.id}\tDuration: {milliseconds:.2f} ms{status}"


def metrics_in(line: str) -> list[tuple[str, dict[str, Any]]]:
    """The metrics in a line of the embedded metric format, each with its namespace; none in other lines."""
    try:
        document = json.loads(line)
        described = document["_aws"]
        directives, milliseconds = described["CloudWatchMetrics"], described["Timestamp"]
        return [
            (directive["Namespace"], datum)
            for directive in directives
            for names in directive["Dimensions"] or [[]]
            for metric in directive["Metrics"]
            for datum in _data(document, metric, names, milliseconds / 1000)
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _data(
    document: Mapping[str, Any], metric: Mapping[str, Any], names: list[str], seconds: float
) -> list[dict[str, Any]]:
    value = document[metric["Name"]]
    values = value if isinstance(value, list) else [value]
    return [
        {
            "MetricName": metric["Name"],
            "Dimensions": [{"Name": name, "Value": str(document[name])} for name in names],
            "Timestamp": seconds,
            "Unit": metric.get("Unit", "None"),
            "Value": float(each),
        }
        for each in values
    ]
