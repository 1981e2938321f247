"""Every failure to deliver is tried again as far as the target's policy allows, and then goes to the dead letters."""

import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local_aws.eventbridge.deliveries import Deliveries, Delivery, failure_of
from local_aws.eventbridge.events import new_event
from local_aws.eventbridge.targets import NotDelivered
from tests.waiting import until


def client_error(code, status):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Send")


LASTING = {
    "NO_PERMISSIONS": client_error("AccessDenied", 403),
    "RESOURCE_NOT_FOUND": client_error("AWS.SimpleQueueService.NonExistentQueue", 400),
    "SDK_CLIENT_ERROR": client_error("Whatever", 400),
    "UNSUPPORTED_TARGET": NotDelivered("UNSUPPORTED_TARGET", "no"),
}
PASSING = {
    "THROTTLING": client_error("ThrottlingException", 400),
    "INTERNAL_ERROR": client_error("InternalError", 500),
    "INTERNAL_ERROR of the network": EndpointConnectionError(endpoint_url="http://x"),
    "INTERNAL_ERROR of a bug": KeyError("x"),
}


class Bus:
    """Deliveries whose target fails as planned."""

    def __init__(self, failures, policy=None):
        self.failures, self.tries, self.buried = list(failures), 0, []
        self.delivered = threading.Event()
        self.deliveries = Deliveries(self._deliver, self, first_delay=0.01)
        target = {"Arn": "arn:target", "DeadLetterConfig": {"Arn": "arn:dead"}}
        self.event = new_event("s", "d", {"n": 1}, [])
        self.deliveries.add(Delivery("arn:rule", target | ({"RetryPolicy": policy} if policy else {}), self.event))

    def _deliver(self, delivery):
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.delivered.set()

    def dead_letter(self, queue, event, attributes):
        self.buried.append((queue, event, attributes))


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again(name):
    bus = Bus([PASSING[name]] * 3)
    until(bus.delivered.is_set, "the delivery")
    assert (bus.tries, bus.buried) == (4, [])
    assert failure_of(PASSING[name]).code == name.partition(" ")[0]


@pytest.mark.parametrize("name", PASSING)
def test_what_does_not_pass_goes_to_the_dead_letters_in_the_end(name):
    bus = Bus([PASSING[name]] * 9, {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600})
    until(lambda: bus.buried, "the dead letter")
    ((queue, event, attributes),) = bus.buried
    assert (queue, event, bus.tries) == ("arn:dead", bus.event, 3)
    assert attributes["ERROR_CODE"] == name.partition(" ")[0]
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert attributes["RETRY_ATTEMPTS"] == "2"
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == ("arn:rule", "arn:target")


def test_an_event_may_become_too_old():
    bus = Bus([PASSING["INTERNAL_ERROR"]] * 9, {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 0})
    until(lambda: bus.buried, "the dead letter")
    assert bus.buried[0][2]["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_not_tried_again(name):
    bus = Bus([LASTING[name]] * 9)
    until(lambda: bus.buried, "the dead letter")
    assert bus.tries == 1
    assert bus.buried[0][2]["ERROR_CODE"] == name
    assert "EXHAUSTED_RETRY_CONDITION" not in bus.buried[0][2]
