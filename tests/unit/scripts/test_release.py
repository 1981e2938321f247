"""What is released: the refusals, the files and the bill of materials. tests/e2e/test_wheel.py uses the wheel."""

import hashlib
import json
import re
import subprocess
import tarfile
import zipfile
from importlib.metadata import version as installed

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from scripts.release import bill, checkout, packages
from scripts.release.checkout import NotReleasable
from tests.e2e.conftest import ROOT

CHANGES = "# Changelog\n\n## [Unreleased]\n\n## [2.0.0] - 2027-01-02\n\n- A change.\n"


# ---------------------------------------------------------------- this checkout
def test_the_changelog_has_this_version_first():
    number = checkout.version(ROOT)
    assert re.fullmatch(r"\d+\.\d+\.\d+", number)
    entries = checkout.changes(ROOT)
    assert next(name for name in entries if name != "Unreleased") == number
    date, text = entries[number]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)
    assert "### Added" in text


def test_a_tag_of_this_commit_is_that_of_the_version():
    """A shallow clone has none, and a source archive no Git."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    assert {each for each in checkout.git(ROOT, "tag", "--points-at", "HEAD").split() if each.startswith("v")} <= {
        checkout.tag(ROOT)
    }


# ---------------------------------------------------------------- refusals
def git(folder, *arguments):
    author = ("-c", "user.name=tests", "-c", "user.email=tests@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", folder, *author, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A commit of version 2.0.0 that can be released."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "2.0.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "tests")
    git(tmp_path, "config", "user.email", "tests@example.org")
    commit(tmp_path)
    return tmp_path


def commit(folder):
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Change")


def test_a_commit_with_its_entry_is_released_and_tagged_once(repository):
    checkout.check(repository)
    checkout.make_tag(repository)
    checkout.make_tag(repository)
    checkout.check(repository)
    assert checkout.git(repository, "cat-file", "-t", "v2.0.0") == "tag"
    assert checkout.git(repository, "rev-parse", "v2.0.0^{commit}") == checkout.commit(repository)


def test_a_commit_with_a_light_tag_is_released(repository):
    git(repository, "tag", "v2.0.0")
    checkout.check(repository)


@pytest.mark.parametrize("name", ["pyproject.toml", "new.py"])
def test_a_file_that_is_not_committed_is_refused(repository, name):
    with (repository / name).open("a") as file:
        file.write("\n# more\n")
    with pytest.raises(NotReleasable, match=rf"(?s)differ from the commit.*{name}"):
        checkout.check(repository)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2.0.0", "1.9.0", "no entry for 2.0.0"),
        (" - 2027-01-02", "", "no entry for 2.0.0"),
        ("- A change.\n", "", "no entry for 2.0.0"),
        ("## [Unreleased]\n", "## [Unreleased]\n\n- Another.\n", "move them to 2.0.0"),
    ],
)
def test_a_changelog_that_lacks_something_is_refused(repository, old, new, reason):
    (repository / "CHANGELOG.md").write_text(CHANGES.replace(old, new))
    commit(repository)
    with pytest.raises(NotReleasable, match=re.escape(reason)):
        checkout.check(repository)


@pytest.mark.parametrize("kind", [("--annotate", "--message", "x"), ()], ids=["annotated", "light"])
def test_a_version_whose_tag_is_elsewhere_is_refused(repository, kind):
    git(repository, "tag", *kind, "v2.0.0")
    (repository / "new.py").touch()
    commit(repository)
    with pytest.raises(NotReleasable, match=r"v2\.0\.0 is at another commit"):
        checkout.check(repository)


def test_a_folder_that_is_no_checkout_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NotReleasable, match="git status failed"):
        checkout.check(tmp_path)


# ---------------------------------------------------------------- files
def test_the_sources_are_those_of_the_commit_with_its_time(repository, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    time = checkout.epoch(repository)
    (repository / "pyproject.toml").write_text("changed since")
    (repository / "rest").touch()
    packages.export(repository, out / "a.tar.gz", "2.0.0", time)
    git(repository, "config", "tar.umask", "0077")
    packages.export(repository, out / "b.tar.gz", "2.0.0", time)
    assert (out / "a.tar.gz").read_bytes() == (out / "b.tar.gz").read_bytes()
    with tarfile.open(out / "a.tar.gz") as sources:
        assert {member.mtime for member in sources.getmembers()} == {time}
    tree = packages.unpack(out / "a.tar.gz", out / "tree")
    assert tree.name == "av-workflow-2.0.0"
    assert {path.name for path in tree.iterdir()} == {"pyproject.toml", "CHANGELOG.md"}
    assert 'version = "2.0.0"' in (tree / "pyproject.toml").read_text()


def a_wheel(folder, metadata):
    path = folder / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("x-1.0.dist-info/METADATA", metadata)
    return path


METADATA = "Metadata-Version: 2.4\nName: x\nVersion: 1.0\nDescription-Content-Type: text/markdown\n\n# Text\n"


def test_metadata_is_read_like_an_index_does(tmp_path):
    packages.check(a_wheel(tmp_path, METADATA))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Version: 1.0", "Version: one", "'one' is invalid for 'version'"),
        ("Name: x", "Name: x\nLicense-Expression: My Own", "'My Own' is invalid for 'license-expression'"),
        ("text/markdown", "text/plain", "can't be shown"),
        ("# Text\n", "", "can't be shown"),
    ],
)
def test_metadata_that_an_index_would_refuse_is_refused(tmp_path, old, new, reason):
    with pytest.raises(NotReleasable, match=reason):
        packages.check(a_wheel(tmp_path, METADATA.replace(old, new)))


def test_constraints_have_each_pinned_version_and_no_hash():
    lines = packages.constraints(ROOT).splitlines()
    pinned = [Requirement(line) for line in lines]
    assert not [line for line in lines if "hash" in line or "[" in line.partition(";")[0]]  # pip refuses extras
    by_name = {each.name: each for each in pinned}
    assert str(by_name["av"].specifier) == f"=={installed('av')}"
    assert str(by_name["moto"].specifier) == f"=={installed('moto')}"
    assert "sys_platform" in str(by_name["openvino"].marker)


def test_a_build_that_fails_says_why(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "no version"\n')
    with pytest.raises(NotReleasable, match=r"(?s)The build failed:.*no version"):
        packages.build(tmp_path, tmp_path, 0)


def test_sums_are_those_of_all_files(tmp_path):
    (tmp_path / "b").write_text("two")
    (tmp_path / "a").write_text("one")
    packages.write_sums(tmp_path)
    assert (tmp_path / packages.SUMS).read_text().splitlines() == [
        f"{hashlib.sha256(b'one').hexdigest()}  a",
        f"{hashlib.sha256(b'two').hexdigest()}  b",
    ]


# ---------------------------------------------------------------- bill of materials
@pytest.fixture(scope="module")
def document(tmp_path_factory):
    return bill.written(ROOT, tmp_path_factory.mktemp("bill") / "x.whl", "2.0.0", "ab" * 32)


@pytest.fixture(scope="module")
def components(document):
    return {each["purl"] if "purl" in each else each["name"]: each for each in json.loads(document)["components"]}


def test_it_keeps_to_the_schema_and_is_the_same_again(document, tmp_path):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
    assert bill.written(ROOT, tmp_path / "x.whl", "2.0.0", "ab" * 32) == document


def test_it_is_about_the_wheel(document):
    subject = json.loads(document)["metadata"]["component"]
    assert (subject["type"], subject["name"], subject["version"]) == ("application", "av-workflow", "2.0.0")
    (wheel,) = subject["externalReferences"]
    assert (wheel["comment"], wheel["hashes"]) == ("x.whl", [{"alg": "SHA-256", "content": "ab" * 32}])


def test_it_has_every_pinned_package_with_all_its_hashes(components):
    text = (ROOT / "requirements" / "local.txt").read_text()
    pinned = re.findall(r"^([a-z0-9][\w.-]*)==([^ \\]+)", text, re.MULTILINE)
    assert {f"pkg:pypi/{name}@{version}" for name, version in pinned} <= set(components)
    hashes = [each["content"] for part in components.values() for reference in part.get("externalReferences", [])
              for each in reference.get("hashes", [])]  # fmt: skip
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", text))


def test_packages_of_this_platform_have_a_licence(components):
    here = {purl: each for purl, each in components.items() if purl.startswith("pkg:pypi/")}
    without = {each["name"] for each in here.values() if "licenses" not in each}
    elsewhere = {each["name"] for each in here.values() if each.get("properties")}
    assert without <= elsewhere
    assert components[f"pkg:pypi/av@{installed('av')}"]["licenses"] == [{"expression": "BSD-3-Clause"}]


def test_it_says_which_package_needs_which(document):
    needs = {each["ref"]: each["dependsOn"] for each in json.loads(document)["dependencies"]}
    by_name = {ref.partition("@")[0]: {of.partition("@")[0] for of in needs[ref]} for ref in needs}
    assert {"pkg:pypi/av", "pkg:pypi/moto", "pkg:pypi/opencv-python-headless"} <= by_name["pkg:pypi/av-workflow"]
    assert "pkg:pypi/botocore" in by_name["pkg:pypi/boto3"]
    direct = by_name["pkg:pypi/av-workflow"]
    assert not {"pkg:pypi/botocore", "pkg:pypi/cryptography"} & direct  # the latter has a constraint for a platform


def test_both_builds_of_ffmpeg_and_all_models_are_there_with_their_licences(components):
    for name in ("pkg:generic/ffmpeg@", "pkg:generic/ffmpeg-of-pyav@"):
        (found,) = (each for purl, each in components.items() if purl.startswith(name))
        assert found["licenses"] == [{"license": {"id": "GPL-3.0-or-later"}}]
    models = {name: each for name, each in components.items() if each["type"] == "machine-learning-model"}
    assert {"yolov3", "yolov3-tiny", "whisper-base", "whisper-small", "pocketsphinx-en-us"} <= set(models)
    for model in models.values():
        assert model["scope"] == "optional"
        assert model["licenses"]
        assert all(len(each["hashes"][0]["content"]) == 64 for each in model["components"])
