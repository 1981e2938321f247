"""A video in several segments gives the same results as in one."""

import av
import numpy as np
import pytest

from tests.e2e.conftest import SAMPLE, run_video

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cut_run(tmp_path_factory):
    run = run_video(SAMPLE, tmp_path_factory.mktemp("cut"), "--segment-seconds", "4")
    assert run.status == 0, run.err
    return run


def test_the_same_objects_are_found_on_the_same_frames(cut_run, sample_run):
    for name in ("my_video.detections.jsonl", "my_video.srt"):
        assert (cut_run.folder / name).read_bytes() == (sample_run.folder / name).read_bytes()


def test_the_pictures_are_the_same_but_for_their_compression(cut_run, sample_run):
    def frames(run):
        with av.open(str(run.folder / "my_video.avi")) as container:
            assert str(container.streams.video[0].average_rate) == "10"
            return [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]

    cut, whole = frames(cut_run), frames(sample_run)
    assert len(cut) == len(whole) == 110
    assert max(np.abs(one - other).mean() for one, other in zip(cut, whole, strict=True)) < 3


def test_the_manifest_names_every_segment(cut_run, sample_run):
    cut, whole = (run.json("my_video.json") for run in (cut_run, sample_run))
    assert cut["detections"] == whole["detections"]
    segments = [step for step in cut["steps"] if step["name"] == "yolov3"]
    assert [step["part"] for step in segments] == [0, 1, 2]
    assert all(step["ran_on"] == "batch" for step in segments)


def test_the_terminal_tells_of_the_array_as_one_task(cut_run):
    assert "Yolov3, 3 parts on Batch: done after " in cut_run.out
    assert "yolov3, longest of 3" in cut_run.out
