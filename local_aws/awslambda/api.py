"""The HTTP interface of AWS Lambda: the operations that Step Functions, templates and the AWS CLI use here."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from local_aws.awslambda.concurrency import TooManyRequests
from local_aws.awslambda.function import Function
from local_aws.awslambda.functions import FunctionNotFound, Functions
from local_aws.awslambda.invocation import MAX_PAYLOAD_BYTES
from local_aws.awslambda.states import NotActive
from local_aws.coverage import AS_AWS, Operation, differs
from local_aws.iam import ROLE
from local_aws.iam.policies import Asked, Verdict, judge
from local_aws.iam.roles import policies_of
from local_aws.names import ACCOUNT, PARTITION, function_arn
from local_aws.wire import Environ, Reply, ServiceError, read_body

_ACCOUNT_SETTINGS = re.compile(r"^/2016-08-19/account-settings/?$")
_ROUTE = re.compile(r"^/2015-03-31/functions(?:/(?P<name>[^/]+)(?P<rest>/.+)?)?/?$")


class Request(NamedTuple):
    """A request, and what answers it; `name` is the function's, "" for all of them."""

    functions: Functions
    invoke_later: Callable[[str, bytes], None]
    name: str
    qualifier: str | None
    environ: Environ


class LambdaApi:
    """Answers requests that are signed for `lambda`; `invoke_later` starts asynchronous invocations."""

    def __init__(self, functions: Functions, invoke_later: Callable[[str, bytes], None]) -> None:
        self._functions = functions
        self._invoke_later = invoke_later

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        try:
            return self._route(environ)
        except FunctionNotFound as error:
            return Reply.of_error(ServiceError("ResourceNotFoundException", str(error), 404))
        except TooManyRequests as error:
            code = {"x-amzn-errortype": "TooManyRequestsException", "Retry-After": "1"}
            return Reply(
                json.dumps({"Reason": error.reason, "Type": "User", "message": str(error)}).encode(), 429, code
            )
        except NotActive as error:
            body = {"Type": "User" if error.status < 500 else "Service", "Message": str(error)}
            return Reply(json.dumps(body).encode(), error.status, {"x-amzn-errortype": error.code})
        except ServiceError as error:
            return Reply.of_error(error)
        except OSError as error:  # no process, no memory, a full disk: it may be better in a moment
            return Reply.of_error(ServiceError("ServiceException", f"The invocation could not be run: {error}", 500))

    def _route(self, environ: Environ) -> Reply:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method == "GET" and _ACCOUNT_SETTINGS.match(path):
            return ACCOUNT_SETTINGS.handler(self._functions)
        if route := _ROUTE.match(path):
            name, rest = unquote(route["name"] or ""), route["rest"] or ""
            operation = OPERATIONS.get((method, ("/{FunctionName}" if name else "") + rest))
            if operation:
                qualifier = parse_qs(environ.get("QUERY_STRING", "")).get("Qualifier", [None])[0]
                return operation.handler(Request(self._functions, self._invoke_later, name, qualifier, environ))
        message = f"{method} {path}: the embedded AWS Lambda does not have this operation"
        raise ServiceError("NotImplemented", message, 501)


def _account_settings(functions: Functions) -> Reply:
    every = functions.all()
    reserved = sum(each.reserved for each in every if each.reserved is not None)
    limit = {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": functions.concurrency.account,
        "UnreservedConcurrentExecutions": functions.concurrency.account - reserved,
    }
    return Reply.of_json({"AccountLimit": limit, "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": len(every)}})


def _list_functions(request: Request) -> Reply:
    configurations = [_configuration(request, function, "$LATEST") for function in request.functions.all()]
    return Reply.of_json({"Functions": configurations})


def _get_function(request: Request) -> Reply:
    function, version = request.functions.get(request.name, request.qualifier)
    _require(request, "lambda:GetFunction", function_arn(function.name, None if version == "$LATEST" else version))
    if function.image_uri:
        resolved = function.resolved_image_uri
        code = {"RepositoryType": "ECR", "ImageUri": function.image_uri, "ResolvedImageUri": resolved}
    else:
        code = {"RepositoryType": "S3", "Location": function.code.as_uri()}
    return Reply.of_json({"Configuration": _configuration(request, function, version), "Code": code})


def _require(request: Request, action: str, resource: str) -> None:
    """Raise AccessDeniedException unless the caller's role may do the action; the account's user may do everything."""
    role = request.environ.get(ROLE)
    if role is None or judge(policies_of(role), Asked(action, resource, role)) is Verdict.ALLOW:
        return
    # the words: go-to-k/cdkd#756, aws/aws-cdk#7964
    user = f"arn:{PARTITION}:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/local"
    why = f"because no identity-based policy allows the {action} action"
    message = f"User: {user} is not authorized to perform: {action} on resource: {resource} {why}"
    raise ServiceError("AccessDeniedException", message, 403)


def _get_configuration(request: Request) -> Reply:
    return Reply.of_json(_configuration(request, *request.functions.get(request.name, request.qualifier)))


def _list_versions(request: Request) -> Reply:
    function, _ = request.functions.get(request.name)
    versions = [_configuration(request, function, version) for version in ["$LATEST", *function.versions]]
    return Reply.of_json({"Versions": versions})


def _list_aliases(request: Request) -> Reply:
    function, _ = request.functions.get(request.name)
    return Reply.of_json({"Aliases": [_alias(function, alias) for alias in function.aliases]})


def _invoke(request: Request) -> Reply:
    payload = read_body(request.environ)
    if len(payload) > MAX_PAYLOAD_BYTES:
        message = f"{len(payload)} byte payload is too large for the RequestResponse invocation type"
        raise ServiceError("RequestTooLargeException", message, 413)
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ServiceError("InvalidRequestContentException", message) from error
    function, version = request.functions.get(request.name, request.qualifier)
    kind = request.environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")
    if kind == "DryRun":
        return Reply(b"", 204)
    if kind == "Event":
        request.invoke_later(function_arn(function.name, None if version == "$LATEST" else version), payload)
        return Reply(b"", 202)
    invocation = request.functions.invoke(request.name, payload, request.qualifier)
    headers = {"X-Amz-Executed-Version": version, "x-amzn-RequestId": invocation.request_id}
    if invocation.error is not None:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if request.environ.get("HTTP_X_AMZ_LOG_TYPE") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(invocation.log_tail).decode()
    return Reply(invocation.payload, 200, headers)


def _configuration(request: Request, function: Function, version: str) -> dict[str, Any]:
    facts = {
        "FunctionName": function.name,
        "FunctionArn": function_arn(function.name, None if version == "$LATEST" else version),
        "Version": version,
        "PackageType": "Image" if function.image_uri else "Zip",
        "Timeout": int(function.timeout),
        "MemorySize": function.memory_mb,
        "EphemeralStorage": {"Size": function.scratch_mb},
        "Environment": {"Variables": dict(function.environment)},
        **request.functions.states.describe(function),
        "LastUpdateStatus": "Successful",
    }
    kept = ("Description", "Role", "Runtime", "Architectures", "TracingConfig", "LoggingConfig")
    facts |= {name: function.configuration[name] for name in kept if name in function.configuration}
    return facts | ({} if function.image_uri else {"Handler": function.handler})


def _alias(function: Function, alias: str) -> dict[str, Any]:
    alias_arn = function_arn(function.name, alias)
    return {"AliasArn": alias_arn, "Name": alias, "FunctionVersion": function.aliases[alias]}


ACCOUNT_SETTINGS = Operation("GetAccountSettings", _account_settings, differs("code takes no space"))
#: by method and by the path behind `/2015-03-31/functions`
OPERATIONS: dict[tuple[str, str], Operation[Callable[[Request], Reply]]] = {
    ("GET", ""): Operation("ListFunctions", _list_functions, differs("all on one page")),
    ("GET", "/{FunctionName}"): Operation(
        "GetFunction",
        _get_function,
        differs(
            "the code's location is a folder; without containers the image's digest is made from its name; of Lambda's"
            " operations only this one is refused to roles whose policies do not allow it"
        ),
    ),
    ("GET", "/{FunctionName}/configuration"): Operation("GetFunctionConfiguration", _get_configuration, AS_AWS),
    ("GET", "/{FunctionName}/versions"): Operation(
        "ListVersionsByFunction", _list_versions, differs("all on one page; each version has the function's settings")
    ),
    ("GET", "/{FunctionName}/aliases"): Operation("ListAliases", _list_aliases, differs("all on one page")),
    ("POST", "/{FunctionName}/invocations"): Operation(
        "Invoke",
        _invoke,
        differs(
            "environments wait for a place on this machine, and end after a minute without work; containers are not"
            " kept warm; a process shares this machine's files; asynchronous ones report to queues and topics only"
        ),
    ),
}
