"""No web page gets an answer, whatever it sends; tests of the same with a real browser are in test_browser.py."""

import ast
import json
from pathlib import Path

import pytest

from local_aws.awslambda.runtime_api import RuntimeApi
from tests.local.access.conftest import Raw

PACKAGE = Path(__file__).parents[3] / "local_aws"
START = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.ListStateMachines"}


def refused(answer, method="GET"):
    """Whether an answer is a refusal that no page could read."""
    assert answer.status == 403, answer.body
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "html" not in answer.headers["Content-Type"]
    assert (answer.body == b"") == (method == "HEAD")
    return True


def test_programs_are_answered(raw, bench):
    for host in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
        named = {"Host": f"{host}:{raw.port}", **START}
        answer = raw("POST", "/", raw.signed(bench.aws.access_key, "states", "POST", "/", b"{}", **named), b"{}")
        assert (answer.status, "stateMachines" in json.loads(answer.body)) == (200, True)


HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.1.evil.example:{port}",
    "evil.example@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.example",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "127.1:{port}",
    "localhost.:{port}",
    "bucket.localhost:{port}",
    "localhost.evil.example:{port}",
    "::1:{port}",
    "",
    None,
    ["127.0.0.1:{port}", "evil.example"],
    ["evil.example", "127.0.0.1:{port}"],
]


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_other_hosts_are_refused(raw, bench, host):
    """DNS rebinding: a page's own name resolves to 127.0.0.1."""
    hosts = [name and name.format(port=raw.port) for name in (host if isinstance(host, list) else [host])]
    assert refused(raw("GET", "/", {"Host": hosts}))
    signed = raw.signed(bench.aws.access_key, "states", "POST", "/", b"{}", **START)
    assert refused(raw("POST", "/", {**signed, "Host": hosts}, b"{}"))


def test_other_hosts_in_the_request_line_are_refused(raw, bench):
    assert refused(raw("GET", "http://evil.example/", {}))
    assert refused(raw("GET", f"http://evil.example:{raw.port}/bucket", {}))
    assert refused(raw.bytes(b"GET /bucket HTTP/1.0\r\n\r\n"))
    key, evil = bench.aws.access_key, {"Host": "evil.example"}
    signed = raw.signed(key, "states", "POST", "/", b"{}", **START, **evil)
    assert refused(raw("POST", f"http://127.0.0.1:{raw.port}/", {**signed, **evil}, b"{}"))
    signed = raw.signed(key, "states", "POST", "/", b"{}", **START)
    assert raw("POST", f"http://127.0.0.1:{raw.port}/", signed, b"{}").status == 200


ORIGINS = ["http://evil.example", "https://evil.example", "null", "", "file://", "http://127.0.0.1:{port}",
           "http://localhost:{port}", "http://127.0.0.1:1"]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_requests_with_an_origin_are_refused(raw, bench, method, origin):
    page = {"Origin": origin.format(port=raw.port)}
    assert refused(raw(method, "/", page), method)
    signed = raw.signed(bench.aws.access_key, "states", method, "/", b"{}", **START)
    assert refused(raw(method, "/", {**signed, **page}, b"{}"), method)
    assert refused(raw(method, f"/{bench.outputs['Bucket']}/k", page, b"x"), method)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "Cross-Site", "unheard-of"])
def test_pictures_frames_and_scripts_of_pages_are_refused(raw, bench, site):
    target = bench.aws.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bench.outputs["Bucket"], "Key": "k"}
    )
    bench.aws.client("s3").put_object(Bucket=bench.outputs["Bucket"], Key="k", Body=b"picture")
    target = target.removeprefix(raw.url)
    assert refused(raw("GET", target, {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "image"}))
    assert raw("GET", target, {"Sec-Fetch-Site": "none"}).body == b"picture", "the user has typed the address"
    assert raw("GET", target, {}).body == b"picture"


def test_a_result_page_plays_the_video_of_a_presigned_address(raw, bench):
    """The page is an object itself. What other sites ask for, a script, and what is not signed stay refused."""
    bucket, s3 = bench.outputs["Bucket"], bench.aws.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"video")
    target = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}).removeprefix(raw.url)
    plays = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "video"}
    assert raw("GET", target, plays).body == b"video"
    assert raw("GET", target, {**plays, "Range": "bytes=1-2"}).body == b"id"
    assert refused(raw("GET", target, {**plays, "Sec-Fetch-Site": "cross-site"}))
    assert refused(raw("GET", target, {**plays, "Sec-Fetch-Dest": "script"}))
    assert refused(raw("GET", target, {**plays, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}))
    assert refused(raw("GET", target, {**plays, "Origin": "http://example.com"}))
    assert refused(raw("GET", f"/{bucket}/k", plays))
    assert refused(raw("DELETE", target, plays), "DELETE")
    assert raw("GET", target.replace("Signature=", "Signature=x"), plays).status == 403


@pytest.mark.parametrize("page", ["http://evil.example/", "http://127.0.0.1:{port}/bucket/page.html", "x"])
def test_pictures_of_pages_in_old_browsers_are_refused(raw, bench, page):
    """They send no `Sec-Fetch-Site`, but the address of the page."""
    s3, bucket = bench.aws.client("s3"), bench.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"picture")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert refused(raw("GET", url.removeprefix(raw.url), {"Referer": page.format(port=raw.port)}))


SIMPLE = {
    "text/plain": json.dumps({"name": "evil", "definition": "{}", "roleArn": "arn:aws:iam::123456789012:role/r"}),
    "application/x-www-form-urlencoded": "Action=CreateQueue&QueueName=evil&Version=2012-11-05",
    "multipart/form-data; boundary=b": '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nevil\r\n'
    '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n',
}


@pytest.mark.parametrize("kind", SIMPLE)
@pytest.mark.parametrize(
    "target",
    ["/", "/{bucket}", "/{bucket}?delete", "/{bucket}/k", "/?Action=CreateQueue&QueueName=evil", "/moto-api/reset",
     "/2015-03-31/functions/tests-Pictures/invocations", "/v1/submitjob", "/sqs_us-east-1/",
     "/-/cloudformation-response/x"],
)  # fmt: skip
def test_simple_requests_of_old_browsers_are_refused(raw, bench, kind, target):
    """Simple requests need no preflight, and some browsers sent neither `Origin` nor `Sec-Fetch-Site` with them."""
    path = target.format(bucket=bench.outputs["Bucket"])
    assert refused(raw("POST", path, {"Content-Type": kind}, SIMPLE[kind].encode()))
    assert refused(raw("GET", path, {}))
    queues = bench.aws.client("sqs").list_queues().get("QueueUrls", [])
    assert not [url for url in queues if "evil" in url]
    assert bench.states.list_state_machines()["stateMachines"]


def test_a_preflight_is_refused(raw):
    asks = {
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-amz-target,authorization",
        "Access-Control-Request-Private-Network": "true",
    }
    assert refused(raw("OPTIONS", "/", asks))


@pytest.mark.parametrize("origin", [{"Origin": "http://evil.example"}, {}])
def test_a_websocket_is_refused(raw, origin):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert refused(raw("GET", "/", {**upgrade, "Sec-WebSocket-Version": "13", **origin}))


@pytest.mark.parametrize("service", ["states", "moto_api", "iam", "apigateway", "dynamodb"])
@pytest.mark.parametrize(
    "path", ["/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/moto-api/state-manager/set-transition",
             "/favicon.ico", "/latest/meta-data/iam/security-credentials/", "/latest/api/token"]
)  # fmt: skip
def test_the_pages_of_moto_are_not_there(raw, bench, service, path):
    assert refused(raw("GET", path, {}))
    assert refused(raw("POST", path, {}))
    for method in ("GET", "POST", "PUT"):
        answer = raw(method, path, raw.signed(bench.aws.access_key, service, method, path))
        assert answer.status in (400, 404, 501), answer.body
        assert "html" not in answer.headers["Content-Type"]
        assert b"AccessKeyId" not in answer.body
    assert bench.states.list_state_machines()["stateMachines"], "nothing was reset"


def test_answers_to_programs_cannot_be_read_by_pages(raw, bench):
    """moto allows every origin."""
    headers = raw.signed(bench.aws.access_key, "states", "POST", "/", b"{}", **START)
    answer = raw("POST", "/", headers, b"{}")
    assert answer.status == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_the_runtime_api_answers_no_page(tmp_path):
    facts = {"request_id": "r", "timeout_seconds": 3, "invoked_function_arn": "a"}
    (tmp_path / "invocation.json").write_text(json.dumps(facts))
    (tmp_path / "event.json").write_text('{"secret": 1}')
    with RuntimeApi(tmp_path, on_idle=lambda: None) as api:
        raw, path = Raw(f"http://{api.address}"), "/2018-06-01/runtime/invocation"
        assert refused(raw("GET", f"{path}/next", {"Origin": "http://evil.example"}))
        assert refused(raw("GET", f"{path}/next", {"Host": f"evil.example:{raw.port}"}))
        assert refused(raw("GET", f"{path}/next", {"Sec-Fetch-Site": "cross-site"}))
        assert raw("POST", f"{path}/another/response", {}, b"forged").status == 400
        assert raw("GET", f"{path}/next", {}).body == b'{"secret": 1}'
        assert raw("POST", f"{path}/r/response", {}, b"1").status == 202
        assert json.loads((tmp_path / "response.json").read_text()) == {"result": "1"}


def test_every_server_is_made_in_one_place():
    servers = {"make_server", "HTTPServer", "ThreadingHTTPServer", "TCPServer", "create_server", "run_simple", "bind"}
    names = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute) and getattr(node, "attr", getattr(node, "id", "")) in servers
    }
    assert names == {"http_server.py"}
