"""Attacks of a taken-over media process in the images: read-only, unprivileged, and without capabilities."""

import json

import pytest

from tests.containers.conftest import LAMBDA_USER, LOCKED, in_image
from tests.e2e.conftest import ROOT

CODE = f"--volume={ROOT / 'tests'}:/opt/av-workflow/tests:ro"


def attacked(image, user, *without):
    command = ("python", "-m", "tests.unit.isolation.targets", *without)
    done = in_image(image, *command, options=(*LOCKED, f"--user={user}", CODE))
    return json.loads(done.stdout)


@pytest.mark.parametrize("user", ["10001:10001", LAMBDA_USER, "0:0"])
@pytest.mark.parametrize("image", ["media", "yolov3"])
def test_no_attack_succeeds_in_an_image(images, image, user):
    found = attacked(getattr(images, image), user)
    assert found["isolation"]["seccomp"]
    assert found["isolation"]["landlock"] > 0
    assert found["tried"] >= 55
    assert found["succeeded"] == {}


def test_without_landlock_no_secret_of_the_parent_and_no_network_is_open(images):
    """As on a kernel without Landlock: what is open are files and programs of the same user."""
    found = attacked(images.media, "10001:10001", "landlock")
    assert "credentials_file" in found["succeeded"]
    of_parent = ("environment", "environment_of_the_parent", "memory_of_the_parent", "read_memory_of_the_parent",
                 "trace_the_parent", "signal_the_parent", "take_a_file_of_the_parent")  # fmt: skip
    network = ("tcp_4", "tcp_6", "udp_4", "udp_6", "abstract_socket", "path_socket", "credentials_of_containers")
    assert not {*of_parent, *network} & {*found["succeeded"]}


def test_the_manifest_of_a_run_in_containers_says_how_it_was_isolated(stack):
    body = stack.aws.client("s3").get_object(Bucket=stack.bucket, Key="result/my_video.json")["Body"].read()
    for step in json.loads(body)["steps"]:
        assert step["isolation"]["process"]
        assert step["isolation"]["seccomp"]
        assert step["isolation"]["landlock"] > 0
