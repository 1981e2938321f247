"""Batch and Lambda: sizes that AWS offers, limits for everything, and updates that let running jobs end."""

import pytest

from local_aws.batch.compute_environments import MAX_TIMEOUT_MINUTES
from local_aws.batch.retry import problem_of, should_retry
from tests.template.conftest import as_list

#: MiB by number of vCPUs (AWS Batch User Guide, "Job definition parameters", resourceRequirements)
FARGATE = {4: range(8192, 30721, 1024), 8: range(16384, 61441, 4096), 16: range(32768, 122881, 8192)}
#: resources that ECS registers for a g4dn.xlarge (16 GiB), the smallest type
G4DN_XLARGE = {"VCPU": 4, "MEMORY": 15_000, "GPU": 1}


def requirements(facts):
    return {each["Type"]: each["Value"] for each in facts["ContainerProperties"]["ResourceRequirements"]}


def test_functions_keep_within_lambdas_limits(translated):
    parameters = translated.template["Parameters"]
    assert parameters["ShortVideosMemory"]["MaxValue"] == 10240
    for name, facts in translated.properties("AWS::Lambda::Function").items():
        size = facts["MemorySize"]
        size = parameters[size["Ref"]]["Default"] if isinstance(size, dict) else size
        assert 128 <= size <= 3008, f"{name}: 3008 MB is the limit of a new account"
        assert facts["Timeout"] <= 900, name
        assert 512 <= facts.get("EphemeralStorage", {"Size": 512})["Size"] <= 10240, name
        assert facts["TracingConfig"] == {"Mode": "Active"}, name


def test_fargate_jobs_have_sizes_that_fargate_has(translated):
    memory = translated.template["Mappings"]["Fargate"]["Memory"]
    sizes = [(int(vcpus), int(mib)) for vcpus, mib in memory.items()]
    assert [vcpus for vcpus, _ in sizes] == translated.template["Parameters"]["CpuDetectorVcpus"]["AllowedValues"]
    for facts in translated.properties("AWS::Batch::JobDefinition").values():
        wanted = requirements(facts)
        if facts["PlatformCapabilities"] == ["FARGATE"]:
            assert "GPU" not in wanted
            assert facts["ContainerProperties"]["EphemeralStorage"]["SizeInGiB"] in range(21, 201)
            if isinstance(wanted["VCPU"], str):
                sizes.append((int(wanted["VCPU"]), int(wanted["MEMORY"])))
    assert len(sizes) == 6
    assert all(mib in FARGATE[vcpus] for vcpus, mib in sizes)


def test_a_gpu_job_fits_the_smallest_instance(translated):
    wanted = requirements(translated.resources["Yolov3JobDefinition"]["Properties"])
    assert all(int(value) <= G4DN_XLARGE[kind] for kind, value in wanted.items())


def test_the_default_cpu_detector_fits_a_new_accounts_fargate_quota(translated):
    assert translated.template["Parameters"]["CpuDetectorVcpus"]["Default"] <= 6


def test_jobs_end_fail_and_write_as_they_should(translated):
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        container = facts["ContainerProperties"]
        assert facts["Timeout"]["AttemptDurationSeconds"] == {"Ref": "JobTimeoutSeconds"}, name
        assert facts["RetryStrategy"]["Attempts"] > 1, name
        assert facts["ResourceRetentionPolicy"] == {"SkipDeregisterOnUpdate": True}, name
        assert container["ReadonlyRootFilesystem"] is True, name
        assert [mount["ContainerPath"] for mount in container["MountPoints"]] == ["/tmp"], name
        assert not container.get("Privileged"), name
        assert all(isinstance(value, str) for value in facts["Parameters"].values()), name


@pytest.mark.parametrize(
    ("exit_code", "reason", "status_reason", "again"),
    [
        (75, "", "Essential container in task exited", True),
        (3, "", "Essential container in task exited", False),
        (1, "", "Essential container in task exited", False),
        (137, "OutOfMemoryError: Container killed due to memory usage", "Essential container in task exited", False),
        (137, "", "OutOfMemoryError: Container killed due to memory usage", False),
        (None, "", "Host EC2 (instance i-0a) terminated.", False),
        (None, "CannotPullContainerError: 429 Too Many Requests", "Task failed to start", True),
        (None, "CannotCreateContainerError: no space left", "Task failed to start", True),
        (None, "DockerTimeoutError: Could not transition to created", "Task failed to start", True),
        (None, "", "CannotPullContainerError: pull image manifest has been retried 5 time(s): i/o timeout", True),
        (None, "", "ResourceInitializationError: unable to pull secrets or registry auth", True),
        (None, "", "Timeout waiting for network interface provisioning to complete.", True),
        (None, "", "Timeout waiting for EphemeralStorage provisioning to complete.", True),
        (None, "", "Unexpected EC2 error while attempting to Create Network Interface", True),
    ],
)
def test_a_job_that_never_started_is_tried_again_and_no_other(translated, exit_code, reason, status_reason, again):
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        rules = [{key[0].lower() + key[1:]: value for key, value in rule.items()}
                 for rule in facts["RetryStrategy"]["EvaluateOnExit"]]  # fmt: skip
        strategy = {"attempts": facts["RetryStrategy"]["Attempts"], "evaluateOnExit": rules}
        assert problem_of(strategy) is None, name
        assert should_retry(strategy, 1, exit_code, reason, status_reason) is again, name


def test_queues_do_not_wait_for_ever(translated):
    reasons = {
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    }
    queues = translated.properties("AWS::Batch::JobQueue")
    assert len(queues) == 4
    for facts in queues.values():
        actions = facts["JobStateTimeLimitActions"]
        assert {action["Reason"] for action in actions} == reasons
        assert {(action["State"], action["Action"]) for action in actions} == {("RUNNABLE", "CANCEL")}
    wait = translated.template["Parameters"]["GpuWaitSeconds"]
    assert 600 <= wait["MinValue"] <= wait["MaxValue"] <= 86400, "AWS Batch API, JobStateTimeLimitAction"


def test_no_step_waits_behind_the_segments_of_other_videos(translated):
    """AWS Batch is first in, first out within a queue. The priority decides between queues of one environment."""
    queues = translated.properties("AWS::Batch::JobQueue")
    on_fargate = [name for name, facts in queues.items() if environments_of(facts) == ["CpuCompute"]]
    assert on_fargate == ["CpuJobQueue", "Yolov3CpuJobQueue"]
    assert queues["CpuJobQueue"]["Priority"] > queues["Yolov3CpuJobQueue"]["Priority"]
    definitions = translated.properties("AWS::Batch::JobDefinition")
    wanted = {name: requirements(definitions[name]) for name in definitions}
    smallest = min(translated.template["Parameters"]["CpuDetectorVcpus"]["AllowedValues"])
    for name in ("FFmpegJobDefinition", "Audio2srtJobDefinition", "MergeJobDefinition"):
        assert int(wanted[name]["VCPU"]) <= smallest, "the vCPUs that a finished segment frees must suffice"


def environments_of(queue):
    return [order["ComputeEnvironment"]["Ref"] for order in queue["ComputeEnvironmentOrder"]]


@pytest.mark.parametrize("name", ["GpuSpotCompute", "GpuOnDemandCompute"])
def test_gpus_cost_nothing_while_idle_and_updates_let_jobs_end(translated, name):
    properties = translated.resources[name]["Properties"]
    resources = properties["ComputeResources"]
    assert resources["MinvCpus"] == ({"Ref": "WarmGpuVcpus"} if name == "GpuSpotCompute" else 0)
    assert translated.template["Parameters"]["WarmGpuVcpus"]["Default"] == 0
    assert resources["Ec2Configuration"] == [{"ImageType": "ECS_AL2023_NVIDIA"}]
    assert resources["UpdateToLatestImageVersion"] is True
    # BEST_FIT does not support updates: AWS Batch User Guide, "Updating compute environments"
    assert resources["AllocationStrategy"] in ("SPOT_PRICE_CAPACITY_OPTIMIZED", "BEST_FIT_PROGRESSIVE")
    policy = properties["UpdatePolicy"]
    assert policy["TerminateJobsOnUpdate"] is False
    longest = translated.template["Parameters"]["JobTimeoutSeconds"]["MaxValue"] / 60
    assert longest < policy["JobExecutionTimeoutMinutes"] <= MAX_TIMEOUT_MINUTES, "no update ends a job"


def test_environments_are_updated_in_place(translated):
    environments = translated.properties("AWS::Batch::ComputeEnvironment")
    assert [facts["ReplaceComputeEnvironment"] for facts in environments.values()] == [False] * 3


def test_instances_keep_their_credentials_and_disks_to_themselves(translated):
    data = translated.resources["GpuLaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "HttpProtocolIpv6": "disabled",
    }
    assert all(device["Ebs"]["Encrypted"] for device in data["BlockDeviceMappings"])


def test_the_network_lets_nothing_in_and_has_no_nat_gateway(translated):
    (group,) = translated.properties("AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group
    assert [rule["ToPort"] for rule in as_list(group["SecurityGroupEgress"])] == [443]
    assert not translated.of_type("AWS::EC2::NatGateway", "AWS::EC2::EIP")


def test_images_come_from_functions_by_digest(translated):
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        custom = facts["ContainerProperties"]["Image"]["Fn::GetAtt"][0]
        assert translated.resources[custom]["Type"] == "Custom::ImageUri", name
        version = translated.resources[custom]["Properties"]["FunctionVersion"]["Ref"]
        assert translated.resources[version]["Type"] == "AWS::Lambda::Version", "a new image is a new version"


def test_the_users_videos_outlive_the_stack_and_nothing_else_does(translated):
    policies = {name: facts.get("DeletionPolicy", "Delete") for name, facts in translated.resources.items()}
    kept = {name for name, policy in policies.items() if policy != "Delete"}
    versions = set(translated.of_type("AWS::Lambda::Version"))  # SAM keeps them so that aliases can go back
    assert kept - versions == {"Bucket"}
    assert policies["Bucket"] == "RetainExceptOnCreate", "a creation that failed leaves no bucket behind"
