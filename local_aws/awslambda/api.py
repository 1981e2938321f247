"""AWS Lambda's HTTP interface: as much of it as Step Functions, EventBridge, templates and the AWS CLI use."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from local_aws.awslambda.functions import MAX_PAYLOAD_BYTES, Function, FunctionNotFound, Functions
from local_aws.names import REGION, function_arn
from local_aws.wire import Environ, Reply, ServiceError, read_body

_ROUTE = re.compile(r"^/2015-03-31/functions(?:/(?P<name>[^/]+)(?P<rest>/.+)?)?/?$")


class LambdaApi:
    """Answers requests that are signed for `lambda`; `invoke_later` takes asynchronous invocations."""

    def __init__(self, functions: Functions, invoke_later: Callable[[str, bytes], None]) -> None:
        self._functions = functions
        self._invoke_later = invoke_later

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        try:
            return self._route(environ)
        except FunctionNotFound as error:
            return Reply.of_error(ServiceError("ResourceNotFoundException", str(error), 404))
        except ServiceError as error:
            return Reply.of_error(error)

    def _route(self, environ: Environ) -> Reply:
        route, method = _ROUTE.match(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        query = parse_qs(environ.get("QUERY_STRING", ""))
        qualifier = query.get("Qualifier", [None])[0]
        if route:
            name, rest = unquote(route["name"] or ""), route["rest"]
            match method, bool(name), rest:
                case "GET", False, None:
                    configurations = [_configuration(function, "$LATEST") for function in self._functions.all()]
                    return Reply.of_json({"Functions": configurations})
                case "GET", True, None:
                    return self._get_function(name, qualifier)
                case "GET", True, "/configuration":
                    return Reply.of_json(_configuration(*self._functions.get(name, qualifier)))
                case "GET", True, "/versions":
                    function, _ = self._functions.get(name)
                    versions = [_configuration(function, version) for version in ["$LATEST", *function.versions]]
                    return Reply.of_json({"Versions": versions})
                case "GET", True, "/aliases":
                    function, _ = self._functions.get(name)
                    return Reply.of_json({"Aliases": [_alias(function, alias) for alias in function.aliases]})
                case "POST", True, "/invocations":
                    return self._invoke(name, qualifier, environ)
        raise ServiceError("NotImplemented", f"{method} {environ['PATH_INFO']}: not in the embedded AWS Lambda", 501)

    def _get_function(self, name: str, qualifier: str | None) -> Reply:
        function, version = self._functions.get(name, qualifier)
        if function.image_uri:
            resolved = function.resolved_image_uri
            code = {"RepositoryType": "ECR", "ImageUri": function.image_uri, "ResolvedImageUri": resolved}
        else:
            code = {"RepositoryType": "S3", "Location": function.code.as_uri()}
        return Reply.of_json({"Configuration": _configuration(function, version), "Code": code})

    def _invoke(self, name: str, qualifier: str | None, environ: Environ) -> Reply:
        payload = read_body(environ)
        if len(payload) > MAX_PAYLOAD_BYTES:
            message = f"{len(payload)} byte payload is too large for the RequestResponse invocation type"
            raise ServiceError("RequestTooLargeException", message, 413)
        try:
            json.loads(payload or b"{}")
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            raise ServiceError("InvalidRequestContentException", message) from error
        function, version = self._functions.get(name, qualifier)
        kind = environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")
        if kind == "DryRun":
            return Reply(b"", 204)
        if kind == "Event":
            self._invoke_later(function_arn(function.name, None if version == "$LATEST" else version), payload)
            return Reply(b"", 202)
        invocation = self._functions.invoke(name, payload, qualifier)
        headers = {"X-Amz-Executed-Version": version, "x-amzn-RequestId": invocation.request_id}
        if invocation.error is not None:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if environ.get("HTTP_X_AMZ_LOG_TYPE") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(invocation.log_tail).decode()
        return Reply(invocation.payload, 200, headers)


def _configuration(function: Function, version: str) -> dict[str, Any]:
    facts = {
        "FunctionName": function.name,
        "FunctionArn": function_arn(function.name, None if version == "$LATEST" else version),
        "Version": version,
        "PackageType": "Image" if function.image_uri else "Zip",
        "Timeout": int(function.timeout),
        "MemorySize": function.memory_mb,
        "EphemeralStorage": {"Size": function.scratch_mb},
        "Environment": {"Variables": dict(function.environment)},
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    kept = ("Description", "Role", "Runtime", "Architectures", "TracingConfig", "LoggingConfig")
    facts |= {name: function.configuration[name] for name in kept if name in function.configuration}
    return facts | ({} if function.image_uri else {"Handler": function.handler})


def _alias(function: Function, alias: str) -> dict[str, Any]:
    alias_arn = f"arn:aws:lambda:{REGION}:{function.arn.split(':')[4]}:function:{function.name}:{alias}"
    return {"AliasArn": alias_arn, "Name": alias, "FunctionVersion": function.aliases[alias]}
