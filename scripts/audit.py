"""Check the locked packages: each has a version and a sha256, and none a known hole if a database can be asked.

usage: python -m scripts.audit [NAME ...]

pip-audit asks the package index's advisories (PyPA Advisory Database). Where the index has none, it says "No known
vulnerabilities found" of packages that it skipped, so this command first asks for a version whose holes are known. If
nobody knows them, it says that the audit did not run; that is no error, because a machine may have no network.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.platforms import EVERYWHERE, IMAGES

FOLDER = Path(__file__).resolve().parents[1] / "requirements"
PIP_AUDIT = Path(".venv-check/bin/pip-audit")
#: a version with holes that have been known since 2021
KNOWN = "urllib3==1.26.4"
#: advisory -> why it does not apply here; `make audit` names the others
IGNORED: dict[str, str] = {}
#: programs for comparison, which no test and no image has
UNCHECKED = ("peers",)
_TIMEOUT_SECONDS = 300
_PINNED = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?==[\w.!+-]+( ; .+)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def unpinned(text: str) -> Iterator[str]:
    """What is wrong with the requirements of a locked file: no exact version, or no sha256."""
    for requirement in re.split(r"(?<!\\)\n", text):
        lines = [line for line in requirement.replace("\\\n", "\n").splitlines() if not line.strip().startswith("#")]
        if not (whole := " ".join(" ".join(lines).split())):
            continue
        named, *hashes = (part.strip() for part in re.split(r"(?=--hash=)", whole))
        if not _PINNED.fullmatch(named):
            yield f"{named}: write NAME==VERSION"
        elif not hashes or not all(map(_HASH.fullmatch, hashes)):
            yield f"{named}: has no sha256"


def holes(requirements: Path, program: Sequence[str]) -> tuple[dict[str, list[str]], int]:
    """The advisories of each requirement that has some, and how many requirements the database knows.

    Raises
    ------
    OSError
        pip-audit gave no answer: it is missing, the network is, or it took too long.
    """
    command = [*program, "--disable-pip", "--no-deps", "--progress-spinner=off", "--format=json"]
    command += [f"--ignore-vuln={name}" for name in IGNORED]
    command += ["--requirement", str(requirements)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
        found = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired as error:
        raise OSError(f"pip-audit took more than {_TIMEOUT_SECONDS} s") from error
    except ValueError as error:
        raise OSError(done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}") from error
    known = [each for each in found if "vulns" in each]
    bad = {f"{each['name']} {each['version']}": [hole["id"] for hole in each["vulns"]] for each in known}
    return {name: ids for name, ids in bad.items() if ids}, len(known)


def database_answers(program: Sequence[str]) -> str | None:
    """None if the advisory database can be asked, else why not."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(KNOWN + "\n", encoding="utf-8")
        try:
            found, _ = holes(file, program)
        except OSError as error:
            return str(error)
    return None if found else f"it knows nothing of {KNOWN}"


def main(*names: str, folder: Path = FOLDER, program: Sequence[str] = (str(PIP_AUDIT),)) -> int:
    """Check the locked files called `names`, or all. Return 1 if something is wrong, else 0."""
    files = [folder / f"{name}.txt" for name in names or (*EVERYWHERE, *IMAGES) if name not in UNCHECKED]
    wrong = [f"{file.name}: {each}" for file in files for each in unpinned(file.read_text(encoding="utf-8"))]
    if not wrong:
        print(f"audit: every package of {len(files)} files has a version and sha256")
    if why := database_answers(program):
        print(f"*** audit: NOT RUN, because no advisory database can be asked: {why} ***", file=sys.stderr)
    else:
        for file in files:
            try:
                found, known = holes(file, program)
            except OSError as error:
                wrong.append(f"{file.name}: not audited: {error}")
                continue
            print(f"audit: {file.name}: the database knows {known} packages")
            wrong += [f"{file.name}: {package}: {', '.join(ids)}" for package, ids in found.items()]
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
