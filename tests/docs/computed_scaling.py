"""The figures of docs/scaling.md that follow from the code: prices, paces, assumptions and simulated tables."""

import math
import re
from dataclasses import replace
from statistics import NormalDist

from avflow.media.formats import VIDEO_BYTES_PER_SECOND, WAV_BYTES_PER_SECOND
from avflow.workflow import cost, elsewhere, paces, plan
from avflow.workflow.compute import FargateCompute
from benchmarks import hour, ranges, scale, short_videos, simulated_aws, throttling
from local_aws.awslambda.concurrency import MEMORY_MB, NEW_ACCOUNT_MEMORY_MB
from tests.docs.in_code import (
    hours,
    machine,
    mean_wait,
    parameter,
    percent,
    properties,
    recorded,
    retrier,
    spaced,
    state,
)

_START, _FARGATE_START = cost.INSTANCE_START_SECONDS, cost.FARGATE_START_SECONDS
_FARGATE = FargateCompute("fargate", paces.CPU_VCPUS, 2048 * paces.CPU_VCPUS, 200)
_SMALL, _LARGE = short_videos.SMALL.short_videos_memory, short_videos.LARGE.short_videos_memory


def of_scaling():
    """(page, words) for all figures of the page."""
    entries = (*_of_prices(), *_of_short_videos(), *_of_an_hour(), *_of_ranges(), *_of_uploads(), *_of_limits())
    return [("docs/scaling.md", words) for words in entries]


def _of_prices():
    share = percent(cost.prices()["ec2_spot"]["share_of_on_demand"])
    return (
        f"We assume {share} of the price on demand",
        f"minutes ({_START} s are assumed below, nobody has measured them)",
    )


def _of_short_videos():
    gpus = simulated_aws.Quotas().gpu_vcpus // simulated_aws.INSTANCE_VCPUS
    pixels = 2 * paces.CPU_VCPUS * paces.PIXEL_SECONDS * scale.PIXELS
    assert 2 * scale.PIXELS == scale.WORKED
    vcpus = f"{paces.lambda_vcpus(_SMALL):.1f}, and {spaced(_LARGE)} MB are {paces.lambda_vcpus(_LARGE):.1f}"
    timeout = properties("Yolov3Function")["Timeout"] / 60
    ten = {name: cell.partition(" min")[0] for name, cell in short_videos.costs(10.0).items()}
    times = {seconds: _times_as_dear(seconds) for seconds in (60.0, 600.0)}
    assert round(times[60.0]) == 9
    cheapest = [_cheapest(seconds) for seconds in range(1, 61)]
    fargate_from, gpu_from = (1 + cheapest.index(name) for name in ("fargate", "gpu_spot"))
    assert cheapest == sorted(cheapest, key=["lambda", "fargate", "gpu_spot"].index)
    busy = retrier("Yolov3OnLambda", "Lambda.TooManyRequestsException")
    assert round(mean_wait(busy)) == 3
    clip = _seconds_on_lambda(10.0, short_videos.SMALL)
    container = scale.STUBS["Yolov3"]({"frames_of_part": 0}, 0)
    array = 100 * 8 * (container + 10.0 * scale.FRAME_RATE / 8 / scale.GPU_FPS) / gpus
    return (
        f"before a fresh instance would have started ({_START} s, assumed)",
        f"takes {paces.LAMBDA_LOAD_SECONDS:.0f} s for a function to load, and {paces.CPU_VCPUS / paces.CPU_FPS} s of a "
        f"vCPU for a frame with `yolov3`: the cautious {paces.CPU_FPS} frames/s of {paces.CPU_VCPUS} vCPUs",
        f"as much again for the MP4: {1000 * pixels:.0f} ms for a frame of 1080p",
        f"a vCPU for each {spaced(paces.MEMORY_OF_VCPU)} MB (`ShortVideosMemory`): {spaced(_SMALL)} MB are {vcpus}",
        f"before a function meets the limit of {timeout:.0f} minutes",
        f"YOLOv3 alone, for 1080p at {scale.FRAME_RATE} frames/s, by the prices above",
        f"GPU and Fargate include the start, {_START} s and {_FARGATE_START} s, and no wait",
        f"has functions of at most {spaced(NEW_ACCOUNT_MEMORY_MB)} MB and runs 10 at once: the defaults, "
        f"{short_videos.SMALL.max_short_video_functions} functions of {spaced(_SMALL)} MB. With these a clip is short "
        f"up to {_longest_short(short_videos.SMALL)} s, and ten seconds take {ten['Lambda, 8 x 3 008 MB']} minutes in "
        f"place of {ten['GPU on Spot']}.",
        f"A video is then short up to {_longest_short(short_videos.LARGE) // 60} minutes",
        f"Lambda is the cheapest up to {fargate_from - 1} second of video, Fargate from {fargate_from} to "
        f"{gpu_from - 1} seconds, and",
        f"ten minutes {times[600.0]:.0f} times: what is paid for",
        f"*{short_videos.LARGE.max_short_video_functions} x {spaced(_LARGE)} MB*: 1 000 functions at once. All have "
        f"{gpus} GPUs on Spot",
        f"is tried again {busy['MaxAttempts']} times, in three seconds",
        f"a place is free when a function has ended, after {clip:.0f} s, and",
        f"an array of eight children of a second each, with {container:.0f} s for each container: 100 clips × 8 × "
        f"{container:.0f} s on {gpus} GPUs are {array / 60:.0f} minutes",
    )


def _seconds_on_lambda(seconds, settings):
    frames = round(seconds * scale.FRAME_RATE)
    found = plan.functions(frames, short_videos.RATE, scale.WORKED, scale.WEIGHTS, settings)
    return paces.on_lambda(found.frames, scale.WORKED, scale.WEIGHTS, settings.short_videos_memory)


def _longest_short(settings):
    """The longest video in whole seconds that the plan sends to Lambda."""
    return next(seconds for seconds in range(1, 7200) if _seconds_on_lambda(seconds + 1, settings) > plan.SHORT_SECONDS)


def _cheapest(seconds):
    """Where YOLOv3 costs least for a video of so many seconds."""
    frames = seconds * scale.FRAME_RATE
    usd = elsewhere.usd_of(frames, short_videos.RATE, scale.PIXELS, scale.WEIGHTS, short_videos.SMALL)
    return min(usd, key=usd.get)


def _times_as_dear(seconds):
    """How many times as much a video costs on as many large functions as there may be than on a GPU on Spot."""
    usd = {name: float(re.search(r"\$([\d.]+)", cell)[1]) for name, cell in short_videos.costs(seconds).items()}
    return usd["Lambda, 40 x 10 240 MB"] / usd["GPU on Spot"]


def _of_an_hour():
    size = scale.BYTE_RATE * 3600
    start = 6 * _START / 3600
    fargate = 25 / paces.CPU_FPS + 6 * _FARGATE_START / 3600
    measured = recorded("pipeline")["yolov3-random: whole video"]
    steps = {name: scale.STUBS[name](_an_hour(), 0) for name in ("FFmpeg", "Audio2srt", "Merge")}
    ffmpeg, speech, merge = steps.values()
    gb, of_merge = (properties(f"{name}Function")["MemorySize"] / 1024 for name in ("FFmpeg", "Merge"))
    second = f"${cost.prices()['lambda']['gb_second']:.10f}"
    stored = (WAV_BYTES_PER_SECOND + VIDEO_BYTES_PER_SECOND) * 3600 / 1e9
    return (
        f"The example is 1080p at {scale.FRAME_RATE} frames/s and {scale.BYTE_RATE * 8 / 1e6:.0f} Mbit/s: "
        f"{spaced(scale.FRAME_RATE * 3600)} frames, {size / 1e9} GB,",
        *_of_machines(),
        f"The table includes the start of six instances, {start} h. Above {25 / start:.0f} frames/s it is",
        f"with decoding and encoding at 768x576 reached {measured:.1f} frames/s in bfloat16",
        f"The {paces.CPU_VCPUS} vCPUs of Fargate are the threads of two cores",
        f"The first row is 25 / {paces.CPU_FPS} + 6 × {_FARGATE_START} s = {fargate} h of machine time",
        f"From {_cheaper_from(paces.CPU_FPS)} frames/s a GPU on Spot costs less than Fargate",
        f"If Fargate reaches 12 frames/s, this holds from {_cheaper_from(12)} frames/s",
        f"FFmpeg {ffmpeg:.0f} s, audio2srt 6 × {speech:.0f} s, Merge {merge:.0f} s: "
        f"{spaced(round(ffmpeg + 6 * speech))} s × {gb:.2f} GB × {second} + "
        f"{merge:.0f} s × {of_merge:.0f} GB × {second}",
        f"{stored:.1f} GB for four days",
    )


def _an_hour():
    """An hour of video as the benchmark's stubs take it."""
    return {"seconds": 3600.0, "media": {"plan": {"spans": list(range(6))}}}


def _of_machines():
    """The rows of the table of *p* and *b*."""
    price = cost.prices()
    disk, address = f"{price['ebs']['gb_month']}", f"{price['ipv4']['hour']}"
    kept = properties("FFmpegJobDefinition")["ContainerProperties"]["EphemeralStorage"]["SizeInGiB"]
    storage = f"{kept - price['fargate']['storage_included_gb']} GB × {price['fargate']['storage_gb_hour']} + {address}"
    gpu, job = f"| {_START} s, assumed |", f"| {_FARGATE_START} s, assumed |"
    for name in ("g4dn.xlarge", "g5.xlarge", "g6.xlarge"):
        usd = 3600 * cost.instance_second_usd(name, "on demand")
        besides = f"disk {cost.INSTANCE_DISK_GB} GB × {disk} / {cost.MONTH_HOURS} h + address {address}"
        yield f"${usd:.4f} = {price['ec2'][name]} + {besides if name.startswith('g4dn') else 'the same'} {gpu}"
    usd, share = 3600 * cost.instance_second_usd("g4dn.xlarge", "spot"), price["ec2_spot"]["share_of_on_demand"]
    an_hour = cost.INSTANCE_DISK_GB * price["ebs"]["gb_month"] / cost.MONTH_HOURS
    yield f"${usd:.4f} = {price['ec2']['g4dn.xlarge']} × {share} + {an_hour:.4f} + {address} {gpu}"
    for vcpus in (4, 8, 16):
        fargate = f"{vcpus} × {price['fargate']['vcpu_hour']} + {2 * vcpus} GB × {price['fargate']['gb_hour']}"
        usd = cost.step_usd(replace(_FARGATE, vcpus=vcpus, memory_mb=2048 * vcpus), 3600 - _FARGATE_START)
        yield f"| Fargate, {vcpus} vCPUs | ${usd:.4f} = {fargate} + {storage if vcpus == 4 else 'the same'} {job}"
    spot = price["fargate_spot"]
    usd = 4 * spot["vcpu_hour"] + 8 * spot["gb_hour"] + price["ipv4"]["hour"]
    usd += (kept - price["fargate"]["storage_included_gb"]) * price["fargate"]["storage_gb_hour"]
    shares = f"4 × {spot['vcpu_hour']:.5f} + 8 GB × {spot['gb_hour']:.6f}"
    yield f"| Fargate Spot, 4 vCPUs | ${usd:.4f} = {shares} + {storage} {job}"


def _cheaper_from(fps):
    """The frames/s from which a GPU on Spot costs less than Fargate with `fps`."""
    # `step_usd` adds the start of each of the six jobs
    fargate = 6 * cost.step_usd(_FARGATE, 25 * 3600 / fps / 6)
    gpu = cost.instance_second_usd(cost.DEFAULT_INSTANCE, "spot")
    return math.ceil(25 * 3600 / (fargate / gpu - 6 * _START))


def _of_ranges():
    lead, latency = (1000 * each for each in ranges.LATENCIES)
    children = parameter("MaxSegments")["Default"]
    waits = {size: size / scale.DISK_BYTES - paces.JOB_LOAD_SECONDS for size in (scale.BYTE_RATE * 3600, 10e9)}
    sooner, cheaper, dearer = _of_the_hour_table()
    return (
        f"each of {children} children of a film of 10 GB fetched all of it: {children * 10} GB, while its GPU waited",
        f"Now the {children} fetch 10 GB together",
        f"`python -m benchmarks.ranges` measures it: a film of {ranges.SECONDS // 60} minutes,",
        f"with {lead:.0f} ms and with {latency:.0f} ms before each answer",
        f"first, {lead:.0f} ms | first, {latency:.0f} ms | last, {lead:.0f} ms | last, {latency:.0f} ms |",
        f"of an hour (1080p, {scale.BYTE_RATE * 3600 / 1e9} GB, six segments) at once on "
        f"{simulated_aws.Quotas().gpu_vcpus // simulated_aws.INSTANCE_VCPUS} GPUs on Spot",
        f"The disk takes {scale.DISK_BYTES >> 20} MiB/s (gp3 without extra throughput)",
        f"there {short_videos.LARGE.max_short_video_functions} functions of {spaced(_LARGE)} MB detect it first",
        f"Ranges save each child {waits[scale.BYTE_RATE * 3600]:.0f} s of a GPU, which is up to "
        f"{percent(max(sooner))} of the time and {100 * min(cheaper):.0f} to {percent(max(cheaper))} of the cost",
        f"of a film of 10 GB each of {children} children waited {waits[10e9]:.0f} s",
        f"and costs {dearer[0]:.0f} times as much",
        f"in a quarter of the time, for {dearer[1]:.0f} times the cost",
    )


def _of_the_hour_table():
    """By uploads at once: the shares of time and cost that ranges save, and how much dearer Lambda is.

    A slow test compares the table with the simulation.
    """
    text = hour.PAGE.read_text(encoding="utf-8").partition(hour.BEGIN)[2].partition(hour.END)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    seconds = {"min": 60.0, "h": 3600.0}
    last = {(row[0], row[1]): float(row[4].split()[0]) * seconds[row[4].split()[1]] for row in cells}
    usd = {(row[0], row[1]): float(row[5]) for row in cells}
    counts = [str(count) for count in hour.AT_ONCE]
    sooner = [1 - last[count, hour.AFTER] / last[count, hour.BEFORE] for count in counts]
    cheaper = [1 - usd[count, hour.AFTER] / usd[count, hour.BEFORE] for count in counts]
    return sooner, cheaper, [usd[count, hour.ON_LAMBDA] / usd[count, hour.AFTER] for count in counts]


def _of_uploads():
    mean, parts = _mean_upload()
    start, gpu = _seconds_of_gpu(mean=0.0, parts=1.0), _seconds_of_gpu(mean, parts)
    speech_start = scale.STUBS["Audio2srt"]({"seconds": 0.0, "media": {"plan": {"spans": [0]}}}, 0)
    functions = 100_000 / 3600 * (speech_start * parts + 0.3 * mean)
    busy = retrier("FFmpeg", "Lambda.TooManyRequestsException")
    submits = retrier("FFmpegOnBatch", "Batch.TooManyRequestsException")
    return (
        f"The videos have a median of {scale.MEDIAN_SECONDS / 60:.0f} minutes and an average of {mean / 60:.1f} "
        f"(log-normal, at most {hours(scale.LONGEST)})",
        f"YOLOv3 takes {start:.0f} s and reaches {scale.GPU_FPS:.0f} frames/s (assumed), speech recognition takes "
        f"{speech_start:.0f} s and 0.3 of the length",
        f"exceeds the time-out of a state ({state('Yolov3')['TimeoutSeconds'] // 3600} h)",
        f"{mean / 60:.1f} minutes of video take {gpu:.0f} s of a GPU, so 1 000 take {1000 * gpu / 3600:.0f} GPUs, and "
        f"the default of 4 finishes {round(4 * 3600 / gpu, -1):.0f}.",
        f"audio2srt alone needs {spaced(int(round(functions, -2)))}. Refused calls are retried for "
        f"{mean_wait(busy) / 60:.0f} minutes, 1.2 million times in the first 12, and the four GPUs get what comes "
        "through. Nothing fails, and almost nothing finishes. One Region cannot be expected to have "
        f"{spaced(int(round(100_000 * gpu / 3600, -2)))} GPUs",
        f"A throttled call of Lambda is tried {busy['MaxAttempts']} times, and one of SubmitJob "
        f"{submits['MaxAttempts']} times",
    )


def _seconds_of_gpu(mean, parts):
    """Seconds of a GPU for an upload of `mean` seconds in so many segments."""
    start = scale.STUBS["Yolov3"]({"frames_of_part": 0}, 0)
    return start * parts + mean * scale.FRAME_RATE / scale.GPU_FPS


def busy_vcpus(uploads):
    """vCPUs of the GPU instances that so many uploads an hour keep busy."""
    return uploads * _seconds_of_gpu(*_mean_upload()) / 3600 * simulated_aws.INSTANCE_VCPUS


def _mean_upload():
    """The mean of the seconds of the simulated uploads, and of their segments, which are as many as their spans."""
    normal = NormalDist(math.log(scale.MEDIAN_SECONDS), scale.SPREAD)
    longest = math.log(scale.LONGEST)
    seconds = math.exp(normal.mean + normal.variance / 2) * normal.cdf(longest - normal.variance)
    seconds += scale.LONGEST * (1 - normal.cdf(longest))
    steps = range(1, int(scale.LONGEST / scale.SEGMENT_SECONDS))
    return seconds, 1 + sum(1 - normal.cdf(math.log(count * scale.SEGMENT_SECONDS)) for count in steps)


def _of_limits():
    burst, growth = simulated_aws.LAMBDA_GROWTH_BURST, simulated_aws.LAMBDA_GROWTH
    gpu = state("Yolov3")["TimeoutSeconds"]
    raised, new = scale.RAISED[1000], throttling.NEW
    kept = properties("DeadLetters")["MessageRetentionPeriod"] / 86_400
    assert machine()["TimeoutSeconds"] == 2 * 86_400
    return (
        f"{spaced(burst)} per function every {burst / growth:.0f} s",
        f"| {spaced(MEMORY_MB)} MB; {spaced(NEW_ACCOUNT_MEMORY_MB)} in a new account |",
        f"one job of {simulated_aws.JOB_VCPUS} vCPUs on Fargate (its quota is {new.fargate_vcpus}), and has "
        f"{new.gpu_vcpus} vCPUs of GPUs",
        f"Request {raised.gpu_vcpus} vCPUs of",
        f"Its time runs while it waits for a GPU: {hours(gpu)} on Spot and {gpu // 3600} on demand",
        f"Put an SQS queue with a retention of {kept:.0f} days",
    )
