"""Build a release of the commit that is checked out into build/release, and try it.

usage: python -m scripts.release [--tag]

It refuses changes without a commit, a version without an entry in CHANGELOG.md, and a version whose tag is elsewhere.
--tag makes the annotated tag at the end; otherwise the command is printed. Nothing is uploaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.release import checkout, making, packages

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "release"
WHEELS = ROOT / "build" / "wheels"
#: the tests that try a release; they find it by these variables
TRIAL = "tests/e2e/test_wheel.py"
#: a port that nobody listens on: what asks another host for something fails
NO_NETWORK = "http://127.0.0.1:9"


def try_out(release: Path, wheels: Path) -> int:
    """Install the wheel into a new environment and use it, without network. Return the exit status of the tests."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))},
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NO_NETWORK),
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "AVFLOW_RELEASE": str(release),
        "AVFLOW_RELEASE_WHEELS": str(wheels),
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", TRIAL], cwd=ROOT, env=environment, check=False
    ).returncode


def main(*arguments: str) -> int:
    """Make the release. Return the exit status."""
    try:
        checkout.check(ROOT)
        packages.fetch(ROOT, WHEELS)
        unfinished = OUT.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        print(f"building av-workflow {checkout.version(ROOT)} from {checkout.commit(ROOT)[:12]} …", flush=True)
        making.make(ROOT, unfinished)
        print("trying it in a new environment, without network …", flush=True)
        if status := try_out(unfinished, WHEELS):
            return status
        shutil.rmtree(OUT, ignore_errors=True)
        unfinished.rename(OUT)
        if "--tag" in arguments:
            checkout.make_tag(ROOT)
    except checkout.NotReleasable as error:
        print(f"av-workflow: {error}", file=sys.stderr)
        return 1
    for file in sorted(OUT.iterdir()):
        print(f"{file.relative_to(ROOT)}  {file.stat().st_size} bytes")
    tag = checkout.tag(ROOT)
    made = checkout.git(ROOT, "tag", "--list", tag)
    print(f"tagged {tag}" if made else f'to tag it: git tag -a {tag} -m "av-workflow {checkout.version(ROOT)}"')
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
