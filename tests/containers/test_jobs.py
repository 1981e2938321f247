"""Batch jobs in containers: their limits, and how they end."""

import json

import pytest

from tests.waiting import until

ALLOCATE = "data = bytearray(600 * 2**20); import time; time.sleep(3600)"
LOOK = """
import json, os, shutil
def writable(folder):
    try:
        open(folder + "/x", "w").close()
    except OSError:
        return False
    return True
print(json.dumps({"user": os.getuid(), "home": os.environ["HOME"], "job": "AWS_BATCH_JOB_ID" in os.environ,
                  "this machine's": "SHELL" in os.environ or "LOGNAME" in os.environ,
                  "writable": [each for each in ("/", "/opt", "/tmp", "/var/tmp", "/home") if writable(each)]}))
"""


@pytest.fixture
def submit(stack):
    batch = stack.aws.client("batch")
    queue = batch.describe_job_queues()["jobQueues"][0]["jobQueueArn"]
    (definition,) = [
        each["jobDefinitionArn"]
        for each in batch.describe_job_definitions()["jobDefinitions"]
        if each["containerProperties"]["command"][2] == "batch_jobs.merge.job"
    ]

    def submit_python(code, **overrides):
        request = {"command": ["python", "-c", code], **overrides}
        return batch.submit_job(
            jobName="try",
            jobQueue=queue,
            jobDefinition=definition,
            containerOverrides=request,
            retryStrategy={"attempts": 1},
        )["jobId"]

    return submit_python


def job(stack, job_id, *states):
    def arrived():
        (found,) = stack.aws.client("batch").describe_jobs(jobs=[job_id])["jobs"]
        return found if found["status"] in states else None

    return until(arrived, f"the job's {' or '.join(states)}")


def log(stack, job_id):
    (path,) = (stack.aws.logs / "batch").rglob(f"{job_id}.log")
    return path.read_text()


def test_a_job_sees_its_own_environment_and_writes_to_tmp_alone(stack, submit):
    job_id = submit(LOOK)
    assert job(stack, job_id, "SUCCEEDED", "FAILED")["status"] == "SUCCEEDED", log(stack, job_id)
    seen = json.loads(log(stack, job_id))
    assert seen == {"user": 10001, "home": "/tmp", "job": True, "this machine's": False, "writable": ["/tmp"]}


def test_a_job_over_its_memory_is_killed_as_batch_says_it(stack, submit):
    found = job(stack, submit(ALLOCATE, resourceRequirements=[{"type": "MEMORY", "value": "300"}]), "FAILED")
    assert found["container"]["exitCode"] == 137
    assert found["container"]["reason"].startswith("OutOfMemoryError")


def test_a_jobs_exit_status_is_its_containers(stack, submit):
    assert job(stack, submit("import sys; sys.exit(65)"), "FAILED")["container"]["exitCode"] == 65


def test_a_terminated_job_ends_with_its_container(stack, submit):
    job_id = submit("import time; print('up', flush=True); time.sleep(3600)")
    until(lambda: list((stack.aws.logs / "batch").rglob(f"{job_id}.log")) and "up" in log(stack, job_id))
    stack.aws.client("batch").terminate_job(jobId=job_id, reason="enough")
    found = job(stack, job_id, "FAILED")
    assert found["statusReason"] == "enough"
