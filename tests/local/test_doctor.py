"""`avflow doctor` against the embedded AWS as a new account, recorded answers of AWS, and a machine with stand-ins."""

import hashlib
import http.server
import json
import os
import socketserver
import stat
import threading
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, NoRegionError
from botocore.stub import Stubber

from avflow_cli import samconfig
from avflow_cli.doctor import gpus, in_the_account, limits, machine
from avflow_cli.doctor.account import Account, asked, credentials, stack
from avflow_cli.main import main
from tests.local.recorded_account import Recorded


# ------------------------------------------------------------ samconfig.toml
@pytest.fixture
def deployment():
    return samconfig.read()


@pytest.mark.parametrize(
    "written",
    [
        'parameter_overrides = "DetectorCompute=cpu SpeechModel=whisper-base"',
        'parameter_overrides = ["DetectorCompute=cpu", "SpeechModel=whisper-base"]',
        "[default.deploy.parameters.parameter_overrides]\nDetectorCompute = 'cpu'\nSpeechModel = 'whisper-base'",
        "parameter_overrides = \"ParameterKey=DetectorCompute,ParameterValue=cpu SpeechModel='whisper-base'\"",
    ],
)
def test_parameters_are_read_in_each_of_sams_forms(tmp_path, written):
    (tmp_path / "template.yaml").write_bytes((samconfig.ROOT / "template.yaml").read_bytes())
    head = "[default.global.parameters]\nstack_name = 'films'\nregion = 'eu-west-1'\n[default.deploy.parameters]\n"
    (tmp_path / "samconfig.toml").write_text(head + written)
    found = samconfig.read(tmp_path)
    assert (found.stack_name, found.region, found.uses_gpu) == ("films", "eu-west-1", False)
    assert found.parameters["SpeechModel"] == "whisper-base"
    assert found.parameters["MaxSegments"] == "16", "the default of the template"


@pytest.mark.parametrize("written", ["[default", 'parameter_overrides = "cpu"', "parameter_overrides = 7"])
def test_a_samconfig_that_sam_would_not_read_is_an_error_with_its_name(tmp_path, written):
    (tmp_path / "template.yaml").write_bytes((samconfig.ROOT / "template.yaml").read_bytes())
    (tmp_path / "samconfig.toml").write_text("[default.deploy.parameters]\n" + written)
    with pytest.raises(samconfig.SamconfigInvalid, match=r"samconfig\.toml: "):
        samconfig.read(tmp_path)


# ------------------------------------------------------------ the embedded AWS: a new account
@pytest.fixture
def account(bench, deployment, monkeypatch):
    """The embedded AWS's account, where other tests have deployed stacks, too."""
    deployment = replace(deployment, stack_name="not-deployed")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bench.aws.access_key.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bench.aws.access_key.secret)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Account(deployment, region="us-east-1", endpoint_url=bench.aws.url)


@pytest.fixture
def grown(bench):
    """The embedded AWS's account, with its quotas raised and the role of Spot."""
    quotas = bench.aws.quotas.values
    before = dict(quotas)
    quotas.update(dict.fromkeys(quotas, 64.0))
    iam = bench.aws.client("iam")
    iam.create_role(RoleName="AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument="{}")
    yield quotas
    quotas.update(before)
    iam.delete_role(RoleName="AWSServiceRoleForEC2Spot")


def found(account):
    return {each.name: each for each in in_the_account(account)}


def test_a_new_account_is_told_what_to_type(bench, account):
    lines = found(account)
    assert {name: lines[name].state for name in lines} == {
        "credentials": "ok", "stack": "ok", "Fargate quota": "ok", "Lambda concurrency": "ok", "Lambda memory": "ok",
        "VPC": "ok", "budget": "ok", "GPU types": "ok", "GPU quota": "fix", "Spot role": "fix",
    }  # fmt: skip
    quota = lines["GPU quota"]
    assert quota.message == "Spot 0, on demand 0 vCPUs; a job takes 4"
    assert [line for line in quota.todo if "L-3819A6DF --desired-value 16" in line]
    assert [line for line in quota.todo if "L-DB2E81BA --desired-value 16" in line]
    assert lines["Spot role"].todo == ("aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",)
    assert lines["Lambda concurrency"].message == f"{bench.aws.functions.concurrency.account} functions at once"
    assert "not-deployed does not exist yet" in lines["stack"].message


def test_a_grown_account_is_ready(account, grown):
    lines = found(account)
    assert {lines[name].state for name in ("GPU quota", "Spot role", "Fargate quota", "VPC")} == {"ok"}
    assert lines["GPU quota"].message == "Spot 64, on demand 64 vCPUs: 4 jobs at once on each"


@pytest.mark.parametrize(
    ("types", "state", "told"),
    [
        ("g4dn.xlarge,g5", "ok", "g5.xlarge"),
        ("g4dn.xlarge,g99.xlarge", "fix", "us-east-1 does not have g99.xlarge"),
        ("g99.xlarge,p99", "fix", "us-east-1 has none of g99.xlarge, p99"),
    ],
)
def test_types_that_the_region_lacks_are_named(account, deployment, types, state, told):
    deployment.parameters["GpuInstanceTypes"] = types
    finding = gpus.offerings(account)
    assert (finding.state, told in finding.message) == (state, True), finding
    if "does not have" in told:
        assert 'GpuInstanceTypes=g4dn.xlarge"' in finding.todo[0]


@pytest.mark.parametrize(
    ("memory", "state", "told"), [("3008", "ok", "at most 3008 MB"), ("10240", "unknown", "10240")]
)
def test_functions_for_short_videos_that_a_new_account_refuses_are_told(deployment, memory, state, told):
    deployment.parameters["ShortVideosMemory"] = memory
    finding = limits.memory(Account(deployment))
    assert (finding.state, told in finding.message) == (state, True), finding


def recorded(monkeypatch, region, types):
    """EC2's answer in a Region, as it would be recorded."""
    answer = {"InstanceTypeOfferings": [{"InstanceType": each, "Location": region} for each in types]}
    stubbed = boto3.client("ec2", region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(stubbed)
    stubber.add_response("describe_instance_type_offerings", answer, {"LocationType": "region"})
    stubber.activate()
    monkeypatch.setattr(Account, "client", lambda self, service: stubbed)


@pytest.mark.parametrize(
    ("region", "has", "state", "message", "todo"),
    [
        ("us-west-1", ["g4dn.xlarge", "m5.large"], "ok", "us-west-1 has g4dn.xlarge", None),
        ("us-west-1", ["g4dn.xlarge", "g6.xlarge"], "ok", "us-west-1 has g4dn.xlarge", None),
        ("eu-west-1", ["g4dn.xlarge"], "fix", "eu-west-1 no longer has g5.xlarge", "GpuInstanceTypes=g4dn.xlarge"),
        ("ca-west-1", ["g6.xlarge"], "fix", "does not know that ca-west-1 has g6.xlarge", "GpuInstanceTypes=g6.xlarge"),
        (
            "ca-west-1",
            ["m5.large"],
            "fix",
            "ca-west-1 has none of g4dn.xlarge, g5.xlarge, g6.xlarge",
            "DetectorCompute=cpu",
        ),
    ],
)
def test_types_that_the_template_takes_by_itself_are_asked_for(
    deployment, monkeypatch, region, has, state, message, todo
):
    recorded(monkeypatch, region, has)
    finding = gpus.offerings(Account(deployment, region=region))
    assert (finding.state, message in finding.message) == (state, True), finding
    assert (todo or "") in " ".join(finding.todo)


def test_p_instances_have_quotas_of_their_own(account, deployment, grown):
    deployment.parameters["GpuInstanceTypes"] = "p4d.24xlarge"
    finding = gpus.quota(account)
    assert (finding.state, "a job takes 96" in finding.message) == ("fix", True)
    assert [code for code in ("L-7212CCBC", "L-417A185B") if code in " ".join(finding.todo)] == [
        "L-7212CCBC",
        "L-417A185B",
    ]


def test_without_gpus_nothing_is_asked_about_them(account, deployment):
    deployment.parameters.update(DetectorCompute="cpu", CpuDetectorVcpus="8")
    lines = found(account)
    assert not {"GPU types", "GPU quota", "Spot role"} & set(lines)
    assert (lines["Fargate quota"].state, lines["Fargate quota"].message) == ("fix", "6 vCPUs; a job takes 8")


def test_no_room_for_one_more_network(bench, account):
    before = dict(bench.aws.quotas.values)
    bench.aws.quotas.values["vpc", "L-F678F1CE"] = 1.0
    try:
        finding = limits.networks(account)
    finally:
        bench.aws.quotas.values.update(before)
    assert finding.state == "fix"
    assert finding.todo[0].endswith("L-F678F1CE --desired-value 6")


# ------------------------------------------------------------ recorded answers of AWS
@pytest.mark.parametrize(
    ("code", "state", "told", "todo"),
    [
        ("ExpiredToken", "fix", "they have expired", "aws sso login"),
        ("InvalidClientTokenId", "fix", "AWS does not take them in eu-south-2", "a Region that is not enabled"),
        ("Throttling", "unknown", "Throttling", ""),
    ],
)
def test_credentials_that_aws_refuses(deployment, code, state, told, todo):
    account = Recorded(deployment, region="eu-south-2")
    finding = credentials(account.answering("sts", "get_caller_identity", error=(code, "no")))
    assert (finding.state, told in finding.message, todo in " ".join(finding.todo)) == (state, True, True), finding


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_what_may_not_be_asked_is_unknown_and_no_fault(deployment, code):
    account = Recorded(deployment, region="eu-south-2").answering("lambda", "get_account_settings", error=(code, "no"))
    finding = asked("Lambda concurrency", limits.concurrency, account)
    assert (finding.state, finding.message) == ("unknown", "these credentials may not call GetAccountSettings")


def test_ten_functions_at_once_are_few(deployment):
    answer = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}
    account = Recorded(deployment, region="eu-south-2").answering("lambda", "get_account_settings", answer=answer)
    finding = limits.concurrency(account)
    assert finding.state == "ok"
    assert finding.message.startswith("10 functions at once; more are throttled")


def test_a_stack_that_can_not_be_updated(deployment):
    broken = {"StackName": "av-workflow", "CreationTime": "2026-11-26", "StackStatus": "ROLLBACK_COMPLETE"}
    account = Recorded(deployment).answering("cloudformation", "describe_stacks", answer={"Stacks": [broken]})
    assert stack(account).todo == ("sam delete --stack-name av-workflow",)


@pytest.mark.parametrize(
    ("raised", "todo"),
    [
        (NoRegionError(), "export AWS_REGION="),
        (NoCredentialsError(), "aws configure"),
        (EndpointConnectionError(endpoint_url="https://sts"), "aws sts get-caller-identity"),
    ],
)
def test_without_a_region_credentials_or_network_it_says_what_to_type(deployment, raised, todo):
    account = Account(deployment)

    def refuse(_):
        raise raised

    object.__setattr__(account, "client", refuse)
    assert credentials(account).state == "fix"
    assert credentials(account).todo[0].startswith(todo)


# ------------------------------------------------------------ the machine
class Engine(http.server.BaseHTTPRequestHandler):
    """A container engine's answers."""

    facts: dict

    def address_string(self):
        return "a socket"

    def log_message(self, *_):
        pass

    def do_GET(self):
        kind = "version" if self.path.endswith("/version") else "info"
        body = json.dumps(self.facts[kind]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Runs a stand-in for Docker at DOCKER_HOST."""
    servers = []

    def run(architecture):
        facts = {
            "version": {"Version": "28.1", "ApiVersion": "1.44", "MinAPIVersion": "1.24", "Arch": architecture,
                        "Platform": {"Name": "Docker Engine"}},
            "info": {"DockerRootDir": str(tmp_path)},
        }  # fmt: skip
        path = tmp_path / "docker.sock"
        server = socketserver.ThreadingUnixStreamServer(str(path), type("Here", (Engine,), {"facts": facts}))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("architecture", "slow"), [("amd64", False), ("arm64", True)])
def test_the_container_engine_answers(engine, architecture, slow):
    engine(architecture)
    finding = machine.engine()
    assert (finding.state, finding.message.startswith("Docker Engine 28.1")) == ("ok", True)
    assert ("under emulation" in finding.message) is slow


def test_no_container_engine_answers(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    finding = machine.engine()
    assert (finding.state, str(tmp_path) in finding.message) == ("fix", True)
    assert "DOCKER_HOST" in finding.todo[0]


def test_the_engines_own_disk_is_looked_at(engine, monkeypatch, tmp_path):
    engine("amd64")
    asked_for = []

    def usage(folder):
        asked_for.append(os.fspath(folder))
        return SimpleNamespace(free=3e9)

    monkeypatch.setattr(machine.shutil, "disk_usage", usage)
    finding = machine.disk()
    assert (finding.state, finding.message) == ("fix", f"3 GB free at {tmp_path}; a build needs about 15")
    assert asked_for == [os.fspath(tmp_path)]


@pytest.mark.parametrize(
    ("prints", "state", "told"),
    [("SAM CLI, version 99.1.0", "ok", "99.1.0"), ("SAM CLI, version 1.90.0", "ok", "update it"), (None, "fix", "pip")],
)
def test_the_sam_cli_and_its_version(tmp_path, monkeypatch, prints, state, told):
    if prints:
        program = tmp_path / "sam"
        program.write_text(f"#!/bin/sh\necho '{prints}'\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if prints else os.fspath(tmp_path))
    finding = machine.sam()
    assert (finding.state, told in f"{finding.message} {finding.todo}") == (state, True)


def model_of(source, tmp_path, monkeypatch):
    """A manifest whose one model has this source."""
    monkeypatch.setattr("avflow_cli.where.models", lambda: tmp_path / "models")
    monkeypatch.setenv("AVFLOW_MODELS", os.fspath(tmp_path / "store"))
    monkeypatch.setenv("AVFLOW_MODELS_TOML", os.fspath(tmp_path / "own.toml"))
    digest = hashlib.sha256(b"person").hexdigest()
    (tmp_path / "own.toml").write_text(
        f"[[model]]\nname = 'own'\nkind = 'yolov3'\nabout = 'x'\n[[model.file]]\nname = 'own.names'\nbytes = 6\n"
        f"sha256 = '{digest}'\n[[model.source]]\nurl = '{source}'\n"
    )


def test_a_model_that_no_source_has(tmp_path, monkeypatch):
    model_of("http://127.0.0.1:9/{file}", tmp_path, monkeypatch)
    (finding,) = machine.models(["own"])
    assert (finding.name, finding.state, finding.message) == ("model own", "fix", "no source has own.names")


def test_a_model_that_is_here(tmp_path, monkeypatch):
    model_of("http://127.0.0.1:9/{file}", tmp_path, monkeypatch)
    (tmp_path / "models" / "own").mkdir(parents=True)
    (tmp_path / "models" / "own" / "own.names").write_bytes(b"person")
    (finding,) = machine.models(["own"])
    assert (finding.state, finding.message) == ("ok", "on this machine")


# ------------------------------------------------------------ the command
def test_the_command_prints_a_line_for_each_and_ends_with_a_status(account, bench, capsys):
    status = main(["doctor", "--region", "us-east-1", "--endpoint-url", bench.aws.url])
    lines = capsys.readouterr().out.splitlines()
    assert status == os.EX_UNAVAILABLE
    assert [line for line in lines if line.startswith("FIX GPU quota")]
    assert [line for line in lines if line.startswith("ok  credentials") and line.endswith("in us-east-1")]
    assert lines[-1].endswith("things before `sam build` and `sam deploy`.")


def test_the_command_prints_json_and_takes_the_options_of_all_commands(account, bench, capsys):
    where = ["--region", "us-east-1", "--endpoint-url", bench.aws.url, "--stack-name", "films"]
    assert main(["doctor", *where, "--json"]) == os.EX_UNAVAILABLE
    *findings, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert all(line.pop("type") == "finding" for line in findings)
    by_name = {line["name"]: line for line in findings}
    assert by_name["stack"] == {"name": "stack", "state": "ok", "message": "films does not exist yet", "todo": []}
    assert "--desired-value 16" in by_name["GPU quota"]["todo"][0]
    count = sum(line["state"] == "fix" for line in findings)
    assert summary == {"type": "summary", "ready": False, "to_do": count} and count
