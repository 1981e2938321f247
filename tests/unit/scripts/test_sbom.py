"""The bill of materials that an image's build writes, of this environment."""

import hashlib
import importlib.util
import json
import shutil
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from imageio_ffmpeg import get_ffmpeg_exe

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "avflow" / "models" / "models.toml"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sbom = load(ROOT / "docker" / "sbom.py")


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    if shutil.which("dpkg-query") is None:
        pytest.skip("lists the packages of Debian")
    file = tmp_path_factory.mktemp("sbom") / "sbom.cdx.json"
    sbom.main("media", str(MODELS), "whisper-base", str(file))
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def components(bill):
    return {each["name"]: each for each in bill["components"]}


def licence(component):
    (found,) = component["licenses"]
    return found.get("expression") or found["license"].get("id") or found["license"]["name"]


def test_it_keeps_to_the_schema_of_cyclonedx(bill):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert bill["metadata"]["component"] == {
        "type": "container",
        "name": "av-workflow-media",
        "bom-ref": "container/av-workflow-media",
    }


def test_it_is_the_same_for_the_same_contents(bill):
    assert sbom.bill("media", bill["components"]) == bill
    assert sbom.bill("yolov3", bill["components"])["serialNumber"] != bill["serialNumber"]


@pytest.mark.parametrize(
    ("package", "under"), [("av", "BSD-3-Clause"), ("ctranslate2", "MIT"), ("boto3", "Apache-2.0")]
)
def test_a_python_package_has_version_purl_and_licence(components, package, under):
    found = components[package]
    assert found["version"] == version(package)
    assert found["purl"] == f"pkg:pypi/{package}@{version(package)}"
    assert licence(found) == under


def test_the_libraries_in_a_wheel_are_listed_below_it(components):
    libraries = {each["name"].split(".so")[0] for each in components["av"]["components"]}
    assert {"libavcodec", "libx264", "libx265", "libdav1d", "libxcb-shm"} <= libraries


def test_a_debian_package_has_the_name_of_its_source(components):
    libc = components["libc6"]
    assert libc["purl"].startswith(f"pkg:deb/debian/libc6@{libc['version'].split('+')[0]}")
    assert "distro=debian-" in libc["purl"]
    assert libc["properties"][0]["value"].startswith("glibc ")


def test_both_builds_of_ffmpeg_are_there_with_licence_sum_and_source(components):

    program, libraries = components["FFmpeg"], components["FFmpeg libraries of PyAV"]
    assert licence(program) == licence(libraries) == "GPL-3.0-or-later"
    assert program["hashes"][0]["content"] == hashlib.sha256(Path(get_ffmpeg_exe()).read_bytes()).hexdigest()
    for found in (program, libraries):
        assert {each["type"] for each in found["externalReferences"]} == {"vcs", "build-meta", "distribution"}
        assert "--enable-libx264" in found["properties"][0]["value"]


def test_notice_names_the_builds_that_are_installed(components):
    notice = (ROOT / "NOTICE").read_text()
    assert f"imageio-ffmpeg {version('imageio-ffmpeg')} brings FFmpeg {components['FFmpeg']['version']}," in notice
    libraries = components["FFmpeg libraries of PyAV"]["version"]
    assert f"PyAV {version('av')} (itself BSD-3-Clause) brings FFmpeg {libraries}." in " ".join(notice.split())
    for found in (components["FFmpeg"], components["FFmpeg libraries of PyAV"]):
        for each in found["externalReferences"]:
            assert each["url"] in notice or "ffmpeg.org" in each["url"]


def test_the_model_is_there_with_the_sums_of_its_files(components):
    model = components["whisper-base"]
    assert (model["type"], licence(model)) == ("machine-learning-model", "MIT")
    assert [each["name"] for each in model["components"]] == [
        "config.json",
        "tokenizer.json",
        "vocabulary.txt",
        "model.bin",
    ]
    assert all(len(each["hashes"][0]["content"]) == 64 for each in model["components"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "LGPL-2.1-or-later"),
        ("--enable-version3", "LGPL-3.0-or-later"),
        ("--enable-gpl", "GPL-2.0-or-later"),
        ("--enable-gpl --enable-version3", "GPL-3.0-or-later"),
        ("--enable-version3 --enable-libx265", "GPL-3.0-or-later"),
        ("--enable-libx264", "GPL-2.0-or-later"),
    ],
)
def test_the_licence_of_ffmpeg_follows_from_its_configuration(options, expected):
    assert sbom.ffmpeg_licence(options) == expected


def test_an_ffmpeg_that_nobody_may_pass_on_ends_the_build():
    with pytest.raises(sbom.NotDistributable, match="nonfree"):
        sbom.ffmpeg_licence("--enable-gpl --enable-nonfree")


def test_every_model_names_its_licence():

    models = tomllib.loads(MODELS.read_text())["model"]
    assert not [model["name"] for model in models if not model.get("licence")]
