"""Service Quotas: what an account may have at once. The values are those that a new account often has.

Service Quotas API Reference, "GetServiceQuota". The operations are named by X-Amz-Target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.coverage import Operation, differs
from local_aws.names import arn
from local_aws.wire import Environ, Reply, ServiceError, read_json

TARGET = "ServiceQuotasV20190624."
#: by service and code: the quota's name, and its value in a new account
NEW_ACCOUNT: Mapping[tuple[str, str], tuple[str, float]] = {
    ("ec2", "L-3819A6DF"): ("All G and VT Spot Instance Requests", 0.0),
    ("ec2", "L-DB2E81BA"): ("Running On-Demand G and VT instances", 0.0),
    ("ec2", "L-7212CCBC"): ("All P4, P3 and P2 Spot Instance Requests", 0.0),
    ("ec2", "L-C4BD4855"): ("All P5 Spot Instance Requests", 0.0),
    ("ec2", "L-417A185B"): ("Running On-Demand P instances", 0.0),
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6.0),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5.0),
}


class QuotasApi:
    """Answers requests that are signed for `servicequotas`."""

    def __init__(self) -> None:
        #: values that an account has been given, by service and code
        self.values = {key: value for key, (_, value) in NEW_ACCOUNT.items()}

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        name = str(environ.get("HTTP_X_AMZ_TARGET", "")).removeprefix(TARGET)
        try:
            if name not in OPERATIONS:
                message = f"{name or 'no operation'}: the embedded Service Quotas does not have this operation"
                raise ServiceError("UnknownOperationException", message)
            return Reply.of_json(OPERATIONS[name].handler(self, read_json(environ)))
        except ServiceError as error:
            return Reply.of_error(error)

    def get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetServiceQuota."""
        service, code = str(request.get("ServiceCode", "")), str(request.get("QuotaCode", ""))
        if (service, code) not in self.values:
            raise ServiceError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        facts = {
            "ServiceCode": service,
            "QuotaArn": arn("servicequotas", f"{service}/{code}"),
            "QuotaCode": code,
            "QuotaName": NEW_ACCOUNT[service, code][0],
            "Value": self.values[service, code],
            "Adjustable": True,
            "GlobalQuota": False,
        }
        return {"Quota": facts}


OPERATIONS: dict[str, Operation[Callable[[QuotasApi, Mapping[str, Any]], dict[str, Any]]]] = {
    "GetServiceQuota": Operation(
        "GetServiceQuota", QuotasApi.get, differs("only the quotas that this project asks for")
    ),
}
