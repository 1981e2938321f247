"""The site of the documentation in Chromium, opened from its folder, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import workflow_diagram
from scripts.site.__main__ import SITE, ZENSICAL, main

pytestmark = pytest.mark.slow

PAGES = ("index", "errors", "formats", "workflow", "settings", "architecture")


@pytest.fixture(scope="module")
def site() -> Path:
    if not ZENSICAL.exists():
        pytest.skip("`make docs` installs what builds the site")
    assert main() == 0
    return SITE


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_no_other_host_and_can_be_used_by_everybody(watched, site, name, scheme):
    seen = watched(color_scheme=scheme, viewport={"width": 390, "height": 844})
    seen.page.goto((site / f"{name}.html").as_uri())
    seen.page.wait_for_load_state("networkidle")
    assert seen.said == []
    assert [address for address in seen.asked if not address.startswith(("file:", "data:", "blob:"))] == []
    assert seen.violations() == ""
    wide = seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "a wide table scrolls by itself, not the page"


def test_the_search_finds_an_error_by_its_name(watched, site):
    seen = watched(viewport={"width": 1300, "height": 900})
    page = seen.page
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("MaxRunCostExceeded", delay=20)
    page.locator("a[href*='errors.html']", has_text="MaxRunCostExceeded").first.wait_for(timeout=20_000)
    page.keyboard.press("Enter")
    page.wait_for_url("**/*MaxRunCostExceeded*")
    assert page.get_by_text("MaxRunCostExceeded").first.is_visible()


def test_the_picture_of_the_workflow_is_that_of_the_definition(browser):
    """`python -m scripts.workflow_diagram` draws it anew."""
    assert workflow_diagram.PICTURE.read_text(encoding="utf-8") == workflow_diagram.drawn(browser)
