"""Parameters: described, grouped, and refused by name before anything is created."""

import re
from pathlib import Path

import pytest

from local_aws.cloudformation.deploy import DeployError
from tests.template.conftest import ROOT

WRONG = [
    ({"GpuInstanceTypes": "g3s.xlarge"}, "GpuInstanceTypes"),  # SCAR's instance type: too old for CUDA
    ({"GpuInstanceTypes": "g4dn.xlarge,p3.2xlarge"}, "GpuInstanceTypes"),
    ({"GpuInstanceTypes": "g5g.xlarge"}, "GpuInstanceTypes"),  # Arm
    ({"GpuInstanceTypes": "m7i.large"}, "GpuInstanceTypes"),
    ({"GpuInstanceTypes": "g4dn.xlarge, g5.xlarge"}, "GpuInstanceTypes"),  # sam would take it for two parameters
    ({"GpuInstanceTypes": "g4dn.xlarge,"}, "GpuInstanceTypes"),
    ({"WarmGpuVcpus": "-4"}, "WarmGpuVcpus"),
    ({"WarmGpuVcpus": "4", "DetectorCompute": "cpu"}, "WarmGpuVcpus"),
    ({"Yolov3Model": ""}, "Yolov3Model"),
    ({"Yolov3Model": "../yolov3"}, "Yolov3Model"),
    ({"SpeechModel": "whisper small"}, "SpeechModel"),
    ({"SpeechTask": "summarise"}, "SpeechTask"),
    ({"SpeechTask": "translate", "SpeechModel": "whisper-tiny.en"}, "SpeechModel"),
    ({"SpeechTask": "translate", "SpeechModel": "pocketsphinx-en-us"}, "SpeechTask"),
    ({"Outputs": "mp4,webm"}, "Outputs"),
    ({"Outputs": "mp4, vtt"}, "Outputs"),
    ({"Outputs": ""}, "Outputs"),
    ({"Confidence": "1"}, "Confidence"),
    ({"Confidence": "much"}, "Confidence"),
    ({"Nms": "0.04"}, "Nms"),
    ({"Labels": "tracks"}, "Labels"),
    ({"LabelSize": "4"}, "LabelSize"),
    ({"DetectEvery": "0"}, "DetectEvery"),
    ({"SpeechLanguage": "English"}, "SpeechLanguage"),
    ({"SpeechLanguage": "de", "SpeechModel": "whisper-tiny.en"}, "SpeechLanguage"),
    ({"DetectorPrecision": "int4"}, "DetectorPrecision"),
    ({"OnTruncated": "ignore"}, "OnTruncated"),
    ({"Isolation": "none"}, "Isolation"),
    ({"AudioTrack": "English please"}, "AudioTrack"),
    ({"DetectorCompute": "tpu"}, "DetectorCompute"),
    ({"CpuDetectorVcpus": "6"}, "CpuDetectorVcpus"),
    ({"MaxGpuVcpus": "2"}, "MaxGpuVcpus"),
    ({"MaxCpuVcpus": "8"}, "MaxCpuVcpus"),
    ({"GpuWaitSeconds": "60"}, "GpuWaitSeconds"),
    ({"JobTimeoutSeconds": "1000000"}, "JobTimeoutSeconds"),
    ({"ShortVideos": "fargate"}, "ShortVideos"),
    ({"ShortVideosMemory": "1024"}, "ShortVideosMemory"),
    ({"ShortVideosMemory": "10241"}, "ShortVideosMemory"),
    ({"MaxShortVideoFunctions": "0"}, "MaxShortVideoFunctions"),
    ({"MaxShortVideoFunctions": "41"}, "MaxShortVideoFunctions"),
    ({"SegmentSeconds": "0"}, "SegmentSeconds"),
    ({"SegmentSeconds": "90000"}, "SegmentSeconds"),
    ({"MaxSegments": "0"}, "MaxSegments"),
    ({"MaxSegments": "1001"}, "MaxSegments"),
    ({"SpeechSpanSeconds": "30"}, "SpeechSpanSeconds"),
    ({"SpeechSpanSeconds": "3601"}, "SpeechSpanSeconds"),
    ({"MaxSpeechSpans": "0"}, "MaxSpeechSpans"),
    ({"MaxSpeechSpans": "41"}, "MaxSpeechSpans"),
    ({"VpcId": "my-vpc"}, "VpcId"),
    ({"VpcId": "vpc-0123"}, "SubnetIds"),
    ({"VpcId": "vpc-0123", "SubnetIds": ""}, "SubnetIds"),
    ({"VpcId": "vpc-0123", "SubnetIds": "subnet-01, "}, "SubnetIds"),
    ({"SubnetIds": "subnet-01"}, "VpcId"),
    ({"AssignPublicIp": "DISABLED"}, "AssignPublicIp"),
    ({"AssignPublicIp": "no"}, "AssignPublicIp"),
    ({"FailureEmail": "somebody"}, "FailureEmail"),
    ({"LogRetentionDays": "31"}, "LogRetentionDays"),
    ({"IntermediateDays": "1"}, "IntermediateDays"),
    ({"PermissionsBoundaryArn": "boundary"}, "PermissionsBoundaryArn"),
    ({"Bucket": "mine"}, "Bucket"),
]


@pytest.mark.parametrize(("parameters", "named"), WRONG, ids=str)
def test_a_wrong_parameter_is_named_before_anything_is_created(deploy, parameters, named):
    with pytest.raises(DeployError, match=named):
        deploy(**parameters)
    assert not deploy.aws.client("s3").list_buckets()["Buckets"]
    assert not deploy.aws.functions.all()


@pytest.mark.parametrize(
    "types",
    ["g4dn", *(pytest.param(each, marks=pytest.mark.slow) for each in ("g6e.2xlarge", "g4dn.xlarge,g5.xlarge",
                                                                        "g4dn.metal", "p5.48xlarge"))],
)  # fmt: skip
def test_families_and_types_of_current_gpus_are_taken(deploy, types):
    batch = deploy(GpuInstanceTypes=types).aws.batch
    (spot,) = [each for each in batch.compute_environments() if "Spot" in each["computeEnvironmentName"]]
    assert spot["computeResources"]["instanceTypes"] == types.split(",")


def test_every_parameter_is_described_grouped_labelled_and_explains_its_limits(translated):
    declared = translated.template["Parameters"]
    interface = translated.template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(declared)
    assert set(interface["ParameterLabels"]) == set(declared)
    for name, facts in declared.items():
        assert len(facts["Description"]) > 20, name
        assert name in facts["ConstraintDescription"], f"CloudFormation shows only this text, so it must name {name}"
        assert "Default" in facts, f"`sam deploy` must work without {name}"


def test_rules_use_only_functions_that_rules_have(translated):
    # a Join or a Split works in conditions, not in rules (CloudFormation Template Reference, "Rule functions")
    known = {
        "Fn::And",
        "Fn::Contains",
        "Fn::EachMemberEquals",
        "Fn::EachMemberIn",
        "Fn::Equals",
        "Fn::Not",
        "Fn::Or",
        "Ref",
    }
    used = set(re.findall(r"'(Fn::\w+|Ref)'", str(translated.template["Rules"])))
    assert used <= {*known, "Ref"}


def test_a_model_that_does_not_exist_fails_the_build_by_its_parameter(translated):
    """`sam build` resolves parameters in the build arguments. The build names the parameter that it refuses."""
    for function, parameter, argument in [
        ("FFmpegFunction", "SpeechModel", "SPEECH_MODEL"),
        ("Yolov3Function", "Yolov3Model", "YOLOV3_MODEL"),
    ]:
        metadata = translated.resources[function]["Metadata"]
        assert metadata["DockerBuildArgs"][argument] == {"Ref": parameter}
        dockerfile = (ROOT / metadata["DockerContext"] / metadata["Dockerfile"]).read_text(encoding="utf-8")
        assert re.search(rf'{parameter} "\${argument}"', dockerfile), f"{metadata['Dockerfile']} names {parameter}"


def test_the_default_models_are_in_the_manifest(translated):
    from avflow.models.store import ModelStore

    store = ModelStore(Path("unused"))
    for name in ("Yolov3Model", "SpeechModel"):
        assert translated.template["Parameters"][name]["Default"] in store.names()


@pytest.mark.parametrize("rule", ["TranslationNeedsLanguages", "LanguageIsTheModels"])
def test_the_rules_of_languages_name_all_models_of_one_language(translated, rule):
    from avflow.models.store import ModelStore

    store = ModelStore(Path("unused"))
    (assertion,) = translated.template["Rules"][rule]["Assertions"]
    (one_of,) = assertion["Assert"]["Fn::Not"]
    listed = [equals["Fn::Equals"][1] for equals in one_of["Fn::Or"]]
    assert sorted(listed) == sorted(name for name in store.names() if store.describe(name).only_language)
