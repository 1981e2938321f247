"""What each role of the deployed stack may do with each object of a run, tried with the role's own key."""

import json

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError

from avflow.workflow.layout import VideoRef
from local_aws.names import ACCOUNT

BUCKET = f"av-workflow-bucket-{ACCOUNT}"
VIDEO = VideoRef(BUCKET, "start/holiday/my video.mkv", "my-video-mkv-1f0c", base="result/holiday/my video")
OBJECTS = {
    "upload": VIDEO.key,
    "wav": VIDEO.wav(0),
    "converted": VIDEO.converted,
    "joined": VIDEO.joined,
    "boxed": VIDEO.boxed(3),
    "boxed mp4": VIDEO.segment_file("mp4", 3),
    "detections": VIDEO.detections(3),
    "pictures": VIDEO.segment_file("pictures", 3),
    "media": VIDEO.media_json,
    "plan": VIDEO.plan_json,
    "speech": VIDEO.part_json("audio2srt", 2),
    "boxes": VIDEO.part_json("yolov3", 3),
    "ffmpeg error": VIDEO.step_error_json("ffmpeg"),
    "audio2srt error": VIDEO.step_error_json("audio2srt"),
    "yolov3 error": VIDEO.step_error_json("yolov3"),
    "merge error": VIDEO.step_error_json("merge"),
    "result": VIDEO.result(".avi"),
    "manifest": VIDEO.result(".json"),
    "report": VIDEO.result(".error.json"),
    "claim": "names/holiday/my video",
    "other": "private/diary.txt",
}
ERRORS = {"ffmpeg error", "audio2srt error", "yolov3 error", "merge error"}
#: a pattern can't tell the conversion `a.avi` from the segment `a.boxed-0000.avi`, which YOLOv3 writes anew
FFMPEG = ({"upload"}, {"wav", "converted", "joined", "boxed", "media", "plan", "ffmpeg error"})
AUDIO2SRT = ({"wav", "media"}, {"speech", "audio2srt error"})
YOLOV3 = (
    {"upload", "converted", "boxed", "joined", "media", "boxes"},
    {"boxed", "boxed mp4", "detections", "pictures", "boxes", "yolov3 error"},
)
MERGE = (
    {
        "upload",
        "converted",
        "boxed",
        "boxed mp4",
        "detections",
        "pictures",
        "joined",
        "media",
        "speech",
        "boxes",
        "report",
    },
    {"result", "manifest", "report", "merge error"},
)
#: role -> what it reads, and what it writes
MAY = {
    "StartFunctionRole": ({"claim", "manifest", "report"}, {"claim"}),
    "FFmpegFunctionRole": FFMPEG,
    "FFmpegJobRole": FFMPEG,
    "Audio2srtFunctionRole": AUDIO2SRT,
    "Audio2srtJobRole": AUDIO2SRT,
    "Yolov3JobRole": YOLOV3,
    "MergeFunctionRole": MERGE,
    "MergeJobRole": MERGE,
    "FailedFunctionRole": ({"upload", "result", "manifest", "report", *ERRORS}, {"report"}),
    "StateMachineRole": ({"media", "plan"}, set()),
    "Yolov3FunctionRole": (set(), set()),
    "ImageUriFunctionRole": (set(), set()),
    "JobExecutionRole": (set(), set()),
    "GpuInstanceRole": (set(), set()),
}


def done(call, **arguments):
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("AccessDenied", "403"), error
        return False
    return True


@pytest.fixture
def client(deploy):
    """A function that makes the client of S3 of a role of the stack."""
    aws = deploy().aws

    def of(role):
        key = aws.keys.of_role(f"arn:aws:iam::{ACCOUNT}:role/av-workflow-{role}")
        session = Session(key.id, key.secret, key.token, region_name="us-east-1")
        return session.client("s3", endpoint_url=aws.url)

    of.user = aws.client("s3")
    of.user.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})  # uploads start nothing
    return of


def test_each_role_reaches_the_objects_of_its_step_and_no_other(client, translated):
    assert {*MAY} == {*translated.of_type("AWS::IAM::Role")}
    for key in OBJECTS.values():
        client.user.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    newest = client.user.head_object(Bucket=BUCKET, Key=OBJECTS["upload"])["VersionId"]
    found, deletes, lists, versions = {}, set(), set(), set()
    for role in MAY:
        for name in ("result", "manifest", "report"):  # which the role before may have deleted
            client.user.put_object(Bucket=BUCKET, Key=OBJECTS[name], Body=b"{}")
        s3 = client(role)
        reads = {name for name, key in OBJECTS.items() if done(s3.get_object, Key=key)}
        assert reads == {name for name, key in OBJECTS.items() if done(s3.head_object, Key=key)}
        writes = {name for name, key in OBJECTS.items() if done(s3.put_object, Key=key, Body=b"{}")}
        found[role] = (reads, writes)
        deletes |= {(role, name) for name, key in OBJECTS.items() if done(s3.delete_object, Key=key)}
        versions |= {role for name in ("upload",) if done(s3.get_object, Key=OBJECTS[name], VersionId=newest)}
        lists |= {role for call in (s3.list_objects_v2, s3.list_object_versions, s3.head_bucket) if done(call)}
    assert found == MAY
    assert deletes == {
        (role, name) for role in ("MergeFunctionRole", "MergeJobRole") for name in ("result", "manifest", "report")
    } | {("FailedFunctionRole", "result"), ("FailedFunctionRole", "report")}
    steps = {"FFmpeg", "Merge"}
    assert versions == {f"{step}{where}Role" for step in steps for where in ("Function", "Job")} | {"Yolov3JobRole"}
    assert not lists


def test_short_videos_on_lambda_read_and_write_as_their_jobs(deploy):
    """With ShortVideos=batch the function is a self-test and reaches nothing, as MAY says."""
    aws = deploy(ShortVideos="lambda").aws
    user = aws.client("s3")
    user.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    for key in OBJECTS.values():
        user.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    key = aws.keys.of_role(f"arn:aws:iam::{ACCOUNT}:role/av-workflow-Yolov3FunctionRole")
    session = Session(key.id, key.secret, key.token, region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=aws.url)
    reads = {name for name, key in OBJECTS.items() if done(s3.get_object, Key=key)}
    writes = {name for name, key in OBJECTS.items() if done(s3.put_object, Key=key, Body=b"{}")}
    assert (reads, writes) == YOLOV3


def test_the_bucket_itself_keeps_other_roles_from_results(client, deploy):
    """Although a later policy allows more: a role of the stack gets it, and is denied results."""
    policy = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    denied = [role for role in MAY if role not in ("MergeFunctionRole", "MergeJobRole", "FailedFunctionRole")]
    for role in denied:
        grant(deploy.aws, role, policy)
        s3 = client(role)
        assert done(s3.put_object, Key="private/a", Body=b""), role
        assert not done(s3.put_object, Key=OBJECTS["result"], Body=b""), role
        assert not done(s3.delete_object, Key=OBJECTS["result"]), role
        assert not done(s3.create_multipart_upload, Key=OBJECTS["result"]), role
    assert done(client.user.put_object, Key=OBJECTS["result"], Body=b"the user's own")
    assert done(client.user.delete_object, Key=OBJECTS["result"])


def grant(aws, role, statement):
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName=f"av-workflow-{role}", PolicyName="more", PolicyDocument=document)
