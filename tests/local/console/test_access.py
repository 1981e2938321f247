"""Who may call the console: its own page with its token, and nobody else."""

import json
import stat

import pytest

from avflow_cli.console import of_embedded
from local_aws.callers import PAGE_PATH
from tests.local.access.conftest import Raw
from tests.local.access.test_pages import HOSTS, ORIGINS, refused

API = f"{PAGE_PATH}api/account"
SITES = ["cross-site", "same-site", "Cross-Site", "unheard-of"]


def bearer(console):
    return {"Authorization": f"Bearer {console.page.token}"}


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {}", "Bearer {}x", "Bearer é"])
@pytest.mark.parametrize("name", ["account", "live", "executions", "stop", "upload", "nothing"])
def test_without_the_token_nothing_is_answered(console, token, name):
    given = {} if token is None else {"Authorization": token.format(console.page.token)}
    for method in ("GET", "POST", "PUT"):
        answer = console.raw(method, f"{PAGE_PATH}api/{name}", given)
        assert answer.status == 401
        assert console.page.token.encode() not in answer.body


def test_each_console_has_a_token_of_its_own_that_no_file_of_the_page_has(console):
    assert len(console.page.token) >= 32
    for name in ("", "main.js", "ask.js"):
        answer = console.raw("GET", PAGE_PATH + name, {"Sec-Fetch-Site": "none"})
        assert answer.status == 200
        assert console.page.token.encode() not in answer.body


def test_executions_that_are_kept_keep_the_token_where_only_their_owner_reads_it(bench, tmp_path):
    def token(data):
        return of_embedded(bench.aws.url, bench.aws.access_key, "arn:a:states:r:1:stateMachine:m", "b", data).token

    (tmp_path / "other").mkdir()
    assert token(tmp_path) == token(tmp_path) != token(tmp_path / "other")
    assert token(None) != token(None)
    (kept,) = tmp_path.glob("*token*")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("host", [host for host in HOSTS if host], ids=str)
def test_other_hosts_are_refused(console, host):
    """DNS rebinding: the page of another site, whose name resolves to 127.0.0.1."""
    hosts = [name.format(port=console.raw.port) for name in (host if isinstance(host, list) else [host])]
    for path in (API, PAGE_PATH):
        assert refused(console.raw("GET", path, {**bearer(console), "Host": hosts}))


@pytest.mark.parametrize("origin", [each for each in ORIGINS if each != "http://127.0.0.1:{port}"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_other_origins_are_refused_also_with_the_token(console, origin, method):
    given = {**bearer(console), "Origin": origin.format(port=console.raw.port)}
    assert refused(console.raw(method, API, given))


@pytest.mark.parametrize("site", SITES)
def test_other_sites_are_refused_also_with_the_token(console, site):
    for path in (API, PAGE_PATH, f"{PAGE_PATH}main.js"):
        assert refused(console.raw("GET", path, {**bearer(console), "Sec-Fetch-Site": site}))


def test_a_referer_of_another_page_is_refused(console):
    assert refused(console.raw("GET", API, {**bearer(console), "Referer": "http://evil.example/"}))


def test_its_own_page_is_answered_at_each_name_of_this_machine(console):
    for name in ("127.0.0.1", "localhost", "[::1]"):
        host = f"{name}:{console.raw.port}"
        own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin", **bearer(console)}
        answer = console.raw("GET", API, own)
        assert answer.status == 200
        assert json.loads(answer.body)["mayWrite"] is True
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_every_answer_has_the_policy(console):
    for path, given in ((PAGE_PATH, {}), (API, bearer(console)), (API, {}), (f"{PAGE_PATH}none.js", {})):
        headers = console.raw("GET", path, given).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["../__init__.py", "%2e%2e/server.py", "..%5cserver.py", "/etc/passwd", "page", "api"])
def test_no_other_file_is_served(console, name):
    assert console.raw("GET", PAGE_PATH + name, bearer(console)).status == 404


def test_the_typed_address_leads_to_the_page_and_programs_get_what_they_got(console, bench):
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = console.raw("GET", "/", typed)
    assert (answer.status, answer.headers["Location"]) == (303, PAGE_PATH)
    assert refused(console.raw("GET", "/", {**typed, "Sec-Fetch-Site": "cross-site"}))
    assert console.raw("GET", "/", {}).status == 403
    assert bench.aws.client("s3").list_buckets()["Buckets"]


def test_a_server_without_a_page_has_none(console, bench):
    bench.aws.page = None
    try:
        assert refused(console.raw("GET", API, {**bearer(console), "Sec-Fetch-Site": "same-origin"}))
        assert console.raw("GET", PAGE_PATH, {}).status in (403, 404)
        typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert console.raw("GET", "/", typed).status == 403
    finally:
        bench.aws.page = console.page


def test_a_click_on_a_result_opens_it_and_a_script_cannot_read_it(console, bench):
    s3 = bench.aws.client("s3")
    s3.put_object(Bucket=console.bucket, Key="result/a.html", Body=b"page")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": console.bucket, "Key": "result/a.html"})
    target = link.removeprefix(bench.aws.url)
    click = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
             "Sec-Fetch-User": "?1"}  # fmt: skip
    raw = Raw(bench.aws.url)
    assert raw("GET", target, click).body == b"page"
    assert refused(raw("GET", target, {**click, "Sec-Fetch-User": ""}))
    assert refused(raw("GET", target, {**click, "Sec-Fetch-Dest": "iframe"}))
    assert refused(raw("GET", target, {**click, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}))
    assert refused(raw("GET", target, {**click, "Sec-Fetch-Site": "cross-site"}))
    assert refused(raw("GET", f"/{console.bucket}/result/a.html", click))
