"""What a notebook shows of the result of `avflow.process`."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from avflow.filenames import printable

if TYPE_CHECKING:
    from avflow.api.results import Processed

#: classes, and characters of what is said
_MOST_CLASSES, _MOST_SAID = 10, 300


def summary(done: Processed) -> str:
    """HTML: a picture, what is seen and said, and links to the files.

    The picture is inside, because a notebook may lie elsewhere. Links are relative if the paths are.
    """
    parts = [f"{done.media.duration:.1f} s"]
    if done.frames:
        parts.append(f"{done.frames} frames")
    lines = [escape(", ".join(parts))]
    if done.objects:
        most = sorted(done.objects, key=lambda name: (-done.frames_with.get(name, 0), name))[:_MOST_CLASSES]
        lines.append(escape("Seen: " + ", ".join(f"{name} ({done.unique.get(name, 0)})" for name in most)))
    if done.transcription and done.transcription.text:
        text = done.transcription.text
        lines.append(escape("Said: " + printable(text[:_MOST_SAID]) + "…" * (len(text) > _MOST_SAID)))
    lines += [escape(printable(notice.message)) for notice in done.notices]
    lines.append(" · ".join(_link(path) for path in done.paths))
    return f"<div>{_picture(done.thumbnail)}{'<br>'.join(lines)}</div>"


def _picture(path: Path | None) -> str:
    try:
        content = base64.b64encode(path.read_bytes()).decode() if path else ""
    except OSError:  # removed since
        return ""
    source = f"data:image/jpeg;base64,{content}"
    return f'<img alt="" style="max-width: 320px; display: block" src="{source}">' if content else ""


def _link(path: Path) -> str:
    target = quote(path.as_posix(), errors="surrogateescape")
    target = target if path.is_absolute() else f"./{target}"  # a name may look like a scheme
    return f'<a href="{escape(target)}" target="_blank">{escape(printable(path.name))}</a>'
