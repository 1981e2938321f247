"""The image of each function in AWS Lambda's Runtime Interface Emulator, on the real sample."""

import json
import re

import pytest

from avflow.models.store import ModelStore
from local_aws.environment import aws_environment
from tests.containers.conftest import YOLOV3_MODEL, emulated
from tests.e2e.test_sample import WORDS
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def lambda_environment(stack):
    return {
        **aws_environment(stack.aws.url),
        **stack.aws.access_key.environment,
        "AWS_LAMBDA_FUNCTION_NAME": "emulated",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "120",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


@pytest.fixture
def objects(stack):
    """The objects that a step made in the earlier run. A test deletes them, and expects the step to make them again."""
    s3, bucket = stack.aws.client("s3"), stack.bucket
    execution = stack.event["video"]["execution"]

    def body(key):
        return s3.get_object(Bucket=bucket, Key=key.format(execution))["Body"].read()

    class Objects:
        def take(self, key):
            content = body(key)
            s3.delete_object(Bucket=bucket, Key=key.format(execution))
            return content

        read = staticmethod(body)

    return Objects()


def test_ffmpeg_extracts_the_sound(stack, images, objects, lambda_environment):
    before = objects.take("audio/{}/my_video-0000.wav")
    with emulated(images.media, "lambdas.ffmpeg.app.handler", lambda_environment) as invoke:
        answer = invoke(stack.event)
    assert answer["step"]["name"] == "ffmpeg"
    assert answer["step"]["ran_on"] == "lambda"
    assert objects.read("audio/{}/my_video-0000.wav") == before


def test_audio2srt_writes_what_is_said(stack, images, objects, lambda_environment):
    objects.take("media/{}/audio2srt-0000.json")
    with emulated(images.media, "lambdas.audio2srt.app.handler", lambda_environment) as invoke:
        answer = invoke(stack.event)
    assert answer["step"]["name"] == "audio2srt"
    transcript = json.loads(objects.read("media/{}/audio2srt-0000.json"))["transcript"]
    said = " ".join(word["text"] for words in transcript["segments"] for word in words)
    assert re.sub(r"[^a-z ]", "", said.lower()) == WORDS


def test_merge_publishes_the_results(stack, images, objects, lambda_environment):
    before = objects.take("result/my_video.avi")
    objects.take("result/my_video.json")
    with emulated(images.media, "lambdas.merge.app.handler", lambda_environment) as invoke:
        answer = invoke(stack.event)
    assert answer["step"]["name"] == "merge"
    assert len(objects.read("result/my_video.avi")) == len(before)
    assert objects.read("result/my_video.json").startswith(b"{")


def test_yolov3_detects_a_segment_of_a_short_video(stack, images, objects, lambda_environment):
    detections = objects.take("video/{}/my_video.detections-0000.jsonl")
    objects.take("video/{}/my_video.boxed-0000.avi")
    objects.take("media/{}/yolov3-0000.json")
    with emulated(images.yolov3, "lambdas.yolov3.app.handler", lambda_environment) as invoke:
        answer = invoke({**stack.event, "part": 0})
    assert answer["step"]["name"] == "yolov3"
    assert answer["step"]["ran_on"] == "lambda"
    assert objects.read("video/{}/my_video.detections-0000.jsonl") == detections
    assert objects.read("video/{}/my_video.boxed-0000.avi").startswith(b"RIFF")


def test_a_failure_goes_out_by_its_name(stack, images, lambda_environment):
    event = {"video": {**stack.event["video"], "key": "start/nowhere.mkv", "version_id": None}}
    with emulated(images.media, "lambdas.ffmpeg.app.handler", lambda_environment) as invoke:
        answer = invoke(event)
    assert answer["errorType"] == "SourceMissing"
    assert "nowhere.mkv" in answer["errorMessage"]


def test_a_full_tmp_goes_out_as_work_for_batch(stack, images, lambda_environment):
    with emulated(images.media, "lambdas.ffmpeg.app.handler", lambda_environment, scratch="100k") as invoke:
        answer = invoke(stack.event)
    assert answer["errorType"] == "LambdaBudgetExceeded"


def test_the_yolov3_function_tests_itself(images, lambda_environment):
    with emulated(images.yolov3, "lambdas.yolov3.app.handler", lambda_environment) as invoke:
        answer = invoke({})
    declared = ModelStore().describe(YOLOV3_MODEL).files[0]
    assert answer["model"]["name"] == YOLOV3_MODEL
    assert answer["model"]["files"][0]["sha256"] == declared.sha256
    assert answer["engine"].startswith("OpenVINO on the CPU, ")
    assert {found["class"] for found in answer["boxes"]} == {"horse", "dog", "person"}
    (dog,) = [found for found in answer["boxes"] if found["class"] == "dog"]
    assert dog["confidence"] > 0.85
    assert [abs(side - expected) < 12 for side, expected in zip(dog["box"], (71, 267, 131, 86), strict=True)] == [
        True
    ] * 4
    assert 0 < answer["seconds"]["detect"] < PATIENCE_SECONDS


def test_the_deployed_self_test_answers_as_a_function(stack):
    import json

    answer = stack.aws.client("lambda").invoke(FunctionName="av-workflow-Yolov3Function", Payload=b"{}")
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"])["model"]["name"] == YOLOV3_MODEL
