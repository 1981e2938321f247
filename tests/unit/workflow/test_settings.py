"""The settings of a step have the template's defaults and limits."""

from pathlib import Path
from typing import get_args

import pytest
from samtranslator.yaml_helper import yaml_parse

from avflow.detection.opening import Precision
from avflow.errors import SettingInvalid
from avflow.workflow import settings
from avflow.workflow.settings import Settings
from avflow_cli.main import run

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
PARAMETERS = {
    "SegmentSeconds": ("SEGMENT_SECONDS", "segment_seconds"),
    "MaxSegments": ("MAX_SEGMENTS", "max_segments"),
    "SpeechSpanSeconds": ("SPEECH_SPAN_SECONDS", "speech_span_seconds"),
    "MaxSpeechSpans": ("MAX_SPANS", "max_spans"),
    "ShortVideosMemory": ("SHORT_VIDEOS_MEMORY", "short_videos_memory"),
    "MaxShortVideoFunctions": ("MAX_SHORT_VIDEO_FUNCTIONS", "max_short_video_functions"),
    "MaxRunCost": ("MAX_RUN_COST", "max_run_cost"),
}


@pytest.fixture(scope="module")
def parameters():
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Parameters"]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_number_has_the_defaults_and_limits_of_its_parameter(parameters, parameter):
    variable, field = PARAMETERS[parameter]
    limits, declared = getattr(settings, variable), parameters[parameter]
    assert getattr(Settings(), field) == declared["Default"]
    assert (limits.least, limits.most) == (declared["MinValue"], declared["MaxValue"])
    for allowed in limits.least, limits.most:
        assert getattr(Settings.from_environ({variable: str(allowed)}), field) == allowed
    for refused in limits.least - 1, limits.most + 1:
        with pytest.raises(SettingInvalid, match=f"{variable} is '{refused}'; it must be a number from"):
            Settings.from_environ({variable: str(refused)})


def test_the_precisions_are_the_detectors_and_the_templates(parameters):
    assert get_args(Precision) == settings.PRECISIONS == tuple(parameters["DetectorPrecision"]["AllowedValues"])
    assert Settings().detector_precision == parameters["DetectorPrecision"]["Default"]


def test_what_to_do_with_a_cut_file_is_the_templates_and_the_command_lines(parameters):
    (option,) = [option for option in run.params if option.name == "on_truncated"]
    declared = parameters["OnTruncated"]
    assert settings.ON_TRUNCATED == tuple(declared["AllowedValues"]) == tuple(option.type.choices)
    assert Settings().on_truncated == declared["Default"] == option.default
    assert Settings.from_environ({"ON_TRUNCATED": "fail"}).on_truncated == "fail"
    with pytest.raises(SettingInvalid, match="ON_TRUNCATED is 'ignore'; it must be one of process, fail"):
        Settings.from_environ({"ON_TRUNCATED": "ignore"})


def test_the_isolation_is_the_templates_and_the_command_lines(parameters):
    (option,) = [option for option in run.params if option.name == "isolation"]
    declared = parameters["Isolation"]
    assert settings.ISOLATION == tuple(declared["AllowedValues"]) == tuple(option.type.choices)
    assert Settings().isolation == declared["Default"] == option.default == "best"
    assert Settings.from_environ({"ISOLATION": "required"}).isolation == "required"
    with pytest.raises(SettingInvalid, match="ISOLATION is 'none'; it must be one of best, required"):
        Settings.from_environ({"ISOLATION": "none"})


def test_where_short_videos_run_is_the_templates_and_the_command_lines(parameters):
    (option,) = [option for option in run.params if option.name == "short_videos"]
    declared = parameters["ShortVideos"]
    assert settings.SHORT_VIDEOS == tuple(declared["AllowedValues"]) == tuple(option.type.choices)
    assert Settings().short_videos == declared["Default"] == option.default == "batch"
    assert Settings.from_environ({"SHORT_VIDEOS": "lambda"}).short_videos == "lambda"
    with pytest.raises(SettingInvalid, match="SHORT_VIDEOS is 'gpu'; it must be one of batch, lambda"):
        Settings.from_environ({"SHORT_VIDEOS": "gpu"})


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(("SEGMENT_SECONDS", "DETECTOR_PRECISION", "SPEECH_MODEL"), "")])
def test_what_is_not_set_or_empty_has_its_default(environ):
    assert Settings.from_environ(environ) == Settings()


@pytest.mark.parametrize(("devices", "gpu"), [("GPU-1b2c", True), ("all", False), ("", False)])
def test_a_gpu_is_one_that_ecs_names(devices, gpu):
    assert Settings.from_environ({"NVIDIA_VISIBLE_DEVICES": devices}).has_gpu is gpu


def test_what_batch_tells_a_job():
    told = {"AWS_BATCH_JOB_ID": "4f0c:2", "AWS_BATCH_JOB_ATTEMPT": "2", "AWS_BATCH_JOB_ARRAY_INDEX": "0"}
    found = Settings.from_environ({**told, "FALLBACK_FROM": "spot", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert (found.job_id, found.job_attempt, found.array_index) == ("4f0c:2", 2, 0)
    assert (found.fallback_from, found.on_aws) == ("spot", False)


def test_the_command_line_has_the_same_limits():
    (option,) = [option for option in run.params if option.name == "segment_seconds"]
    assert (option.type.min, option.type.max) == (settings.SEGMENT_SECONDS.least, settings.SEGMENT_SECONDS.most)
