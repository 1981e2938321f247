"""The template deployed on the embedded AWS with each choice of compute and network."""

import json
import re
from fnmatch import fnmatchcase

import pytest

from local_aws.cloudformation.deploy import DeployError
from local_aws.iam import roles
from tests.template.conftest import all_states
from tests.waiting import until

SUBSTITUTED = {
    "FFmpegOnBatch": ("av-workflow-ffmpeg", "CpuJobQueue"),
    "Audio2srtOnBatch": ("av-workflow-audio2srt", "CpuJobQueue"),
    "MergeOnBatch": ("av-workflow-merge", "CpuJobQueue"),
    "Yolov3": ("av-workflow-yolov3", "GpuSpotJobQueue"),
    "Yolov3OnDemand": ("av-workflow-yolov3", "GpuOnDemandJobQueue"),
    "Yolov3OnCpu": ("av-workflow-yolov3-cpu", "Yolov3CpuJobQueue"),
}


def deployed_machine(stack):
    states = stack.aws.client("stepfunctions")
    return json.loads(states.describe_state_machine(stateMachineArn=stack.outputs["StateMachineArn"])["definition"])


@pytest.mark.parametrize("compute", ["gpu", "cpu", "gpu-then-cpu"])
def test_each_choice_of_compute_deploys_what_it_needs(deploy, compute):
    stack = deploy(DetectorCompute=compute)
    queues = {queue["jobQueueArn"]: queue["jobQueueName"] for queue in stack.aws.batch.queues()}
    definitions = {each["jobDefinitionArn"]: each["jobDefinitionName"] for each in stack.aws.batch.definitions()}
    machine = deployed_machine(stack)
    assert "${" not in json.dumps(machine)
    states = {name: state for name, state, _ in all_states(machine)}
    for name, (definition, queue) in SUBSTITUTED.items():
        parameters = states[name]["Parameters"]
        found = definitions[parameters["JobDefinition"]], queues[parameters["JobQueue"]].removeprefix("av-workflow-")
        if compute == "cpu" and name in ("Yolov3", "Yolov3OnDemand"):
            assert found == ("av-workflow-yolov3-cpu", "Yolov3CpuJobQueue"), "never entered, but it must be there"
        else:
            assert found == (definition, queue)
    gpus = [name for name in [*queues.values(), *definitions.values()] if "Gpu" in name or name.endswith("-yolov3")]
    assert bool(gpus) is (compute != "cpu")
    assert states["DetectorCompute"]["Result"] == compute


def environment_of(stack, definition):
    (found,) = [each for each in stack.aws.batch.definitions() if each["jobDefinitionName"] == definition]
    return {each["name"]: each["value"] for each in found["containerProperties"]["environment"]}


@pytest.mark.parametrize(("compute", "came_from"), [("cpu", None), ("gpu-then-cpu", "gpu")])
def test_a_cpu_job_counts_as_a_fallback_only_where_it_is_one(deploy, compute, came_from):
    assert environment_of(deploy(DetectorCompute=compute), "av-workflow-yolov3-cpu").get("FALLBACK_FROM") == came_from


def test_the_highest_cost_and_where_yolov3_runs_reach_the_step_that_estimates(deploy):
    stack = deploy(MaxRunCost="7.5", DetectorCompute="cpu")
    (function,) = [each for each in stack.aws.functions.all() if each.handler == "lambdas.ffmpeg.app.handler"]
    for environment in (function.environment, environment_of(stack, "av-workflow-ffmpeg")):
        assert (environment["MAX_RUN_COST"], environment["DETECTOR_COMPUTE"]) == ("7.5", "cpu")


def test_choices_reach_the_step_that_reads_them(deploy):
    stack = deploy(AudioTrack="eng", SpeechTask="translate", Confidence="0.4", Classes="person,traffic light")
    (function,) = [each for each in stack.aws.functions.all() if each.handler == "lambdas.ffmpeg.app.handler"]
    for environment in (function.environment, environment_of(stack, "av-workflow-ffmpeg")):
        chosen = [environment[name] for name in ("AUDIO_TRACK", "SPEECH_TASK", "CONFIDENCE", "CLASSES")]
        assert chosen == ["eng", "translate", "0.4", "person,traffic light"]


def test_the_isolation_reaches_every_step(deploy):
    stack = deploy(Isolation="required")
    functions = {each.handler: each.environment for each in stack.aws.functions.all()}
    for step in ("ffmpeg", "audio2srt", "yolov3", "merge"):
        assert functions[f"lambdas.{step}.app.handler"]["ISOLATION"] == "required"
    for job in ("ffmpeg", "audio2srt", "merge", "yolov3", "yolov3-cpu"):
        assert environment_of(stack, f"av-workflow-{job}")["ISOLATION"] == "required"


def test_segments_and_spans_reach_the_step_that_plans_them(deploy):
    wanted = {"SEGMENT_SECONDS": "90", "MAX_SEGMENTS": "5", "SPEECH_SPAN_SECONDS": "180", "MAX_SPANS": "3"}
    stack = deploy(SegmentSeconds="90", MaxSegments="5", SpeechSpanSeconds="180", MaxSpeechSpans="3")
    (function,) = [each for each in stack.aws.functions.all() if each.handler == "lambdas.ffmpeg.app.handler"]
    assert wanted.items() <= function.environment.items()
    assert wanted.items() <= environment_of(stack, "av-workflow-ffmpeg").items()
    states = {name: state for name, state, _ in all_states(deployed_machine(stack))}
    assert states["ReadMedia"]["ResultSelector"]["media"]["max_spans.$"] == "States.StringToJson('3')"
    assert states["EachSpan"]["MaxConcurrencyPath"] == "$.media.max_spans"


def test_where_short_videos_run_reaches_the_step_that_plans_it(deploy):
    wanted = {"SHORT_VIDEOS": "lambda", "SHORT_VIDEOS_MEMORY": "2048", "MAX_SHORT_VIDEO_FUNCTIONS": "5"}
    wanted["YOLOV3_MODEL"] = "yolov3-tiny"
    stack = deploy(
        ShortVideos="lambda", ShortVideosMemory="2048", MaxShortVideoFunctions="5", Yolov3Model="yolov3-tiny"
    )
    functions = {each.handler: each for each in stack.aws.functions.all()}
    assert wanted.items() <= functions["lambdas.ffmpeg.app.handler"].environment.items()
    assert wanted.items() <= environment_of(stack, "av-workflow-ffmpeg").items()
    yolov3 = functions["lambdas.yolov3.app.handler"]
    assert (yolov3.memory_mb, yolov3.environment["YOLOV3_MODEL"]) == (2048, "yolov3-tiny")


def test_a_new_account_refuses_larger_functions_and_takes_the_default(deploy):
    with pytest.raises(DeployError, match="3008"):
        deploy(ShortVideos="lambda", ShortVideosMemory="10240")


@pytest.mark.slow
def test_the_images_are_found_although_iam_propagates_late(deploy, monkeypatch):
    """The policies of each role count six seconds after its creation; the custom resource is called before."""
    monkeypatch.setattr(roles, "late_seconds", 6.0)
    images = {each["containerProperties"]["image"] for each in deploy().aws.batch.definitions()}
    assert len(images) == 2
    assert all("@sha256:" in each for each in images)


def test_gpus_run_while_idle_only_where_they_are_asked_for(deploy):
    environments = deploy(WarmGpuVcpus="8").aws.batch.compute_environments()
    warm = {each["computeEnvironmentName"]: each["computeResources"].get("minvCpus") for each in environments}
    assert warm == {
        "av-workflow-CpuCompute": None,
        "av-workflow-GpuSpotCompute": "8",
        "av-workflow-GpuOnDemandCompute": 0,
    }


def test_more_warm_gpus_than_the_maximum_are_refused(deploy):
    with pytest.raises(DeployError, match=r"GpuSpotCompute.*minvCpus \(20\)"):
        deploy(WarmGpuVcpus="20", MaxGpuVcpus="16")


def test_a_speech_job_takes_its_span_and_does_the_first_without(deploy):
    (job,) = [each for each in deploy().aws.batch.definitions() if each["jobDefinitionName"] == "av-workflow-audio2srt"]
    assert job["containerProperties"]["command"][-2:] == ["Ref::video", "Ref::part"]
    assert job["parameters"] == {"video": "", "part": "0"}


@pytest.mark.parametrize("compute", ["gpu", "cpu"])
def test_jobs_know_their_size_for_the_estimate_of_the_cost(deploy, compute):
    stack = deploy(DetectorCompute=compute, CpuDetectorVcpus="8", GpuInstanceTypes="g5.xlarge,g6.xlarge")
    for each in stack.aws.batch.definitions():
        environment = environment_of(stack, each["jobDefinitionName"])
        if each["platformCapabilities"] == ["EC2"]:
            assert environment["COMPUTE_INSTANCE"] == "g5.xlarge"
            continue
        wanted = {found["type"]: found["value"] for found in each["containerProperties"]["resourceRequirements"]}
        storage = each["containerProperties"]["ephemeralStorage"]["sizeInGiB"]
        told = [environment[f"COMPUTE_{what}"] for what in ("VCPUS", "MEMORY_MB", "STORAGE_GB")]
        assert told == [wanted["VCPU"], wanted["MEMORY"], str(storage)]


@pytest.mark.parametrize("vcpus", ["4", "8", "16"])
def test_the_cpu_detector_has_the_memory_that_goes_with_its_vcpus(deploy, vcpus):
    stack = deploy(CpuDetectorVcpus=vcpus)
    (found,) = [each for each in stack.aws.batch.definitions() if each["jobDefinitionName"] == "av-workflow-yolov3-cpu"]
    wanted = {each["type"]: each["value"] for each in found["containerProperties"]["resourceRequirements"]}
    assert wanted == {"VCPU": vcpus, "MEMORY": str(2048 * int(vcpus))}


def test_your_own_vpc_gets_the_jobs_and_no_network_is_made(deploy):
    ec2 = deploy.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in range(2)
    ]
    before = len(ec2.describe_vpcs()["Vpcs"]), len(ec2.describe_internet_gateways()["InternetGateways"])
    stack = deploy(VpcId=vpc, SubnetIds=",".join(subnets), AssignPublicIp="DISABLED")
    assert (len(ec2.describe_vpcs()["Vpcs"]), len(ec2.describe_internet_gateways()["InternetGateways"])) == before
    for environment in stack.aws.batch.compute_environments():
        assert environment["computeResources"]["subnets"] == subnets
        (group,) = environment["computeResources"]["securityGroupIds"]
        assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"] == vpc
    (job,) = [each for each in stack.aws.batch.definitions() if each["jobDefinitionName"] == "av-workflow-ffmpeg"]
    assert job["containerProperties"]["networkConfiguration"] == {"assignPublicIp": "DISABLED"}


def test_the_workflow_may_submit_every_revision_of_its_jobs_and_no_others(deploy):
    stack = deploy()
    iam = stack.aws.client("iam")
    policy = iam.get_role_policy(RoleName="av-workflow-StateMachineRole", PolicyName="workflow")["PolicyDocument"]
    (submit,) = [statement for statement in policy["Statement"] if statement["Action"] == "batch:SubmitJob"]
    wanted = [each["jobDefinitionArn"] for each in stack.aws.batch.definitions()]
    wanted += [arn.rpartition(":")[0] + ":99" for arn in wanted]  # revisions of a later or an earlier update
    wanted += [queue["jobQueueArn"] for queue in stack.aws.batch.queues()]
    assert not [arn for arn in wanted if not any(fnmatchcase(arn, pattern) for pattern in submit["Resource"])]
    foreign = wanted[0].replace("/av-workflow-", "/other-")
    assert not any(fnmatchcase(foreign, pattern) for pattern in submit["Resource"])


def test_outputs_lead_to_the_bucket_the_runs_and_the_dashboard(deploy):
    outputs = deploy().outputs
    assert outputs["StartUri"] == f"s3://{outputs['BucketName']}/start/"
    assert outputs["ResultUri"] == f"s3://{outputs['BucketName']}/result/"
    assert outputs["StateMachineConsole"].endswith(outputs["StateMachineArn"])
    assert re.fullmatch(
        r"https://us-east-1\.console\.aws\.amazon\.com/.*#dashboards/dashboard/av-workflow", outputs["DashboardConsole"]
    )
    assert outputs["FailureTopicArn"].startswith("arn:aws:sns:")
    assert re.fullmatch(r"https?://.*DeadLetters.*", outputs["DeadLettersUrl"])


def test_an_upload_wakes_the_start_function_and_is_not_lost(deploy):
    stack = deploy(DetectorCompute="cpu")
    (start,) = [each for each in stack.aws.functions.all() if each.handler == "start.app.handler"]
    stack.aws.functions.states.put_to_sleep(start.name, 1.5)
    stack.aws.client("s3").put_object(Bucket=stack.outputs["BucketName"], Key="start/a quiet month.mkv", Body=b"")
    states, machine = stack.aws.client("stepfunctions"), stack.outputs["StateMachineArn"]
    (execution,) = until(lambda: states.list_executions(stateMachineArn=machine)["executions"], "an execution")
    assert execution["name"].startswith("a-quiet-month-mkv-")
