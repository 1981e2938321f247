"""The console as people use it: many executions, several tabs, a server that goes away, uploads that are cancelled."""

from __future__ import annotations

import json
import re
import uuid
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from avflow_cli.console import of_embedded, served
from avflow_cli.console.aws import ROWS, Aws
from avflow_cli.console.server import Console
from local_aws.server import LocalAws
from tests.local.conftest import FIXTURES, Workbench
from tests.waiting import until

pytestmark = pytest.mark.slow
expect.set_options(timeout=60_000)
NAMES = ("שלום", "فيديو", "Ärger", "映画", "\u202egnp.exe")
PASS = {"Type": "Pass", "End": True}
#: what a page of another site tries with the console, even with its token; how each request went
ATTACK = """async ([console, token, arn]) => {
  const authorized = {Authorization: `Bearer ${token}`};
  const tries = [["POST", `api/stop?arn=${encodeURIComponent(arn)}`, authorized, "cors"],
    ["POST", `api/stop?arn=${encodeURIComponent(arn)}`, {}, "no-cors"],
    ["PUT", "api/upload?name=evil.mkv", authorized, "cors"], ["GET", "api/executions", authorized, "cors"]];
  const went = [];
  for (const [method, name, headers, mode] of tries) {
    const answer = await fetch(console + name, {method, headers, mode, body: method === "PUT" ? "x" : undefined})
      .catch(() => ({type: "refused"}));
    went.push(answer.type);
  }
  return went;
}"""


class Evil(SimpleHTTPRequestHandler):
    """A page of another origin on this machine."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def use(tmp_path_factory):
    state = tmp_path_factory.mktemp("aws")
    with LocalAws(FIXTURES / "code", state, cache_dir=state / "cache", lambda_concurrency=100) as aws:
        bench = Workbench(aws, [])
        definition = json.dumps({"StartAt": "P", "States": {"P": PASS}})
        machine = bench.states.create_state_machine(
            name="shown", definition=definition, roleArn=bench.outputs["RoleArn"]
        )["stateMachineArn"]
        for name in [*NAMES, *(f"film-{number:03}" for number in range(3 * ROWS))]:
            bench.states.start_execution(stateMachineArn=machine, name=name, input="{}")
        console = of_embedded(aws.url, aws.access_key, machine, bench.outputs["Bucket"])
        aws.page = console
        yield SimpleNamespace(bench=bench, console=console, address=aws.url + console.path, machine=machine)
        console.close()


@pytest.fixture
def opened(use, watched):
    """Opens the console, or one execution; at the end no script has failed."""
    seen = []

    def opened(arn=None, **options):
        seen.append(watched(**options))
        return seen[-1].open(of(use.address, arn))

    opened.seen = seen
    yield opened
    assert [said for each in seen for said in each.said if not said.startswith("Failed to load resource")] == []


def of(address, arn=None):
    return f"{address}/e/{arn}" if arn else address


def hide(page, hidden):
    """Let a page think that its tab is in the background, or not."""
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def drop(page, files):
    """Drop files; `files` is JavaScript for a list of them."""
    page.evaluate(
        f"() => {{ const dataTransfer = new DataTransfer(); for (const file of {files}) dataTransfer.items.add(file);"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true})); }"
    )


def names(page):
    return page.locator("tbody a")


# ---------------------------------------------------------------- the list
def test_pages_go_one_by_one_however_fast_one_clicks(opened):
    page = opened()
    expect(names(page)).to_have_count(ROWS)
    first = names(page).first.text_content()
    page.get_by_role("button", name="Older").dblclick()
    expect(names(page).first).to_have_text(f"film-{2 * ROWS - 1:03}")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="Newer").click()
    expect(names(page).first).to_have_text(first)
    expect(page.get_by_role("button", name="Newer")).to_be_disabled()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_is_found(opened, name):
    page = opened()
    page.get_by_label("Name contains").fill(name.lower())
    expect(names(page)).to_have_text([name])
    names(page).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_who_comes_back_from_an_execution_finds_the_list_as_it_was(opened):
    page = opened()
    page.get_by_label("Name contains").fill("film-")
    page.get_by_label("Status").select_option("succeeded")
    expect(names(page).first).to_have_text(re.compile("^film-"))
    names(page).first.click()
    expect(page.locator("#execution-status")).to_have_text("succeeded")
    page.go_back()
    expect(page.get_by_label("Name contains")).to_have_value("film-")
    expect(page.get_by_label("Status")).to_have_value("SUCCEEDED")
    expect(names(page).first).to_have_text(re.compile("^film-"))


def test_the_keyboard_goes_on_in_the_new_view(opened):
    page = opened()
    names(page).first.press("Enter")
    expect(page.locator("#execution-status")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "view"


# ---------------------------------------------------------------- the server, and other tabs
def test_tabs_in_the_background_leave_the_connections_to_the_one_that_is_seen(opened, use):
    """A browser has six connections to a server, for all tabs together."""
    page = opened()
    for _ in range(7):
        hide(page, True)
        page = page.context.new_page()
        page.goto(use.address)
        expect(names(page)).to_have_count(ROWS)


def test_a_hidden_page_is_up_to_date_when_it_is_seen_again(opened, use):
    page = opened()
    expect(names(page)).to_have_count(ROWS)
    hide(page, True)
    name = f"late-{uuid.uuid4().hex}"
    use.bench.states.start_execution(stateMachineArn=use.machine, name=name, input="{}")
    hide(page, False)
    expect(names(page).first).to_have_text(name)


def test_an_address_that_is_not_whole_is_told(opened, use):
    page = opened()
    page.evaluate("location.hash += '/e/%zz'")
    expect(page.get_by_role("alert")).to_have_text("This address is not whole.")
    page.go_back()
    expect(names(page)).to_have_count(ROWS)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_the_right_address_in_the_same_tab_mends_a_wrong_one(opened, use):
    page = opened()
    right = page.evaluate("location.hash")
    page.goto("about:blank")
    page.goto(use.address.partition("#")[0] + "#wrong")
    expect(page.get_by_role("alert")).to_contain_text("Open the one that was printed")
    page.evaluate("(right) => { location.hash = right; }", right)
    expect(names(page)).to_have_count(ROWS)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_page_reconnects_to_a_server_that_is_started_again(use, watched):
    aws = Aws(use.bench.aws.client, use.machine, use.bench.outputs["Bucket"])

    def console():
        return Console(aws, may_write=False, poll=0.2, title="a stack", token="kept" * 8)

    with served(console(), 0) as address:
        page = watched().open(address)
        expect(names(page)).to_have_count(ROWS)
    expect(page.get_by_role("alert")).to_contain_text("Does it still run?")
    name = f"new-{uuid.uuid4().hex}"
    use.bench.states.start_execution(stateMachineArn=use.machine, name=name, input="{}")
    with served(console(), int(re.search(r":(\d+)/", address)[1])):
        expect(names(page).first).to_have_text(name)
        expect(page.get_by_role("alert")).to_be_hidden()


def test_an_execution_that_another_page_redrives_runs_before_the_eyes(opened, use):
    arn = use.bench.start({"Type": "Wait", "Seconds": 3600})
    one, other = opened(arn), opened(arn)
    one.get_by_role("button", name="Stop").click()
    for page in (one, other):
        expect(page.locator("#execution-status")).to_have_text("aborted")
    one.get_by_role("button", name="Go on from the failed state").click()
    expect(one.locator("#execution-status")).to_have_text("running")
    hide(other, False)
    expect(other.locator("#execution-status")).to_have_text("running")
    use.bench.states.stop_execution(executionArn=arn)


def test_a_page_of_another_site_can_do_nothing(use, watched):
    arn = use.bench.start({"Type": "Wait", "Seconds": 3600})
    console = use.address.partition("#")[0]
    with HTTPServer(("127.0.0.1", 0), Evil) as elsewhere:
        Thread(target=elsewhere.serve_forever, daemon=True).start()
        page = watched().page
        page.goto(f"http://localhost:{elsewhere.server_port}/")
        went = page.evaluate(ATTACK, [console, use.console.token, arn])
        elsewhere.shutdown()
    assert went == ["refused", "opaque", "refused", "refused"]
    assert use.bench.states.describe_execution(executionArn=arn)["status"] == "RUNNING"
    listed = use.bench.aws.client("s3").list_objects_v2(Bucket=use.bench.outputs["Bucket"], Prefix="start/evil")
    assert listed["KeyCount"] == 0
    use.bench.states.stop_execution(executionArn=arn)


# ---------------------------------------------------------------- one execution
def test_five_thousand_events_are_shown_part_by_part(opened, use):
    items = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "J"}, "J": PASS}}
    each = {"Type": "Map", "ItemsPath": "$.n", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **items}}
    arn = use.bench.start(each, {"n": list(range(840))})
    use.bench.finish(arn)
    count = len(use.bench.history(arn))
    assert count > 5000
    page = opened(arn)
    rows = page.locator("#events tbody tr")
    for shown in range(500, count, 500):
        expect(rows).to_have_count(shown)
        page.get_by_role("button", name="More events").click()
    expect(rows).to_have_count(count)
    expect(page.get_by_role("button", name="More events")).to_be_hidden()
    assert rows.last.locator("td").first.text_content() == str(count)


def test_events_that_come_while_others_are_loaded_are_shown_too(opened, use, tmp_path):
    arn = use.bench.start(use.bench.invoke("hold", until=str(tmp_path / "go")))
    page = opened()
    answered = []

    def late(route):
        """The first answer arrives after the stream has told of later events."""
        if answered:
            route.continue_()
            return
        answered.append(route.fetch())
        (tmp_path / "go").touch()
        held.append(route)

    held = []
    page.route(re.compile(r"api/events\?"), late)
    page.goto(of(use.address, arn))
    expect(page.locator("#execution-status")).to_have_text("succeeded")
    held[0].fulfill(response=answered[0])
    expect(page.locator("#events tbody tr").last).to_contain_text("ExecutionSucceeded")
    expect(page.locator("#events tbody tr")).to_have_count(len(use.bench.history(arn)))


def test_of_the_items_of_a_map_the_one_that_failed_is_shown_first(opened, use):
    task = use.bench.invoke("tell")
    task["Parameters"]["Payload"] = {"do.$": "$.do", "id": 1}
    task |= {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}], "End": True}
    items = {"StartAt": "Item", "States": {"Item": task, "After": PASS}}
    each = {"Type": "Map", "ItemsPath": "$.n", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **items}}
    arn = use.bench.start(each, {"n": [{"do": "raise_error" if number == 2 else "tell"} for number in range(12)]})
    use.bench.finish(arn)
    page = opened(arn)
    page.get_by_role("button", name=re.compile("^Item: caught")).click()
    options = page.get_by_label("Run of the state").locator("option")
    words = {2: "caught"}
    expect(options).to_have_text([f"T {number + 1}: {words.get(number, 'succeeded')}" for number in range(12)])
    expect(page.locator("#state")).to_contain_text("PictureNotFound")


def test_a_log_has_no_colours_and_no_hidden_characters(opened, use):
    arn = use.bench.start(use.bench.invoke("tell"))
    use.bench.finish(arn)
    page = opened(arn)
    line = "\x1b[1;31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x00\x07 1%\r2%\r\n\u202eabc"
    log = {"title": "t", "group": "g", "stream": "s", "lines": [[0, line]], "parts": [], "why": ""}
    page.route(re.compile(r"api/log\?"), lambda route: route.fulfill(json=log))
    page.get_by_role("button", name=re.compile("^T: ")).click()
    page.locator("#state").get_by_text("Log", exact=True).click()
    shown = page.get_by_role("group", name="Log")
    expect(shown).to_have_text("00:00:00.000  red link ␀␇ 1%\n2%\n\u202eabc", use_inner_text=False)
    assert shown.evaluate("(element) => getComputedStyle(element).unicodeBidi") == "plaintext"


# ---------------------------------------------------------------- uploads
def test_an_upload_goes_on_beside_an_execution_and_can_be_cancelled(opened, use):
    page = opened()
    held = []
    # Playwright can't count the arguments of a method that is built in
    page.route(re.compile(r"name=first"), lambda route: held.append(route))  # noqa: PLW0108
    drop(page, "[new File(['1'], 'first.mkv'), new File(['2'], 'second.mkv'), new File(['3'], 'third.mkv')]")
    names(page).first.click()
    expect(page.locator("#execution-status")).to_be_visible()
    until(lambda: (page.wait_for_timeout(20), held)[1], "the first upload")
    page.get_by_role("button", name="Cancel second.mkv").click()
    page.get_by_role("button", name="Cancel first.mkv").click()
    rows = page.locator("#uploads li")
    expect(rows).to_contain_text([*["not stored: You have cancelled it."] * 2, "stored as start/third.mkv"])
    listed = use.bench.aws.client("s3").list_objects_v2(Bucket=use.bench.outputs["Bucket"], Prefix="start/")
    keys = {each["Key"] for each in listed["Contents"]}
    assert keys & {f"start/{name}.mkv" for name in ("first", "second", "third")} == {"start/third.mkv"}


def test_files_are_taken_in_the_view_of_an_execution_too(opened, use):
    arn = use.bench.start({"Type": "Pass"})
    page = opened(arn)
    drop(page, "[new File(['film'], 'beside.mkv'), new File([], 'empty.mkv'), new File(['x'], 'notes.txt')]")
    expect(page.locator("#uploads li")).to_contain_text(
        [f"stored as start/{name}" for name in ("beside.mkv", "empty.mkv", "notes.txt")]
    )
    expect(page.get_by_role("button", name=re.compile("^Cancel"))).to_have_count(0)
    assert opened.seen[-1].violations() == ""


def test_a_drop_does_not_replace_a_page_that_only_reads(use, watched):
    aws = Aws(use.bench.aws.client, use.machine, use.bench.outputs["Bucket"])
    with served(Console(aws, may_write=False, poll=0.5, title="a stack"), 0) as address:
        page = watched().open(address)
        default = page.evaluate(
            "() => { const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File(['x'], 'a.mkv'));"
            "const dropped = new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true});"
            "return document.body.dispatchEvent(dropped); }"
        )
        assert default is False, "the browser would open the file in place of the page"
        expect(page.locator("#uploads li")).to_have_count(0)
