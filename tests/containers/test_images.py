"""The contents and permissions of the images, and the effect of a wrong build argument."""

import json
import os
import subprocess

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from avflow.models.store import ModelStore
from scripts.lock import requirements
from tests.containers.conftest import LOCKED, ROOT, SPEECH_MODEL, YOLOV3_MODEL, in_image, podman

MODEL_OF = {"media": SPEECH_MODEL, "yolov3": YOLOV3_MODEL}
#: most bytes of a whole image with the default model, as Podman reports them
LIMIT = {"media": 1.2e9, "yolov3": 3.6e9}
LICENCES = {
    "media": "Apache-2.0 AND GPL-3.0-or-later",
    "yolov3": "Apache-2.0 AND GPL-3.0-or-later AND LicenseRef-NVIDIA-CUDA-EULA",
}
DEFAULT_MODEL = {"media": "whisper-small", "yolov3": "yolov3"}


@pytest.fixture(params=["media", "yolov3"])
def which(request):
    return request.param


@pytest.fixture
def image(which, images):
    return getattr(images, which)


def test_an_image_says_what_it_is_and_demands_nothing(which, image):
    (facts,) = json.loads(podman("image", "inspect", image).stdout)
    config = facts["Config"]
    assert not config.get("Entrypoint"), "AWS Batch can't override one"
    assert config["User"] == "10001:10001"
    assert config["WorkingDir"] == "/opt/av-workflow"
    assert list(config["Volumes"]) == ["/tmp"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == f"av-workflow {which}"
    assert labels["org.opencontainers.image.licenses"] == LICENCES[which]
    assert labels["org.opencontainers.image.description"]
    assert labels["av-workflow.models"] == MODEL_OF[which]


def labelled(image, label):
    """The text of the file that a label names."""
    (facts,) = json.loads(podman("image", "inspect", image).stdout)
    return in_image(image, "cat", facts["Config"]["Labels"][label]).stdout


def test_an_image_lists_what_it_consists_of(which, image):
    bill = json.loads(labelled(image, "av-workflow.sbom"))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert bill["metadata"]["component"]["name"] == f"av-workflow-{which}"
    found = {each["purl"] for each in bill["components"] if each.get("purl", "").startswith("pkg:pypi/")}
    files = ["media-image.txt"] if which == "media" else ["yolov3-image.txt", "yolov3-gpu.txt"]
    locked = {each for file in files for each in requirements(ROOT / "requirements" / file)}
    pinned = {f"pkg:pypi/{canonicalize_name(each.name)}@{str(each.specifier)[2:]}" for each in locked}
    removed = {"hf-xet"} if which == "media" else set()
    assert {purl for purl in pinned if purl.split("/")[1].split("@")[0] not in removed} == found
    named = {each["name"]: each for each in bill["components"]}
    assert named["FFmpeg"]["licenses"] == [{"license": {"id": "GPL-3.0-or-later"}}]
    path = in_image(image, "python", "-c", "import imageio_ffmpeg as f; print(f.get_ffmpeg_exe())").stdout.strip()
    assert in_image(image, path, "-version").stdout.startswith(f"ffmpeg version {named['FFmpeg']['version']} ")
    assert named[MODEL_OF[which]]["type"] == "machine-learning-model"
    assert named[MODEL_OF[which]]["licenses"]
    debian = in_image(image, "dpkg-query", "-W", "-f", "${Package} ${Version}\n").stdout.split("\n")
    listed = [f"{each['name']} {each['version']}" for each in bill["components"] if "pkg:deb/" in each.get("purl", "")]
    assert sorted(listed) == sorted(filter(None, debian))


def test_an_image_names_its_licences(image):
    assert labelled(image, "av-workflow.notice") == (ROOT / "NOTICE").read_text()
    assert "Apache License" in in_image(image, "cat", "/opt/av-workflow/LICENSE").stdout


def test_no_program_changes_its_user(image):
    find = ("find", "/", "-xdev", "-type", "f", "-perm", "/6000")
    assert not in_image(image, *find, options=["--user=0"]).stdout


def test_the_gpu_image_asks_for_gpus_and_their_video_decoder(images):
    (facts,) = json.loads(podman("image", "inspect", images.yolov3).stdout)
    assert "NVIDIA_VISIBLE_DEVICES=all" in facts["Config"]["Env"]
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility" in facts["Config"]["Env"]


def test_an_image_with_the_default_model_is_small_enough(which, image):
    (facts,) = json.loads(podman("image", "inspect", image).stdout)
    store, copies = ModelStore(), 2 if which == "yolov3" else 1  # an image has a detector's weights also as ONNX
    larger = store.describe(DEFAULT_MODEL[which]).bytes - store.describe(MODEL_OF[which]).bytes
    assert facts["Size"] + copies * larger < LIMIT[which]


def test_nothing_of_this_machine_is_baked_in(image):
    """pip's settings and this machine's CA certificates are only mounted while an image is built."""
    found = in_image(
        image,
        "find",
        "/",
        "-xdev",
        "(",
        "-name",
        "pip.conf",
        "-o",
        "-path",
        "/root/.cache/*",
        ")",
        "-size",
        "+0",
        check=False,
    )
    mounted = in_image(image, "sh", "-c", "cut -d' ' -f5 /proc/self/mountinfo").stdout.split()
    assert not set(found.stdout.split()) - set(mounted)


def test_a_container_can_write_to_tmp_and_nowhere_else(image):
    script = """
import os, sys
print(os.getuid(), os.getgid(), os.environ["HOME"])
open("/tmp/x", "w").close()
for folder, names, files in os.walk("/"):
    names[:] = [name for name in names if os.path.join(folder, name) not in ("/proc", "/sys", "/dev", "/tmp")]
    if os.access(folder, os.W_OK):
        print("writable", folder)
for path in ("/opt/models/x", "/opt/av-workflow/x", "/opt/venv/x", "/etc/x", "/var/tmp/x"):
    try:
        open(path, "w").close()
    except OSError as error:
        continue
    print("written", path)
"""
    assert in_image(image, "python", "-c", script).stdout == "10001 10001 /tmp\n"


def test_the_file_system_of_an_image_is_not_the_users(image):
    """Also if it is not mounted read-only, as AWS Lambda and Batch do."""
    written = in_image(
        image, "sh", "-c", "touch /opt/x /opt/models/x /opt/av-workflow/x", options=LOCKED[2:], check=False
    )
    assert written.returncode == 1
    assert written.stderr.count("Permission denied") == 3


def test_the_model_in_an_image_is_the_one_named_and_whole(which, image):
    name = MODEL_OF[which]
    script = """
import hashlib, json, sys
from pathlib import Path
from avflow.models.store import ModelStore
store = ModelStore()
stamp = store.folder(sys.argv[1]) / ".verified.json"
before = stamp.read_bytes()
folder = store.path(sys.argv[1])
files = {path.name: path for path in folder.rglob("*") if path.is_file() and path != stamp}
print(json.dumps({name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}))
print(sorted(each.name for each in store.root.iterdir()))
fingerprints = {name: int(path.stat().st_mtime) for name, path in files.items()}
print(fingerprints == {name: facts["modified"] for name, facts in json.loads(before).items()})
"""
    sums, folders, is_stamped = in_image(image, "python", "-c", script, name).stdout.splitlines()
    assert json.loads(sums) == {file.name: file.sha256 for file in ModelStore().describe(name).files}
    assert folders == str(sorted([name, *(["converted"] if which == "yolov3" else [])]))
    assert is_stamped == "True", "else every cold start hashes the whole model again"


def test_another_model_than_the_images_own_is_refused_by_name(images):
    script = "from avflow.models.store import ModelStore; ModelStore().path('whisper-tiny.en')"
    refused = in_image(images.media, "python", "-c", script, check=False)
    assert refused.returncode == 1
    assert "ModelUnavailable: The model whisper-tiny.en is not ready" in refused.stderr


def test_code_is_compiled_so_that_a_cold_start_need_not(image):
    script = """
import importlib.util, py_compile, pathlib
missing = [str(path) for path in pathlib.Path("/opt/av-workflow").rglob("*.py")
           if not pathlib.Path(importlib.util.cache_from_source(path)).is_file()]
print(missing)
"""
    assert in_image(image, "python", "-c", script).stdout == "[]\n"


@pytest.mark.parametrize(
    ("dockerfile", "argument", "parameter", "wrong", "use"),
    [
        ("media", "SPEECH_MODEL", "SpeechModel", "whisper-huge", "speech model"),
        ("media", "SPEECH_MODEL", "SpeechModel", "yolov3-tiny", "speech model"),
        ("yolov3", "YOLOV3_MODEL", "Yolov3Model", "yolov9", "detector"),
    ],
)
def test_a_model_that_does_not_exist_ends_the_build_by_the_parameters_name(dockerfile, argument, parameter, wrong, use):
    command = ["podman", "build", "--layers", "--platform=linux/amd64", f"--file=docker/{dockerfile}.Dockerfile"]
    if base := os.environ.get("STAND_IN_BASE_IMAGE"):  # of scripts/containers/setup, where no registry can be reached
        command.append(f"--build-arg=BASE_IMAGE={base}")
    command += [f"--build-arg={argument}={wrong}", "--target=model", "."]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode != 0
    assert f"{parameter}={wrong}: '{wrong}' is not a {use}. The {use}s are " in built.stdout + built.stderr
