"""The user data of GPU instances closes the instance metadata to jobs. Its script runs in a network of its own."""

import email
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests.template.conftest import as_list

JOB = 10001
METADATA, METADATA_V6, CREDENTIALS = "169.254.169.254", "fd00:ec2::254", "169.254.170.2"
#: prints who reaches what: `<user> <address> <result>`; the addresses are those of this network's own server
PROBE = """
import http.server, os, socket, subprocess, sys, threading
ADDRESSES = sys.argv[1:]
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()
server = Server(("::", 80), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
def reach(user):
    os.setgroups([]); os.setgid(user); os.setuid(user)
    for address in ADDRESSES:
        try:
            socket.create_connection((address, 80), timeout=1).close()
            print(user, address, "reached", flush=True)
        except OSError:  # refused, or no answer: that depends on the network
            print(user, address, "closed", flush=True)
for user in (0, int(os.environ["JOB"]), 65534):
    if (pid := os.fork()) == 0:
        reach(user)
        os._exit(0)
    os.waitpid(pid, 0)
"""


@pytest.fixture(scope="module")
def parts(translated):
    data = translated.resources["GpuLaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    return email.message_from_string(data)


@pytest.fixture(scope="module")
def script(parts):
    (part,) = parts.get_payload()
    return part.get_payload()


def test_the_user_data_is_an_archive_to_which_batch_can_add_its_own(parts):
    """AWS Batch User Guide, "Use Amazon EC2 launch templates with AWS Batch": user data in MIME multipart format."""
    assert parts["MIME-Version"] == "1.0"
    assert parts.get_content_type() == "multipart/mixed"
    assert not parts.defects
    assert [part.get_content_type() for part in parts.get_payload()] == ["text/cloud-boothook"]
    assert len(parts.as_bytes()) < 16_384, "EC2 takes 16 KB"


def test_both_kinds_of_gpu_instances_have_it(translated):
    template = {"Ref": "GpuLaunchTemplate"}
    for name in ("GpuSpotCompute", "GpuOnDemandCompute"):
        resources = translated.resources[name]["Properties"]["ComputeResources"]
        assert resources["LaunchTemplate"]["LaunchTemplateId"] == template
    data = translated.resources["GpuLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    options = {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpProtocolIpv6": "disabled"}
    assert data["MetadataOptions"] == options


def test_a_gpu_job_is_not_root(translated):
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        container = facts["ContainerProperties"]
        assert not container.get("Privileged"), name
        if "EC2" in as_list(facts["PlatformCapabilities"]):
            assert container["User"] == f"{JOB}:{JOB}", name


def in_a_network(commands):
    return subprocess.run(["unshare", "-n", "bash", "-euc", commands], capture_output=True, text=True, check=False)


def can_filter():
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "iptables", "ip6tables"))):
        return False
    return in_a_network("iptables -I OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT").returncode == 0


@pytest.mark.skipif(not can_filter(), reason="needs root and iptables, to filter in a network of its own")
def test_root_reaches_the_metadata_and_a_job_only_the_credentials_of_its_role(script, tmp_path):
    addresses = [METADATA, METADATA_V6, CREDENTIALS]
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    hook = tmp_path / "hook"
    hook.write_text(script.replace("/etc/ecs", str(tmp_path / "ecs")))
    hook.chmod(0o755)
    done = in_a_network(
        textwrap.dedent(f"""
            export JOB={JOB} PATH=$PATH:/usr/sbin:/sbin
            ip link set lo up
            for address in {METADATA}/32 {CREDENTIALS}/32 {METADATA_V6}/128; do ip addr add $address dev lo; done
            {hook}; {hook}   # a second boot adds nothing
            iptables -S OUTPUT | grep -c REJECT
            {sys.executable} -I {probe} {" ".join(addresses)}
        """)
    )
    assert done.returncode == 0, done.stderr
    rules, *reached = done.stdout.splitlines()
    assert rules == "1"
    assert reached == [
        *(f"0 {address} reached" for address in addresses),
        *(f"{JOB} {address} closed" for address in addresses[:2]),
        f"{JOB} {CREDENTIALS} reached",
        *(f"65534 {address} closed" for address in addresses[:2]),
        f"65534 {CREDENTIALS} reached",
    ]
    settings = (tmp_path / "ecs" / "ecs.config").read_text().splitlines()
    assert settings == ["ECS_DISABLE_PRIVILEGED=true", "ECS_AWSVPC_BLOCK_IMDS=true"]


@pytest.mark.parametrize("broken", ["iptables", "ip6tables"])
def test_an_instance_that_cannot_close_it_takes_no_jobs(script, tmp_path, broken):
    tools = {name: f"exit {int(name == broken)}" for name in ("iptables", "ip6tables")}
    for name, does in {**tools, "systemctl": f'echo "$@" >{tmp_path}/asked'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    text = script.replace("/etc/ecs", str(tmp_path / "ecs")).replace("/dev/console", "/dev/stdout")
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", text], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert "takes no jobs" in done.stdout
    assert (tmp_path / "asked").read_text() == "mask --now ecs\n"
