"""The audit of locked packages, with a stand-in for pip-audit that answers in its form."""

import json
import sys

import pytest

from scripts import audit

SHA = "--hash=sha256:" + "0" * 64
GOOD = f"""six==1.17.0 \\
    {SHA} \\
    {SHA}
    # via x
x[a,b]==1.0rc1 ; python_full_version < '3.12' \\
    {SHA}
"""
STAND_IN = """
import json, sys
answers = json.loads(sys.argv[1])
lines = open(sys.argv[sys.argv.index("--requirement") + 1]).read().split()
print("notes", file=sys.stderr)
if answers is None:
    sys.exit("Failed to resolve the database")
found = []
for line in lines:
    name, _, version = line.partition("==")
    if version and name in answers:
        found.append({"name": name, "version": version, "vulns": [{"id": each} for each in answers[name]]})
    elif version:
        found.append({"name": name, "skip_reason": "Dependency not found"})
print(json.dumps({"dependencies": found, "fixes": []}))
sys.exit(any(each.get("vulns") for each in found))
"""


@pytest.fixture
def run(tmp_path):
    """A function that audits a file with a database of advisories by package."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)

    def start(text, database):
        (tmp_path / "dev.txt").write_text(text)
        program = (sys.executable, str(tmp_path / "stand_in.py"), json.dumps(database))
        return audit.main("dev", folder=tmp_path, program=program)

    return start


def test_packages_without_known_holes_pass(run, capsys):
    assert run(GOOD, {"urllib3": ["CVE-1"], "six": []}) == 0
    said = capsys.readouterr()
    assert "every package of 1 files" in said.out
    assert "dev.txt: the database knows 1 packages" in said.out
    assert not said.err


def test_a_known_hole_is_named_and_fails(run, capsys):
    assert run(GOOD, {"urllib3": ["CVE-1"], "six": ["CVE-2", "CVE-3"]}) == 1
    assert capsys.readouterr().err == "dev.txt: six 1.17.0: CVE-2, CVE-3\n"


@pytest.mark.parametrize(
    ("database", "why"), [({}, "knows nothing of urllib3"), ({"six": []}, "knows nothing"), (None, "Failed to resolve")]
)
def test_without_a_database_it_says_that_it_did_not_run(run, capsys, database, why):
    assert run(GOOD, database) == 0
    said = capsys.readouterr()
    assert "NOT RUN" in said.err
    assert why in said.err
    assert "the database knows" not in said.out


def test_without_pip_audit_it_says_that_it_did_not_run(tmp_path, capsys):
    (tmp_path / "dev.txt").write_text(GOOD)
    assert audit.main("dev", folder=tmp_path, program=("/no/pip-audit",)) == 0
    assert "NOT RUN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("six==1.17.0\n", "six==1.17.0: has no sha256"),
        (f"six>=1.17.0 \\\n    {SHA}\n", "six>=1.17.0: write NAME==VERSION"),
        (f"six \\\n    {SHA}\n", "six: write NAME==VERSION"),
        ("six==1.17.0 \\\n    --hash=md5:00\n", "has no sha256"),
        (f"six @ https://example.com/six.whl \\\n    {SHA}\n", "write NAME==VERSION"),
        ("-e .\n", "write NAME==VERSION"),
        ("--index-url https://example.com\n", "write NAME==VERSION"),
    ],
)
def test_a_package_without_version_or_sum_fails_without_any_network(run, capsys, line, why):
    assert run(GOOD + line, None) == 1
    assert why in capsys.readouterr().err


def test_every_locked_file_of_the_project_is_pinned():
    for file in audit.FOLDER.glob("*.txt"):
        assert not list(audit.unpinned(file.read_text())), file.name
