"""All files of a release in one folder."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from scripts.release import bill, checkout, packages


def make(root: Path, out: Path) -> None:
    """Write all files of a release of the commit into an empty folder.

    Raises
    ------
    checkout.NotReleasable
    """
    version, epoch = checkout.version(root), checkout.epoch(root)
    sources = out / f"av-workflow-{version}-sources.tar.gz"
    with tempfile.TemporaryDirectory() as folder:
        packages.export(root, sources, version, epoch)
        tree = packages.unpack(sources, Path(folder, "tree"))
        built = Path(folder, "built")
        built.mkdir()
        source, wheel = packages.build(tree, built, epoch)
        packages.check(wheel)
        for file in (source, wheel):
            shutil.move(file, out / file.name)
    wheel = out / wheel.name
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    text = bill.written(root, wheel, version, digest)
    (out / f"av-workflow-{version}.cdx.json").write_text(text, encoding="utf-8")
    (out / f"av-workflow-{version}.constraints.txt").write_text(packages.constraints(root), encoding="utf-8")
    _, changes = checkout.changes(root)[version]
    (out / f"av-workflow-{version}.changes.md").write_text(changes + "\n", encoding="utf-8")
    packages.write_sums(out)
