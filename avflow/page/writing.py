"""Puts the page together from its parts: page.html, page.css, the scripts and the data."""

from __future__ import annotations

import base64
import hashlib
import html
from pathlib import Path
from string import Template

from avflow.page.content import PageContent

_PARTS = Path(__file__).parent
#: in one function: helpers and player, what is seen when, what is said, and what starts it all
_SCRIPTS = ("page.js", "seen.js", "said.js", "start.js")


def write(content: PageContent, target: Path) -> None:
    """Write the page.

    The page's Content Security Policy (W3C, "Content Security Policy Level 3") lets no script run but its own, by its
    hash, and lets it ask for nothing but the video. So a hostile name or transcript stays text.
    """
    style = _read("page.css")
    script = '\n"use strict";\n(async () => {\n' + "\n".join(map(_read, _SCRIPTS)) + "})();\n"
    text = Template(_read("page.html")).substitute(
        policy=html.escape(_policy(style, script)),
        title=html.escape(content.title),
        style=style,
        script=script,
        data=content.to_json(),
    )
    target.write_text(text, encoding="utf-8", errors="replace")


def _read(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            # beside the page, wherever that is, or a file that the user chose
            "media-src 'self' blob: file: http: https:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
