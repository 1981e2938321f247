"""What a run will cost, against MAX_RUN_COST, before any Batch job."""

from dataclasses import replace
from pathlib import Path

import pytest

from avflow.choices import Choices
from avflow.errors import MaxRunCostExceeded
from avflow.media import probe
from avflow.results.names import ALWAYS
from avflow.workflow import ceilings
from avflow.workflow.settings import Settings

SAMPLE = Path(__file__).parents[3] / "samples" / "my_video.mkv"


@pytest.fixture(scope="module")
def sample():
    return probe(SAMPLE)


def lasting(media, hours, *, rate=25, size=(1920, 1080)):
    video = replace(media.video, frames=hours * 3600 * rate, width=size[0], height=size[1])
    return replace(media, duration=hours * 3600.0, video=video, size=hours * 10**9)


@pytest.mark.parametrize(
    ("hours", "compute", "least", "most"), [(1, "gpu", 0.2, 1), (10, "gpu", 2, 5), (1, "cpu", 1.5, 4)]
)
def test_the_estimate_is_that_of_the_docs(sample, hours, compute, least, most):
    usd = ceilings.expected_usd(lasting(sample, hours), Settings(detector_compute=compute))
    assert least < usd < most


def test_the_dearest_place_counts(sample):
    media = lasting(sample, 2)
    on_gpu, cpu, both = (
        ceilings.expected_usd(media, Settings(detector_compute=name)) for name in ("gpu", "cpu", "gpu-then-cpu")
    )
    assert on_gpu < cpu == both


def test_a_day_is_affordable_on_gpus_and_a_day_of_4k_at_60_is_not(sample):
    ceilings.require_affordable("film.mkv", lasting(sample, 24, rate=30), Settings())
    dear = lasting(sample, 24, rate=60, size=(3840, 2160))
    with pytest.raises(MaxRunCostExceeded, match=r"film\.mkv \(24\.0 h with 5184000 frames\) .* MaxRunCost is 20"):
        ceilings.require_affordable("film.mkv", dear, Settings())
    ceilings.require_affordable("film.mkv", dear, Settings(max_run_cost=50, choices=Choices(outputs=ALWAYS)))
    with pytest.raises(MaxRunCostExceeded):
        ceilings.require_affordable("film.mkv", dear, Settings(max_run_cost=50))  # each frame is encoded twice


def test_a_short_video_pays_for_functions_besides_the_jobs_that_it_may_need(sample):
    large = Settings(short_videos="lambda", short_videos_memory=10240, max_short_video_functions=40)
    short, long = (
        replace(sample, duration=seconds, video=replace(sample.video, frames=round(25 * seconds)))
        for seconds in (600.0, 3600.0)
    )
    # 15 000 frames of 1.6 s of a vCPU; 5.8 vCPUs cost $0.00017 a second
    assert ceilings.expected_usd(short, large) - ceilings.expected_usd(short, Settings()) == pytest.approx(
        0.77, abs=0.02
    )
    assert ceilings.expected_usd(long, large) == ceilings.expected_usd(long, Settings())
    with pytest.raises(MaxRunCostExceeded):
        ceilings.require_affordable("film.mp4", short, replace(large, max_run_cost=0.5))


def test_sound_alone_costs_too(sample):
    sound = replace(sample, video=None, duration=25 * 3600.0)
    assert 0.1 < ceilings.expected_usd(sound, Settings()) < 5
    with pytest.raises(MaxRunCostExceeded, match=r"sound\.mp3 \(25\.0 h\)"):
        ceilings.require_affordable("sound.mp3", sound, Settings(max_run_cost=0.1))


def test_only_a_size_that_lambda_cant_read_is_weighed():
    ceilings.require_affordable_size("film.mkv", 10**9, Settings(max_run_cost=0.01))
    ceilings.require_affordable_size("film.mkv", 5 * 10**12, Settings())
    with pytest.raises(MaxRunCostExceeded, match="to read"):
        ceilings.require_affordable_size("film.mkv", 5 * 10**12, Settings(max_run_cost=1))


def test_drawing_in_merge_is_counted(sample):
    """An hour of 1080p at 25 frames a second: 90 000 frames, about 0.02 s each of a machine with 4 vCPUs."""
    media = lasting(sample, 1)
    usual, track, burnt = (
        ceilings.expected_usd(media, Settings(choices=choices))
        for choices in (Choices(), Choices(labels="track"), Choices(subtitles="burnt"))
    )
    assert 0.1 < track - usual < 0.2  # half an hour of 4 vCPUs and 8 GB
    assert burnt == track
    silent = replace(media, audio=None)
    assert ceilings.expected_usd(silent, Settings(choices=Choices(subtitles="burnt"))) == ceilings.expected_usd(
        silent, Settings()
    )
    with pytest.raises(MaxRunCostExceeded):
        ceilings.require_affordable("film.mkv", media, Settings(choices=Choices(labels="track"), max_run_cost=usual))
