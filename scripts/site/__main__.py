"""Build the documentation as a site into build/site, and check it.

usage: python -m scripts.site

It needs no network. A link that leads nowhere, and anything that a page would load from another host, ends it with a
list.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from scripts.site import assembling, links

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
SITE = BUILD / "site"
ZENSICAL = ROOT / ".venv-docs" / "bin" / "zensical"
#: what the search needs if the site is opened from a folder; Zensical's pages load it from a server
WORKER, WORKER_ADDRESS = "assets/iframe-worker.js", "https://unpkg.com/iframe-worker/shim"


def main() -> int:
    """Build and check. Return the exit status."""
    assembling.assemble(ROOT, BUILD / "docs")
    shutil.copyfile(ROOT / "docs" / "zensical.toml", BUILD / "zensical.toml")
    shutil.rmtree(SITE, ignore_errors=True)
    command = [str(ZENSICAL), "build", "--clean", "--strict"]
    done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        return done.returncode
    bring_the_worker(SITE)
    if wrong := links.broken(SITE):
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    print(f"{SITE.relative_to(ROOT)}/index.html: {len(list(SITE.glob('*.html')))} pages")
    return 0


def bring_the_worker(site: Path) -> None:
    """Let each page load the worker from the site itself."""
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(WORKER_ADDRESS, WORKER), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
