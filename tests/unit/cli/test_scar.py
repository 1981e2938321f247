"""`avflow import`: a workflow of SCAR becomes a samconfig.toml that SAM and the template take."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from avflow_cli import samconfig
from avflow_cli.main import main
from avflow_cli.scar.mapping import mapped
from avflow_cli.scar.workflow import ScarInvalid, read

WORKFLOW = Path(__file__).parent / "fixtures" / "scar-workflow.yaml"
TEMPLATE = samconfig.read().template


def changed(tmp_path, change):
    """The workflow after a change of its functions."""
    found = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    change(found["functions"]["aws"])
    path = tmp_path / "workflow.yaml"
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
    return mapped(read(path), TEMPLATE)


@pytest.fixture
def imported(tmp_path, capsys):
    """What is printed, and what `sam deploy` would read afterwards."""
    shutil.copy(samconfig.ROOT / "template.yaml", tmp_path)
    assert main(["import", str(WORKFLOW), "--out", str(tmp_path / "samconfig.toml")]) == os.EX_OK
    return capsys.readouterr().out, samconfig.read(tmp_path)


def test_sam_reads_what_was_written(imported):
    printed, deployment = imported
    assert (deployment.stack_name, deployment.region, deployment.profile) == ("films", "eu-west-1", "films")
    set_here = {
        "DetectorCompute": "gpu",
        "MaxGpuVcpus": "12",
        "WarmGpuVcpus": "4",
        "GpuInstanceTypes": "g4dn.xlarge",
        "LogRetentionDays": "60",
    }
    defaults = {name: str(facts.get("Default", "")) for name, facts in TEMPLATE["Parameters"].items()}
    assert deployment.parameters == defaults | set_here
    assert all(f"  {name}={value}\n" in printed for name, value in set_here.items())
    assert samconfig.read(command="build").parameters.keys() == deployment.parameters.keys()


def test_what_has_no_counterpart_is_said(imported):
    printed, _ = imported
    for said in (
        "films-bucket/start: uploads go to start/ of the stack's own bucket",
        "films-bucket/result: results appear in result/ of the stack's own bucket",
        "films-bucket/audio: intermediates",
        "scar-films-ffmpeg: memory: 1024 MB there, 3008 MB here",
        "scar-films-audio2srt: timeout: 300 s there, 900 s here",
        "scar-films-ffmpeg: init_script: ",
        "scar-films-yolov3: container: example/yolov3:cudnn: ",
        "scar-films-yolov3: instance_types: g3s.xlarge: its GPU is too old",
        "scar-films-yolov3: subnets: the stack makes a network of its own; to use yours, add VpcId=vpc-… "
        "SubnetIds=subnet-1,subnet-2",
        "scar-films-yolov3: security_group_ids: ",
    ):
        assert f"  {said}" in printed
    assert "scar-films-ffmpeg: timeout" not in printed, "it is the same here"
    assert "g4dn.xlarge: " not in printed


def test_a_parameter_is_within_the_templates_limits(tmp_path):
    def small(functions):
        functions[2]["batch"] |= {"enable_gpu": False, "vcpus": 6}
        functions[2]["batch"]["compute_resources"]["max_v_cpus"] = 2

    found = changed(tmp_path, small)
    assert found.parameters["DetectorCompute"] == "cpu"
    assert found.parameters["CpuDetectorVcpus"] == "8"
    assert found.parameters["MaxCpuVcpus"] == "16"
    assert "scar-films-yolov3: max_v_cpus: 2 there, at least 16 here" in found.notes
    assert not {"GpuInstanceTypes", "WarmGpuVcpus", "MaxGpuVcpus"} & found.parameters.keys()
    for name, value in found.parameters.items():
        limits = TEMPLATE["Parameters"][name]
        assert value in [str(each) for each in limits.get("AllowedValues", [value])]
        assert int(limits.get("MinValue", 0)) <= int(value) if value.isdigit() else True


def test_a_function_of_another_kind_is_named(tmp_path):
    other = {"lambda": {"name": "scar-films-thumbs", "container": {"image": "example/thumbs"}}}
    found = changed(tmp_path, lambda functions: functions.append(other))
    assert "scar-films-thumbs (example/thumbs): no step here does what this function does" in found.notes


@pytest.mark.parametrize("prefix", ["scar-films", "films", "Ünïcode", "scar-"])
def test_the_stack_never_has_the_name_of_the_functions(tmp_path, prefix):
    """The log group of SCAR's function NAME-ffmpeg exists, and a stack NAME would create it."""

    def rename(functions):
        for each in functions:
            each["lambda"]["name"] = each["lambda"]["name"].replace("scar-films", prefix)

    name = changed(tmp_path, rename).stack_name
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", name)
    assert name != prefix


def test_several_profiles_are_not_guessed(tmp_path):
    found = changed(tmp_path, lambda functions: functions[0]["lambda"].update(boto_profile="other"))
    assert found.settings == {"region": "eu-west-1"}
    assert "boto_profile: the functions name several: films, other" in found.notes


def test_a_file_that_exists_is_replaced_only_by_force(tmp_path, capsys):
    out = tmp_path / "samconfig.toml"
    out.write_text("mine", encoding="utf-8")
    assert main(["import", str(WORKFLOW), "--out", str(out)]) == os.EX_CANTCREAT
    assert out.read_text(encoding="utf-8") == "mine"
    assert main(["import", str(WORKFLOW), "--out", str(out), "--force", "--json"]) == os.EX_OK
    told = json.loads(capsys.readouterr().out)
    assert told["stack_name"] == "films" and told["parameters"]["DetectorCompute"] == "gpu"
    assert "mine" not in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not YAML"),
        ("- 1", "has no list"),
        ("functions: {aws: {}}", "has no list"),
        ("functions: {aws: [1, {lambda: 2}, {lambda: {name: cow, container: 3}}]}", "has no function with"),
        ("!!python/object/apply:os.system [id]", "is not YAML"),
    ],
)
def test_another_file_is_refused_in_a_sentence(tmp_path, text, said):
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScarInvalid, match=said):
        read(path)
    with pytest.raises(ScarInvalid, match="can't be read"):
        read(tmp_path / "none.yaml")
