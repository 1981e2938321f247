"""The page of a real run in a browser: what the workflow wrote plays and is searched, and it asks for nothing else."""

from __future__ import annotations

import pytest

from tests.browser.test_page import now, until

pytestmark = pytest.mark.slow


@pytest.fixture
def page(watched, sample_run):
    """The page beside the other results. At the end nothing went wrong, and only the video was asked for."""
    seen = watched()
    yield seen.open(sample_run.folder / "my_video.html")
    assert seen.violations() == ""
    assert seen.said == []
    assert {url for url in seen.asked if not url.startswith("blob:")} == {
        (sample_run.folder / name).as_uri() for name in ("my_video.html", "my_video.mp4")
    }


def test_the_mp4_beside_it_plays_with_its_subtitles(page):
    until(page, "video.readyState >= 2")
    assert page.evaluate("[video.videoWidth, video.videoHeight]") == [768, 576]
    assert page.evaluate("video.duration") == pytest.approx(11, abs=0.1)
    assert page.evaluate("[video.textTracks.length, video.textTracks[0].mode]") == [1, "showing"]
    page.evaluate("video.play()")
    until(page, "video.currentTime > 0.5", 30)
    until(page, "document.querySelector('.said') !== null", 30)
    assert page.evaluate("video.error") is None


def test_a_word_that_is_said_is_found_and_leads_there(page):
    page.fill("#query", "COUNTRY")
    assert page.text_content("#matches") == "1 found"  # one cue says it twice
    assert page.locator("#cues mark").all_text_contents() == ["country", "country"]
    page.click("#next")
    assert page.text_content("#matches") == "1 of 1"
    page.locator("#cues li:has(mark) button").first.click()
    until(page, "!video.seeking && video.readyState >= 2", 30)
    assert 3 < now(page) < 11, "the country is not named before"


def test_what_is_seen_and_made_is_listed(page, sample_run):
    manifest = sample_run.json("my_video.json")
    assert set(page.locator(".track").evaluate_all("found => found.map(one => one.getAttribute('aria-label'))")) == {
        f"{name}: where it is seen" for name in manifest["detections"]["objects"]
    }
    linked = page.locator("#files a").evaluate_all("found => found.map(one => one.getAttribute('href'))")
    assert set(linked) == sample_run.files - {"my_video.html"}
    page.locator(".track").first.focus()
    page.keyboard.press("ArrowRight")
    until(page, "!video.seeking && video.readyState >= 2", 30)
