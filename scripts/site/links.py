"""Checks the site that was built: what a link leads to is there, and no page loads anything from another host."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: elements that load what their attribute names, by themselves
_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
#: links that name a page, and load nothing
_NAMES = ("canonical", "next", "prev")


class _Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element names."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if "mermaid" in found.get("class", "").split():
            self.loads.append("https://unpkg.com/mermaid")  # the theme, to draw it
        if _LOADS.get(tag) in found and found.get("rel") not in _NAMES:
            self.loads.append(found[_LOADS[tag]])


def broken(site: Path) -> list[str]:
    """A sentence for each link that leads nowhere, and for each thing that a page loads from another host."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    wrong = []
    for path, page in pages.items():
        shown = path.relative_to(site)
        for address in page.loads:
            if urlsplit(address).netloc:
                wrong.append(f"{shown} loads {address} from another host")
            elif not _file(site, path, address).exists():
                wrong.append(f"{shown} loads {address}, which is not there")
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = _file(site, path, address)
            if not target.exists():
                wrong.append(f"{shown} links to {address}, which is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                wrong.append(f"{shown} links to {address}, which has no such heading")
    return wrong


def _file(site: Path, page: Path, address: str) -> Path:
    """The file that an address on a page names."""
    path = unquote(urlsplit(address).path)
    if not path:
        return page
    found = site / path.lstrip("/") if path.startswith("/") else page.parent / path
    found = found.resolve()
    return found / "index.html" if found.is_dir() else found
