"""The result page in a real browser: it plays, jumps and searches, and hostile text stays text."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest

from avflow.page import ClassRow, PageContent, PageCue, PageFile, PageStep, Presence, write
from avflow.speech.transcript import Word

pytestmark = pytest.mark.slow
FRAMES, RATE = 250, 25
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028 ${1} $data"
SAID = ("Hello and welcome.", "Ça va très bien!", "שלום עולם", "你好世界", HOSTILE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of H.264 in an MP4 whose brightness tells the second."""
    folder = tmp_path_factory.mktemp("page")
    with av.open(str(folder / "my video #1.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(FRAMES):
            picture = np.full((48, 64, 3), 20 * (number // RATE), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return folder


def content(**changes: object) -> PageContent:
    presence = Presence(FRAMES)
    for number in range(FRAMES):
        presence.add(
            number, ["dog"] * (50 <= number < 100) + ["car", "car"] * (number >= 200) + ["car"] * (number < 25)
        )
    cues = []
    for second, text in enumerate(SAID):
        words = tuple(
            Word(2 * second + i / 5, 2 * second + i / 5 + 0.2, word) for i, word in enumerate(text.split(" "))
        )
        cues.append(PageCue(2 * second, 2 * second + 1.9, text, words))
    made = PageContent(
        title="my video #1.mkv",
        video="my video #1.mp4",
        duration=FRAMES / RATE,
        size=(64, 48),
        frame_rate=float(Fraction(RATE)),
        language="en",
        presence=presence,
        classes=[ClassRow("dog", 50, 50, 1), ClassRow("car", 125, 75, 3)],
        listened=True,
        cues=cues,
        steps=[PageStep("ffmpeg", None, "Lambda, 3008 MB", 3.21), PageStep("yolov3", 0, "Batch, 1 GPU", 30)],
        cost=0.0123,
        cost_of="AWS's seconds",
        warnings=["Truncated: 3 s of the video are missing."],
        files=[PageFile("my video #1.avi", "the annotated video", 1_234_567)],
    )
    return replace(made, **changes)


@pytest.fixture
def opened(folder, watched):
    """Writes a page beside the video, opens it, and checks at the end that nothing went wrong."""
    seen = []

    def opened(made: PageContent | None = None, **options: object):
        path = folder / "my video #1.html"
        write(made or content(), path)
        seen.append(watched(**options))
        return seen[-1], seen[-1].open(path)

    yield opened
    for each in seen:
        assert each.said == []
        assert {url for url in each.asked if not url.startswith("blob:")} <= {
            (folder / name).as_uri() for name in ("my video #1.html", "my video #1.mp4")
        }


def now(page) -> float:
    return page.evaluate("video.currentTime")


def until(page, condition: str, seconds: float = 15) -> None:
    """Wait for a condition in JavaScript. The page's policy forbids Playwright's own way to do so, an `eval`."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def test_it_plays_with_subtitles_and_lights_the_word(opened):
    _, page = opened()
    until(page, "video.readyState >= 2")
    assert page.evaluate("[video.videoWidth, video.videoHeight, Math.round(video.duration)]") == [64, 48, 10]
    assert page.evaluate("[video.textTracks.length, video.textTracks[0].mode, video.textTracks[0].cues.length]") == [
        1, "showing", len(SAID),
    ]  # fmt: skip
    page.evaluate("video.play()")
    until(page, "document.querySelector('.said')?.textContent === 'welcome.'")
    assert page.text_content("[aria-current] span") == SAID[0]
    assert 0.3 < now(page) < 2


def test_without_times_of_words_it_lights_the_cue(opened):
    _, page = opened(content(cues=[replace(cue, words=()) for cue in content().cues]))
    until(page, "video.readyState >= 2")
    page.evaluate("video.play()")
    until(page, "document.querySelector('[aria-current]')")
    assert page.text_content("[aria-current] span") == SAID[0]
    assert page.query_selector(".said") is None
    lit = "[...document.querySelectorAll('.cue')].map((cue) => getComputedStyle(cue).boxShadow !== 'none')"
    assert page.evaluate(lit) == [True] + [False] * (len(SAID) - 1)


def test_a_click_on_what_is_seen_and_said_jumps_there(opened):
    _, page = opened()
    page.click("#cues li:nth-child(2) button")
    assert now(page) == 2
    tracks = page.locator(".track")
    assert [each.get_attribute("aria-label") for each in tracks.all()] == [
        "car: where it is seen", "dog: where it is seen",
    ]  # fmt: skip
    box = tracks.nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.201, box["y"] + 5)
    assert now(page) == pytest.approx(2, abs=0.06)
    assert tracks.nth(1).get_attribute("aria-valuetext") == "0:02, seen"
    tracks.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert now(page) == pytest.approx(8, abs=0.05), "the car comes back at 8 s"
    page.keyboard.press("ArrowLeft")
    assert now(page) == pytest.approx(0, abs=0.05)
    painted = """(canvas) => {
      const data = canvas.getContext("2d").getImageData(0, canvas.height - 1, canvas.width, 1).data;
      return [0.05, 0.15, 0.5, 0.9].map((at) => data[4 * Math.floor(at * canvas.width) + 3] > 0);
    }"""
    assert tracks.nth(0).locator("canvas").evaluate(painted) == [True, False, False, True]


def test_the_search_finds_any_script_and_goes_from_match_to_match(opened):
    _, page = opened()
    for query, found in (
        ("WELCOME", ["welcome"]),
        ("tres", ["très"]),
        ("עולם", ["עולם"]),
        ("世界", ["世界"]),
        ("zzz", []),
    ):
        page.fill("#query", query)
        assert page.text_content("#matches") == f"{len(found)} found"
        assert page.locator("#cues mark").all_text_contents() == found
    page.fill("#query", "e")
    count = int(page.text_content("#matches").split()[0])
    page.click("#next")
    assert page.text_content("#matches") == f"1 of {count}"
    page.press("#query", "Enter")
    assert page.text_content("#matches") == f"2 of {count}"
    page.click("#previous")
    page.click("#previous")
    assert page.text_content("#matches") == f"{count} of {count}"
    page.fill("#query", "")
    assert page.locator("#cues mark").count() == 0


def test_hostile_names_and_transcripts_stay_text(opened):
    made = content(
        title=HOSTILE,
        warnings=[HOSTILE],
        classes=[ClassRow(HOSTILE, 1, 1), ClassRow("dog", 50, 50)],
        files=[PageFile("javascript:alert(3)", HOSTILE)],
        steps=[PageStep(HOSTILE, None, HOSTILE, 1)],
    )
    _, page = opened(made)
    assert page.title().split() == HOSTILE.split()
    assert page.text_content("h1") == HOSTILE
    assert page.text_content("#warnings li") == HOSTILE
    assert page.text_content("#cues li:last-child span") == HOSTILE
    assert page.locator("main img, main script, #files img").count() == 0
    page.click("#cues li:last-child button")
    link = page.locator("#files a")
    assert (link.text_content(), link.get_attribute("href")) == ("javascript:alert(3)", "javascript%3Aalert(3)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [(1280, 900), (360, 740)])
def test_it_is_accessible_in_light_and_dark_and_on_a_phone(opened, scheme, viewport):
    seen, page = opened(color_scheme=scheme, viewport=dict(zip(("width", "height"), viewport, strict=True)))
    page.click("#cues li:nth-child(1) button")
    page.fill("#query", "e")
    assert seen.violations() == ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"


def test_all_of_it_works_without_a_mouse(opened):
    _, page = opened()
    names = []
    for _ in range(40):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"video", "track", "query", "previous", "next", "follow", "cue"} <= set(names)


def test_a_video_that_is_not_beside_the_page_can_be_chosen(opened, folder, tmp_path):
    (tmp_path / "elsewhere.mp4").write_bytes((folder / "my video #1.mp4").read_bytes())
    page_file = tmp_path / "alone.html"
    write(content(video="missing.mp4"), page_file)
    seen, page = opened()
    page.goto(page_file.as_uri())
    page.wait_for_selector("#choose:not([hidden])")
    assert "missing.mp4" in page.text_content("#choose-why")
    page.set_input_files("#file", tmp_path / "elsewhere.mp4")
    until(page, "video.readyState >= 2")
    assert page.locator("#choose").is_hidden()
    seen.said.clear()  # that the file is missing
    seen.asked.clear()


def test_audio_alone_has_its_transcript_and_no_objects(opened):
    _, page = opened(content(video=None, size=None, frame_rate=None, presence=None, classes=[]))
    assert page.locator("#objects").is_hidden()
    assert page.locator("#counts").is_hidden()
    assert page.locator("#cues li").count() == len(SAID)
    assert "has no video" in page.text_content("#choose-why")


def test_burnt_subtitles_are_not_shown_twice(opened):
    _, page = opened(content(burnt=True))
    until(page, "video.readyState >= 2")
    assert page.evaluate("video.textTracks.length") == 0
    assert page.locator("#cues li").count() == len(SAID), "the transcript is there all the same"


def test_a_silent_video_has_no_transcript(opened):
    _, page = opened(content(cues=[]))
    assert page.locator("#speech").is_hidden()
    assert page.locator(".track").count() == 2
    assert page.text_content("#facts").endswith("· no speech found")


def test_it_says_so_if_nothing_is_found(opened):
    _, page = opened(content(presence=Presence(FRAMES), classes=[], cues=[], listened=False))
    assert page.locator("#objects").is_hidden()
    assert page.text_content("#facts") == "0:10 · 64 × 48 · 25 frames/s · no objects found"


def test_ten_hours_with_a_hundred_objects_open_within_two_seconds(opened):
    seconds = 36_000
    presence = Presence(seconds * 25)
    names = [f"class {number}" for number in range(80)]
    chosen = np.random.default_rng(1).integers(0, 80, (seconds, 100))
    for second in range(seconds):  # the page knows bins of one second: one frame of each fills them
        presence.add(second * 25, [names[number] for number in chosen[second]])
    cues = [
        PageCue(start, start + 2.3, f"cue {start} of a long talk about nothing at all", ())
        for start in np.arange(0, seconds, 2.4).tolist()
    ]
    made = content(duration=float(seconds), presence=presence, cues=cues,
                   classes=[ClassRow(name, 1000, 1000, 10) for name in names])  # fmt: skip
    _, page = opened(made)
    assert page.locator("#cues li").count() == 15_000
    assert page.locator(".track").count() == 80
    milliseconds = int(page.get_attribute("html", "data-ready"))
    print(f"ready after {milliseconds} ms")
    assert milliseconds < 10_000, "2 000 on a quiet machine: this is the bound of a slow and busy one"


def test_presigned_links_play_and_only_those_of_the_pages_own_host(folder, watched, s3, bucket):
    """As docs/results.md makes them: the address of the page, and behind it that of the video."""
    write(content(), folder / "my video #1.html")
    types = {"html": "text/html; charset=utf-8", "mp4": "video/mp4"}
    links = {}
    for suffix, kind in types.items():
        key = f"result/my video #1.{suffix}"
        s3.upload_file(str(folder / f"my video #1.{suffix}"), bucket, key, ExtraArgs={"ContentType": kind})
        links[suffix] = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    shared = watched()
    page = shared.open(f"{links['html']}#video={quote(links['mp4'], safe='')}")
    until(page, "video.readyState >= 2")
    page.click("#cues li:nth-child(3) button")
    until(page, "Math.round(video.currentTime) === 4 && !video.seeking")
    assert shared.said == []
    assert set(shared.asked) == set(links.values())
    foreign = watched()
    page = foreign.open(f"{links['html']}#video={quote('http://example.com/other.mp4', safe='')}")
    page.wait_for_selector("#choose:not([hidden])")
    assert not [url for url in foreign.asked if "example.com" in url]
