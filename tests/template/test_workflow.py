"""The state machine and the template agree, and every state has a time-out."""

import re

import yaml

from avflow.workflow import plan
from tests.template.conftest import all_states, tasks

LAMBDA, BATCH = "arn:${Partition}:states:::lambda:invoke", "arn:${Partition}:states:::batch:submitJob.sync"


def test_every_lambda_task_retries_and_is_caught(machine):
    functions = [(name, state, caught) for name, state, caught in tasks(machine) if state["Resource"] == LAMBDA]
    assert {name for name, _, _ in functions} == {"FFmpeg", "Audio2srt", "Yolov3OnLambda", "Merge", "ReportFailure"}
    for name, state, caught in functions:
        assert state["Retry"], name
        assert "Catch" in state or caught, name


def test_every_task_is_caught_by_itself_or_around_it(machine):
    assert not [name for name, state, caught in tasks(machine) if "Catch" not in state and not caught]


def test_every_task_has_a_time_out(machine):
    assert not [name for name, state, _ in tasks(machine) if "TimeoutSeconds" not in state]


def test_a_job_may_wait_and_run_as_long_as_the_parameters_allow(machine, translated):
    parameters = translated.template["Parameters"]
    longest = parameters["GpuWaitSeconds"]["MaxValue"] + parameters["JobTimeoutSeconds"]["MaxValue"]
    jobs = [state for _, state, _ in tasks(machine) if state["Resource"] == BATCH]
    assert len(jobs) == 6
    assert all(longest < state["TimeoutSeconds"] < machine["TimeoutSeconds"] for state in jobs)


def test_segments_have_the_time_that_the_parameters_give_them(machine, translated):
    parameters = translated.template["Parameters"]
    limits = {name: state["TimeoutSeconds"] for name, state, _ in tasks(machine)}
    default = {name: facts.get("Default") for name, facts in parameters.items()}
    rounds = default["MaxSegments"] / (default["MaxGpuVcpus"] / 4)
    longest = rounds * default["JobTimeoutSeconds"] + default["GpuWaitSeconds"]
    assert longest < limits["Yolov3"] + limits["Yolov3OnDemand"], "segments that are missing after Spot run on demand"
    rounds = default["MaxSegments"] / (parameters["MaxCpuVcpus"]["MinValue"] / default["CpuDetectorVcpus"])
    assert rounds * default["JobTimeoutSeconds"] + default["GpuWaitSeconds"] < limits["Yolov3OnCpu"]


def test_where_two_waits_for_gpus_end_with_their_time_the_cpu_has_time_for_a_job(machine, translated):
    limits = {name: state["TimeoutSeconds"] for name, state, _ in tasks(machine)}
    job = translated.template["Parameters"]["JobTimeoutSeconds"]["MaxValue"]
    assert limits["Yolov3"] + limits["Yolov3OnDemand"] + job < machine["TimeoutSeconds"]


def test_a_lambda_state_outlives_its_function(machine, translated):
    functions = translated.properties("AWS::Lambda::Function")
    for name, state, _ in tasks(machine):
        if state["Resource"] == LAMBDA:
            function = state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
            assert functions[function]["Timeout"] < state["TimeoutSeconds"], name


def test_intermediate_files_outlive_the_longest_run(machine, translated):
    days = translated.template["Parameters"]["IntermediateDays"]["MinValue"]
    assert days * 86400 > machine["TimeoutSeconds"]


def test_substitutions_are_provided_and_used_and_resolve(machine_text, translated):
    (properties,) = translated.properties("AWS::StepFunctions::StateMachine").values()
    provided = properties["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", machine_text)) == set(provided)
    for name, value in provided.items():
        alternatives = value["Fn::If"][1:] if "Fn::If" in value else [value]
        for each in alternatives:
            target = each["Ref"] if "Ref" in each else each["Fn::GetAtt"][0]
            known = {*translated.resources, *translated.template["Parameters"], "AWS::Partition"}
            assert target in known, name


def test_every_state_says_what_it_is_for(machine):
    assert not [name for name, state, _ in all_states(machine) if not state.get("Comment")]


def test_a_source_goes_straight_to_batch_where_it_and_a_copy_would_fill_tmp(machine, translated):
    (choice,) = machine["States"]["SourceFitsLambda"]["Choices"]
    limit = choice["And"][1]["NumericGreaterThan"]
    tmp = translated.properties("AWS::Lambda::Function")["FFmpegFunction"]["EphemeralStorage"]["Size"]
    assert limit == tmp * 2**20 / 2


def test_the_plan_knows_the_limits_of_the_functions_it_plans_for(translated):
    functions = translated.properties("AWS::Lambda::Function")
    assert functions["Audio2srtFunction"]["Timeout"] == plan.AUDIO2SRT_LAMBDA_SECONDS
    assert 2**20 * functions["MergeFunction"]["EphemeralStorage"]["Size"] == plan.MERGE_LAMBDA_TMP_BYTES
    yolov3 = functions["Yolov3Function"]
    assert 2**20 * yolov3["EphemeralStorage"]["Size"] == plan.YOLOV3_LAMBDA_TMP_BYTES
    assert yolov3["Timeout"] == 900 >= 5 * plan.SHORT_SECONDS
    planning = functions["FFmpegFunction"]["Environment"]["Variables"]
    assert planning["SPEECH_MODEL"] == {"Ref": "SpeechModel"}
    assert planning["YOLOV3_MODEL"] == yolov3["Environment"]["Variables"]["YOLOV3_MODEL"] == {"Ref": "Yolov3Model"}
    assert planning["SHORT_VIDEOS_MEMORY"] == yolov3["MemorySize"] == {"Ref": "ShortVideosMemory"}


def test_a_job_is_an_array_where_there_are_several_segments(machine):
    arrays = {name for name, state, _ in tasks(machine) if "ArrayProperties.$" in state.get("Parameters", {})}
    assert arrays == {"Yolov3", "Yolov3OnDemand", "Yolov3OnCpu"}
    jobs = {name: state["Parameters"]["Parameters"] for name, state, _ in tasks(machine) if state["Resource"] == BATCH}
    assert [name for name, given in jobs.items() if "part.$" in given] == ["Audio2srtOnBatch"]


def test_no_more_spans_than_an_inline_map_runs_at_once(translated):
    # AWS Step Functions Developer Guide, "Map state in Inline mode"
    assert translated.template["Parameters"]["MaxSpeechSpans"]["MaxValue"] <= 40


def test_no_more_functions_of_a_short_video_than_the_map_runs_at_once(translated, machine):
    states = {name: state for name, state, _ in all_states(machine)}
    assert translated.template["Parameters"]["MaxShortVideoFunctions"]["MaxValue"] == 40
    assert states["EachSegment"]["MaxConcurrency"] == 40


def test_the_functions_of_a_step_are_tried_and_moved_to_batch_for_the_same_errors(machine):
    functions = ("FFmpeg", "Audio2srt", "Yolov3OnLambda", "Merge")
    steps = {name: state for name, state, _ in tasks(machine) if name in functions}
    retries = {name: list(state["Retry"]) for name, state in steps.items()}
    moves = {name: set(state["Catch"][0]["ErrorEquals"]) for name, state in steps.items()}
    busy = retries["Yolov3OnLambda"][-1]
    assert busy["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
    # a short video does not wait for a busy account
    retries["Yolov3OnLambda"][-1] = {**busy, "MaxAttempts": retries["FFmpeg"][-1]["MaxAttempts"]}
    assert all(retry == retries["FFmpeg"] for retry in retries.values())
    assert all(move == moves["FFmpeg"] for move in moves.values())


def test_a_short_video_waits_for_a_busy_account_much_shorter_than_for_an_instance(machine):
    (state,) = [state for name, state, _ in tasks(machine) if name == "Yolov3OnLambda"]
    busy = state["Retry"][-1]
    waits = [busy["IntervalSeconds"] * busy["BackoffRate"] ** tried for tried in range(busy["MaxAttempts"])]
    assert sum(waits) < plan.SHORT_SECONDS / 20


def test_there_is_no_yaml_alias(machine_text):
    """CloudFormation takes an alias for a string. Linters do not notice: they resolve it first."""
    assert not [event for event in yaml.parse(machine_text) if isinstance(event, yaml.AliasEvent)]
