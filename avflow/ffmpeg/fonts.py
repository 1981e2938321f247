"""How FFmpeg finds the fonts with which it draws subtitles.

`imageio-ffmpeg`'s FFmpeg has a fontconfig of its own, without the system's configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

#: the name by which subtitles ask for a font, and the families that it means, the best first
FAMILY = "avflow"
_FAMILIES = ("Noto Sans", "DejaVu Sans", "Liberation Sans", "Arial", "Helvetica Neue", "Roboto", "Droid Sans Fallback")


def configuration(fonts: Iterable[Path], cache: Path) -> str:
    """The configuration of fontconfig (fonts-conf(5)) with these folders. It keeps its lists in the folder `cache`."""
    found = "".join(f"<dir>{escape(str(folder))}</dir>" for folder in fonts)
    families = "".join(f"<family>{name}</family>" for name in _FAMILIES)
    return (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n'
        f"<fontconfig>{found}<cachedir>{escape(str(cache))}</cachedir>"
        f"<alias><family>{FAMILY}</family><prefer>{families}</prefer></alias></fontconfig>\n"
    )
