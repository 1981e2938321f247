"""The console in a real browser, on executions of the project's state machine on the embedded AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from avflow_cli.console import of_embedded, served
from avflow_cli.console.aws import Aws
from avflow_cli.console.server import Console
from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws
from tests.waiting import PATIENCE_SECONDS, until
from tests.workflow.harness import ROOT, TEMPLATE, Workflow

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>.mkv"
REPORTED = "result/reported"
SPOT_TOOK_IT = "Host EC2 (instance i-0123456789abcdef0) terminated."
expect.set_options(timeout=60_000)


@dataclass(frozen=True)
class Runs:
    """The embedded AWS, its console, and three finished executions."""

    workflow: Workflow
    console: Console
    moved: str
    failed: str

    @property
    def address(self) -> str:
        return self.workflow.aws.url + self.console.path


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[Runs]:
    attempts, state = tmp_path_factory.mktemp("attempts"), tmp_path_factory.mktemp("aws")
    with LocalAws(
        ROOT, state, cache_dir=state / "cache", batch_jobs_at_once=8, lambda_concurrency=1000, functions_at_once=8
    ) as aws:
        outputs = deploy(aws, TEMPLATE, {"Attempts": str(attempts)}, "scripted")
        workflow = Workflow(aws, outputs["Bucket"], outputs["StateMachine"], attempts)
        console = of_embedded(aws.url, aws.access_key, workflow.state_machine, workflow.bucket)
        aws.page = console
        script = {"ffmpeg": {"lambda": ["LambdaBudgetExceeded"]}, "audio2srt-0": {"lambda": ["StorageUnavailable"]}}
        moved = workflow.start(script, spans=[False, True, False], segments=3, key=f"start/{HOSTILE}")
        failed = workflow.start({"ffmpeg": {"lambda": ["NotAMediaFile"]}}, base=REPORTED)
        assert workflow.finish(moved).status == "SUCCEEDED"
        assert workflow.finish(failed).status == "FAILED"
        yield Runs(workflow, console, moved, failed)
        console.close()


@pytest.fixture
def opened(runs, watched):
    """Opens the console's list, or an execution. At the end, nothing went wrong, and nobody else was asked."""
    seen = []

    def opened(arn: str | None = None, **options):
        seen.append(watched(**options))
        page = seen[-1].open(runs.address)
        if arn:
            page.get_by_role("link", name=name_of(arn)).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(name_of(arn))
        return page

    opened.seen = seen
    yield opened
    for each in seen:
        assert each.said == []
        assert not [url for url in each.asked if not url.startswith(f"{runs.workflow.aws.url}/_console/")]
        assert not [url for url in each.asked if runs.console.token in url.partition("#")[0]]


def name_of(arn):
    return arn.rpartition(":")[2]


def node(page, state):
    return page.get_by_role("button", name=re.compile(f"^{state}: "))


def choose(page, state):
    """Open a state in the panel."""
    node(page, state).click()
    expect(page.locator("#state h2")).to_have_text(state)
    return page.locator("#state")


def shows(page, state, status, text=""):
    expect(node(page, state)).to_have_class(f"node {status}")
    expect(node(page, state)).to_contain_text(text)


def test_a_fallback_a_retry_a_map_and_an_array_are_seen_as_they_are(opened, runs):
    page = opened(runs.moved)
    shows(page, "FFmpeg", "caught")
    shows(page, "FFmpegOnBatch", "succeeded")
    shows(page, "Analyse", "succeeded")
    shows(page, "EachSpan", "succeeded", "3 of 3 items")
    shows(page, "Audio2srt", "succeeded", "2 times · 2 tries")
    shows(page, "Audio2srtOnBatch", "succeeded")
    shows(page, "NoSound", "idle")
    expect(page.locator("#execution-status")).to_have_text("succeeded")
    panel = page.locator("#state")
    choose(page, "FFmpeg")
    expect(panel).to_contain_text("LambdaBudgetExceeded")
    expect(panel).to_contain_text("ffmpeg failed as planned")
    panel.get_by_text("Log", exact=True).click()
    expect(panel.get_by_role("group", name="Log")).to_contain_text("START RequestId")
    choose(page, "Audio2srt")
    panel.get_by_label("Run of the state").select_option("EachSpan 1".join(["Analyse, ", ": succeeded"]))
    expect(panel).to_contain_text("2 (1 repeated)")
    expect(panel.get_by_role("region", name="Try 1 of 2: Lambda invoke")).to_contain_text("StorageUnavailable")
    choose(page, "Yolov3")
    panel.get_by_text("Log", exact=True).click()
    parts = panel.get_by_label("Part of the array job").locator("option")
    expect(parts).to_have_text([f"part {number}: succeeded" for number in (1, 2, 3)])
    panel.get_by_label("Part of the array job").select_option("2")
    expect(panel).to_contain_text(re.compile(r"AWS Batch job [\w-]+:2"))


def test_each_state_has_its_input_and_output_and_each_event_its_details(opened, runs):
    page = opened(runs.moved)
    choose(page, "ReadMedia")
    panel = page.locator("#state")
    panel.get_by_text("Output", exact=True).click()
    shown = json.loads(panel.get_by_role("group", name="Output").text_content())
    history = runs.workflow.finish(runs.moved).events
    left = [e["stateExitedEventDetails"] for e in history if "stateExitedEventDetails" in e]
    assert shown == next(json.loads(each["output"]) for each in left if each["name"] == "ReadMedia")
    rows = page.locator("#events tbody tr")
    expect(rows).to_have_count(len(history))
    assert [row.locator("td").nth(2).text_content() for row in rows.all()] == [event["type"] for event in history]
    page.get_by_role("button", name="Details of event 2", exact=True).click()
    expect(page.get_by_role("group", name="Event 2", exact=True)).to_contain_text('"name": "SourceFitsLambda"')


def test_a_failure_names_its_error_and_the_states_that_led_there(opened, runs):
    page = opened(runs.failed)
    expect(page.locator("#execution-status")).to_have_text("failed")
    expect(page.locator("#view dl").first).to_contain_text("NotAMediaFile")
    shows(page, "FFmpeg", "caught")
    shows(page, "ReportFailure", "succeeded")
    shows(page, "Merge", "idle")
    expect(node(page, "FFmpegNeverStarted")).to_have_count(0)
    page.get_by_label("States for errors, too").check()
    shows(page, "FFmpegNeverStarted", "idle")
    shows(page, "FFmpeg", "caught")
    choose(page, "FFmpegNeverStarted")
    expect(page.locator("#state")).to_contain_text("this execution has not entered it")
    expect(page.locator("#results")).to_contain_text("reported.error.json")


def test_a_running_execution_changes_before_the_eyes(opened, runs):
    arn = runs.workflow.start({"yolov3": {"batch": ["hold"]}})
    page = opened(arn)
    shows(page, "Yolov3", "running")
    choose(page, "Yolov3")
    expect(page.locator("#state .status")).to_have_text("running")
    expect(node(page, "Yolov3OnDemand")).to_have_count(0)
    runs.workflow.end_job(arn, SPOT_TOOK_IT)
    shows(page, "Yolov3", "caught")
    shows(page, "Yolov3OnDemand", "succeeded")
    expect(page.locator("#state .status")).to_have_text("caught")
    expect(page.locator("#execution-status")).to_have_text("succeeded")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    count = len(runs.workflow.finish(arn).events)
    expect(page.locator("#events tbody tr")).to_have_count(count)


def test_stop_and_go_on(opened, runs):
    arn = runs.workflow.start({"yolov3": {"batch": ["hold"]}})
    page = opened(arn)
    shows(page, "Yolov3", "running")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#execution-status")).to_have_text("aborted")
    until(lambda: runs.workflow.states.describe_execution(executionArn=arn)["status"] == "ABORTED")
    page.get_by_role("button", name="Go on from the failed state").click()
    expect(page.locator("#execution-status")).to_have_text("succeeded", timeout=1000 * PATIENCE_SECONDS)
    assert runs.workflow.states.describe_execution(executionArn=arn)["redriveCount"] == 1


def test_the_list_filters_and_is_live(opened, runs):
    page = opened()
    names = page.locator("tbody a")
    expect(names.filter(has_text=name_of(runs.failed))).to_have_count(1)
    page.get_by_label("Status").select_option("failed")
    expect(names.filter(has_text=name_of(runs.moved))).to_have_count(0)
    expect(names.filter(has_text=name_of(runs.failed))).to_have_count(1)
    page.get_by_label("Status").select_option("all")
    page.get_by_label("Name contains").fill(name_of(runs.moved).upper())
    expect(names).to_have_text([name_of(runs.moved)])
    page.get_by_label("Name contains").fill("no such name")
    expect(page.get_by_text("There are no such executions.")).to_be_visible()
    page.get_by_label("Name contains").fill("")
    expect(names.filter(has_text=name_of(runs.moved))).to_have_count(1)
    arn = runs.workflow.start({}, sound=False)
    expect(names.first).to_have_text(name_of(arn))
    runs.workflow.finish(arn)
    expect(page.locator("tbody tr").first.locator(".status")).to_have_text("succeeded")


def test_videos_are_dropped_or_chosen(opened, runs, tmp_path):
    page = opened()
    files = [tmp_path / "a film.mkv", tmp_path / "<b onclick=x>.mkv"]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 3_000_000)
    page.set_input_files("#files", files)
    expect(page.locator("#uploads li")).to_contain_text([f"stored as start/{file.name}" for file in files])
    dropped = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['dropped'], 'dropped.mkv')); return data; }"
    )
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(page.locator("#uploads li").last).to_contain_text("stored as start/dropped.mkv")
    s3 = runs.workflow.aws.client("s3")

    def stored(name):
        return s3.get_object(Bucket=runs.workflow.bucket, Key=f"start/{name}")["Body"].read()

    assert [stored(file.name) for file in files] == [file.read_bytes() for file in files]
    assert stored("dropped.mkv") == b"dropped"


def test_a_result_opens_in_a_tab_of_its_own_that_knows_nothing_of_the_console(opened, runs):
    page = opened(runs.failed)
    with page.context.expect_page() as popup:
        page.get_by_role("link", name="reported.error.json").click()
    tab = popup.value
    tab.wait_for_load_state()
    assert json.loads(tab.evaluate("document.body.innerText"))["error"] == "NotAMediaFile"
    assert tab.evaluate("[opener, sessionStorage.length, localStorage.length, document.referrer]") == [None, 0, 0, ""]
    refused = "fetch('/_console/api/account').then((answer) => answer.status)"
    assert tab.evaluate(refused) in (401, 403)


def test_the_state_that_was_chosen_last_is_shown_however_late_the_others_come(opened, runs):
    page = opened(runs.moved)
    held = []
    page.route(re.compile(r"api/state\?"), lambda route: held.append(route) if not held else route.continue_())
    node(page, "FFmpeg").click()
    until(lambda: (page.wait_for_timeout(20), held)[1], "the first request")
    choose(page, "ReadMedia")
    with page.expect_response(re.compile(r"api/state\?")):
        held[0].continue_()
    page.evaluate("() => new Promise((done) => setTimeout(done, 200))")  # what is wrong would show by now
    assert page.locator("#state h2").text_content() == "ReadMedia"


def test_hostile_text_stays_text(opened, runs):
    page = opened(runs.moved)
    page.locator("#view > section").get_by_text("Input", exact=True).click()
    expect(page.get_by_role("group", name="Input")).to_contain_text(HOSTILE)
    choose(page, "ReadMedia")
    page.locator("#state").get_by_text("Input", exact=True).click()
    expect(page.locator("#state").get_by_role("group", name="Input")).to_contain_text(HOSTILE)
    assert page.locator("main img, main script").count() == 0


def test_all_of_it_works_without_a_mouse(opened, runs):
    page = opened(runs.moved)
    expect(node(page, "FFmpeg")).to_have_class("node caught")
    for _ in range(60):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.getAttribute('aria-label')") or "").startswith("FFmpeg: "):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#state-title")).to_have_text("FFmpeg")
    expect(node(page, "FFmpeg")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [(1280, 900), (360, 740)])
def test_it_is_accessible_in_light_and_dark_and_on_a_phone(opened, runs, scheme, viewport):
    size = dict(zip(("width", "height"), viewport, strict=True))
    page = opened(color_scheme=scheme, viewport=size)
    expect(page.locator("tbody tr").first).to_be_visible()
    assert opened.seen[-1].violations() == ""
    page.get_by_role("link", name=name_of(runs.moved)).click()
    choose(page, "Yolov3")
    page.locator("#state").get_by_text("Log", exact=True).click()
    expect(page.get_by_label("Part of the array job")).to_be_visible()
    page.get_by_label("States for errors, too").check()
    assert opened.seen[-1].violations() == ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"


def test_a_wrong_token_is_told_and_shows_nothing(runs, watched):
    page = watched().open(f"{runs.workflow.aws.url}/_console/#wrong")
    expect(page.get_by_role("alert")).to_contain_text("Open the one that was printed")
    assert page.locator("#view").inner_text() == ""


def test_a_console_that_only_reads_offers_nothing_else(runs, watched):
    aws = Aws(runs.workflow.aws.client, runs.workflow.state_machine, runs.workflow.bucket)
    with served(Console(aws, may_write=False, poll=0.5, title="a stack"), 0) as address:
        page = watched().open(address)
        expect(page.locator("#account")).to_have_text("a stack, read only")
        expect(page.locator("#files")).to_have_count(0)
        page.get_by_role("link", name=name_of(runs.failed)).click()
        shows(page, "FFmpeg", "caught")
        expect(page.get_by_role("button", name=re.compile("^(Stop|Go on|Process)"))).to_have_count(0)
