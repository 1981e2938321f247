"""Which job starts first if there is room for only one."""

import pytest

from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws
from tests.waiting import until
from tests.workflow.harness import ROOT, TEMPLATE, Workflow
from tests.workflow.test_paths import SPOT_TOOK_IT


@pytest.fixture
def one_at_a_time(tmp_path):
    with LocalAws(ROOT, tmp_path / "aws", cache_dir=tmp_path / "cache", batch_jobs_at_once=1) as aws:
        (tmp_path / "attempts").mkdir()
        outputs = deploy(aws, TEMPLATE, {"Attempts": str(tmp_path / "attempts"), "DetectorCompute": "cpu"}, "scripted")
        yield Workflow(aws, outputs["Bucket"], outputs["StateMachine"], tmp_path / "attempts")


def test_a_merge_job_does_not_wait_for_all_the_segments_of_another_video(one_at_a_time):
    def jobs(step):
        found = [job for job in one_at_a_time.aws.batch.jobs() if job.name.startswith(step)]
        return sorted(found, key=lambda job: job.index or 0)

    long = one_at_a_time.start({"yolov3-0": {"batch": ["hold"]}}, sound=False, segments=3)
    until(lambda: one_at_a_time.attempts(long, "yolov3-0-batch"))
    other = one_at_a_time.start({}, picture=False, merge_on_batch=True)
    until(lambda: jobs("merge-"))
    one_at_a_time.end_segment(long, 0, SPOT_TOOK_IT)
    assert one_at_a_time.finish(other).status == "SUCCEEDED"
    one_at_a_time.finish(long)
    (merge,) = jobs("merge-")
    began = {job.index: job.started for job in jobs("yolov3-") if job.index is not None}
    assert began[0] < merge.started < began[1] < began[2]
