"""A real browser shows a page of another site, which tries what it can. test_pages.py has the same without a browser.

It needs playwright and a Chromium: the one of playwright, or another one that AVFLOW_CHROMIUM names or that is on PATH.
"""

import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.slow

#: what the page does; each attempt returns what it has read
ATTEMPTS = """
async ([url, bucket]) => {
  const said = {}, jsonType = {'Content-Type': 'application/x-amz-json-1.0'};
  const attempt = async (name, act) => { try { said[name] = await act() } catch (error) { said[name] = 'refused' } };
  const text = async (path, options) => (await (await fetch(url + path, options)).text());
  const create = JSON.stringify({name: 'evil', roleArn: 'arn:aws:iam::123456789012:role/r',
    definition: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'});
  const target = {...jsonType, 'X-Amz-Target': 'AWSStepFunctions.CreateStateMachine'};
  await attempt('fetch', () => text('/', {method: 'POST', headers: target, body: create}));
  await attempt('read', () => text(`/${bucket}/secret`));
  await attempt('delete', () => text(`/${bucket}/secret`, {method: 'DELETE'}));
  await attempt('put', () => text(`/${bucket}/evil`, {method: 'PUT', body: 'x'}));
  await attempt('credentials', () => text(`/${bucket}`, {credentials: 'include'}));
  await attempt('moto', () => text('/moto-api/data.json'));
  const form = new URLSearchParams({Action: 'CreateQueue', QueueName: 'evil'});
  for (const [name, body] of [['text', create], ['form', form], ['blob', new Blob([create])],
                              ['multipart', new FormData()]])
    await attempt('no-cors ' + name, async () =>
      (await (await fetch(url + `/${bucket}?delete`, {method: 'POST', mode: 'no-cors', body})).text()));
  await attempt('reset', () => text('/moto-api/reset', {method: 'POST', mode: 'no-cors'}));
  await attempt('beacon', async () => { navigator.sendBeacon(url + `/${bucket}/beacon`, create); return '' });
  for (const [tag, key] of [['img', 'src'], ['script', 'src'], ['video', 'src'], ['iframe', 'src'], ['link', 'href']])
    await attempt(tag, () => new Promise(resolve => {
      const element = document.createElement(tag);
      if (tag === 'link') element.rel = 'stylesheet';
      element.onload = () => resolve(tag === 'iframe' ? '' : 'loaded'); element.onerror = () => resolve('refused');
      element[key] = url + `/${bucket}/picture.png`; document.body.append(element);
      setTimeout(() => resolve('nothing'), 3000);
    }));
  await attempt('websocket', () => new Promise(resolve => {
    const socket = new WebSocket(url.replace('http', 'ws') + '/');
    socket.onopen = () => resolve('open'); socket.onerror = () => resolve('refused');
  }));
  await attempt('events', () => new Promise(resolve => {
    const source = new EventSource(url + `/${bucket}`);
    source.onopen = () => resolve('open'); source.onerror = () => { source.close(); resolve('refused') };
  }));
  return said;
}
"""
FORM = """
([url, kind]) => {
  const form = document.createElement('form');
  Object.assign(form, {method: 'POST', action: url, enctype: kind});
  form.innerHTML = '<input name="Action" value="CreateQueue"><input name="QueueName" value="evil">';
  document.body.append(form); form.submit();
}
"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another site</title><body>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page():
    """A page of another site in a browser; `rebound.example` is a name that leads to this machine."""
    found = os.environ.get("AVFLOW_CHROMIUM") or shutil.which("chromium")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with playwright.sync_playwright() as play:
        try:
            rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
            browser = play.chromium.launch(executable_path=found, args=["--no-sandbox", rules])
        except playwright.Error as error:
            pytest.skip(f"there is no Chromium: {str(error).splitlines()[0]}")
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{server.server_port}/")
        yield opened
        browser.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def guarded(bench):
    """What a page might change is as before after the test."""
    s3, sqs, bucket = bench.aws.client("s3"), bench.aws.client("sqs"), bench.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key="secret", Body=b"secret content")
    s3.put_object(Bucket=bucket, Key="picture.png", Body=b"not a picture", ContentType="image/png")

    def state():
        keys = {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
        machines = {machine["name"] for machine in bench.states.list_state_machines()["stateMachines"]}
        return keys, machines, set(sqs.list_queues()["QueueUrls"]), len(s3.list_buckets()["Buckets"])

    before = state()
    yield bucket
    assert state() == before


def test_a_page_of_another_site_gets_nothing(bench, page, guarded):
    said = page.evaluate(ATTEMPTS, [bench.aws.url, guarded])
    assert len(said) == 19
    assert {name: text for name, text in said.items() if text not in ("refused", "", "nothing")} == {}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_a_form_of_another_site_gets_nothing(bench, page, guarded, kind):
    home = page.url
    with page.expect_navigation() as navigation:
        page.evaluate(FORM, [bench.aws.url + "/", kind])
    assert navigation.value.status == 403
    page.goto(home)


def test_a_rebound_name_gets_nothing(bench, page, guarded):
    """A page whose own name leads to 127.0.0.1 after it was loaded: its requests are of the same origin."""
    home, port = page.url, bench.aws.url.rpartition(":")[2]
    answer = page.goto(f"http://evil.example:{port}/{guarded}/secret")
    assert answer.status == 403
    said = page.evaluate(ATTEMPTS, [f"http://evil.example:{port}", guarded])
    assert not [name for name, text in said.items() if "secret content" in text or text in ("open", "loaded")]
    page.goto(home)


def test_an_address_that_the_user_types_needs_a_signature(bench, page, guarded):
    home = page.url
    assert page.goto(f"{bench.aws.url}/{guarded}/secret").status == 403
    s3 = bench.aws.client("s3")
    s3.put_object(Bucket=guarded, Key="secret", Body=b"secret content", ContentType="text/plain")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": guarded, "Key": "secret"})
    assert page.goto(url).text() == "secret content"
    page.goto(home)
