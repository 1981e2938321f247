"""Draw docs/workflow.svg: the graph of the state machine, by the code that draws it in the console.

usage: python -m scripts.workflow_diagram

It shows what a run without errors passes, and where it goes if a step is too large for Lambda. It needs a Chromium
(`scripts/chromium`). The layout depends on no font, so the same definition always gives the same file.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, sync_playwright

from scripts.workflow_page import level
from tests.browser.chromium import chromium

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "workflow.svg"
_PAGE = ROOT / "avflow_cli" / "console" / "page"

#: on a ground of its own, because pages are light or dark
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1b1f24; }
.small { font-size: 11px; fill: #57606a; }
.edge { fill: none; stroke: #57606a; stroke-width: 1.3; }
.edge.catch { stroke-dasharray: 4 3; stroke: #9a6700; }
.tip, .end { fill: #57606a; }
.frame { fill: none; stroke: #8c959f; stroke-width: 1.5; }
.node rect { fill: #eef2f6; stroke: #8c959f; stroke-width: 1.5; }
"""
_LABEL = "The states of a run without errors, as the console draws them"
_DRAW = """async (level) => {
  const {StateGraph} = await import("/graph.js");
  const graph = new StateGraph(level, () => {});
  graph.show(new Set(), false);
  return new XMLSerializer().serializeToString(graph.svg);
}"""


def drawn(browser: Browser) -> str:
    """The picture, as SVG."""
    handler = partial(_Quiet, directory=str(_PAGE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            svg = _in_browser(browser, f"http://127.0.0.1:{server.server_port}/dagre.LICENSE.txt", asdict(level()))
        finally:
            server.shutdown()
    head, _, rest = svg.partition(">")
    head = re.sub(r' (?:role|aria-label|width|height)="[^"]*"', "", head)
    body = re.sub(r' (?:tabindex|role|aria-pressed|aria-label|lengthAdjust)="[^"]*"', "", rest)
    body = re.sub("><(g|path)", r">\n<\1", body)
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} role="img" aria-label="{_LABEL}"><style>{_STYLE}</style>{ground}{body}\n'


def _in_browser(browser: Browser, address: str, graph: dict[str, object]) -> str:
    page = browser.new_page()
    try:
        page.goto(address)
        return str(page.evaluate(_DRAW, graph))
    finally:
        page.close()


class _Quiet(SimpleHTTPRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Write the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        PICTURE.write_text(drawn(browser), encoding="utf-8")
        browser.close()


if __name__ == "__main__":
    main()
