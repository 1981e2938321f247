"""A headless Chromium, and a page in it that notes what goes wrong.

`tests/conftest.py` gives these fixtures to all tests: Playwright runs only once in a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: in a container or as root, Chromium's own sandbox does not start
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # most tests need none

    path = chromium()
    if path is None:
        pytest.skip("no Chromium: scripts/chromium installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, what its console said, and the addresses that it asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, path: Path | str) -> Page:
        self.page.goto(path if isinstance(path, str) else path.as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=20_000)
        return self.page

    def violations(self) -> str:
        """What axe finds against the Web Content Accessibility Guidelines; empty if nothing."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page)
        return found.generate_report() if found.violations_count else ""


@pytest.fixture
def watched(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Opens pages; a test's keywords are Playwright's for a context."""
    contexts = []

    def watched(**options: object) -> Watched:
        context = browser.new_context(**options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.on("console", lambda message: watched.said.append(message.text))
        watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
        watched.page.on("dialog", lambda dialog: (watched.said.append(dialog.message), dialog.dismiss()))
        watched.page.on("request", lambda request: watched.asked.append(request.url))
        return watched

    yield watched
    for context in contexts:
        context.close()
