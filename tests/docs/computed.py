"""The figures of the pages that follow from the code: each is worked out and put into the words of its page."""

import re
from dataclasses import replace
from functools import cache

from boto3.s3.transfer import TransferConfig

from avflow.detection.agreement import LEAST_AGREEMENT
from avflow.media.formats import H264_MOST_BITRATE
from avflow.media.limits import MAX_RATE, MAX_SECONDS
from avflow.media.memory import DESCRIBING_BYTES
from avflow.media.ranged import BLOCK
from avflow.workflow import ceilings, paces
from avflow.workflow.plan import AUDIO2SRT_LAMBDA_SECONDS
from avflow.workflow.settings import Settings
from avflow.workflow.source import WHOLE_BELOW
from avflow_cli import uploading
from avflow_cli.console.words import KEPT_DAYS
from avflow_cli.main import avflow
from benchmarks import report, tracking, tracking_scenes
from benchmarks.parts import PARTS
from benchmarks.simulated_aws import INSTANCE_VCPUS
from local_aws.awslambda.concurrency import NEW_ACCOUNT_MEMORY_MB
from local_aws.stepfunctions.checks import MAX_INPUT_BYTES
from local_aws.stepfunctions.redrives import REDRIVABLE
from tests.corpus.bounded_case import MOST_BYTES, MOST_SECONDS
from tests.corpus.judging import SYNC
from tests.docs.collecting import ROOT
from tests.docs.computed_scaling import of_scaling
from tests.docs.in_code import (
    constant,
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
    written,
)
from tests.fuzz.__main__ import BYTES as FUZZED_BYTES
from tests.reports import media
from tests.unit.test_core_limits import COUNTS


@cache
def computed():
    """(page, words with a figure that follows from the code)."""
    return (
        *_about_the_tool(),
        *_of_short_pages(),
        *_of_failures(),
        *_of_settings(),
        *_of_deploy(),
        *_of_architecture(),
        *of_scaling(),
    )


def _about_the_tool():
    easy, mib = tracking_scenes.Difficulty(), uploading.MIB
    since = next(p for p in avflow.commands["cost"].params if p.name == "since").default
    hidden, seen = (constant("avflow/tracking/tracker.py", f"_{name}_SECONDS") for name in ("HIDDEN", "DOUBTFUL"))
    loop, instants = (constant("avflow/speech/belief.py", f"_{name}_SHARE") for name in ("LOOP", "INSTANT"))
    films = {row["name"]: row["value"] for row in report.load()["pipeline"]["rows"]}
    return (
        ("README.md", f"hostile uploads, each within {MOST_SECONDS:.0f} s and {MOST_BYTES >> 30} GB"),
        ("docs/faq.md", f"At most {hours(MAX_SECONDS)}"),
        ("docs/faq.md", f"those of the last {since.removesuffix('d')} days"),
        ("docs/commands.md", f"the estimated cost of the runs of the last {since.removesuffix('d')} days"),
        (
            "docs/commands.md",
            f"A file of {uploading.MULTIPART_FROM // mib} MiB or more is sent in parts of "
            f"{uploading.PART_SIZE // mib} MiB or more",
        ),
        ("docs/tracking.md", f"An object keeps its track for {hidden} s out of sight"),
        ("docs/tracking.md", f"seen in the last {seen} s"),
        ("docs/tracking.md", f"at most {constant('avflow/tracking/lines.py', '_WAITING_BYTES') >> 20} MB of lines"),
        *(("docs/tracking.md", f"| {name.replace(',', ':')} | ") for name in tracking.SCENES if "pixels/s" in name),
        (
            "docs/tracking.md",
            f"boxes match from an IoU of {constant('avflow/tracking/tracker.py', '_LEAST')} on | at 5 and 10 frames/s",
        ),
        ("docs/console.md", f"A part of {TransferConfig().multipart_chunksize // mib} MiB is in memory at a time"),
        ("docs/tracking.md", f"hide for up to {easy.hidden_seconds:.0f} s"),
        ("docs/tracking.md", f"a detector that misses {easy.misses:.0%}".replace("%", " %")),
        ("docs/tracking.md", f"errs by {easy.jitter:.0%} of a box's size".replace("%", " %")),
        ("docs/tracking.md", f"YOLOv3 takes {1000 / films['yolov3-random: whole video']:.0f} ms for a frame"),
        ("docs/speech.md", f"a pause of {constant('avflow/speech/subtitles.py', 'LONG_PAUSE')} s"),
        ("docs/speech.md", f"a window ({constant('avflow/speech/windows.py', 'WINDOW_SECONDS'):.0f} s of speech"),
        (
            "docs/speech.md",
            f"more than {loop:.0%} of its words take no time in the audio, or more than {instants:.0%} and the "
            f"text compresses by more than {constant('avflow/speech/belief.py', '_LOOP_COMPRESSION')}".replace(
                "%", " %"
            ),
        ),
        ("docs/commands.md", f"Histories last for {KEPT_DAYS} days"),
        ("docs/console.md", f"more than {KEPT_DAYS} days ago"),
        ("docs/speech.md", f"The same holds for {constant('avflow/speech/doubts.py', '_LONG'):.0f} s of speech"),
    )


def _of_short_pages():
    chunk, window = (
        constant(f"avflow/speech/{path}.py", f"{path.upper().removesuffix('S')}_SECONDS")
        for path in ("chunks", "windows")
    )
    pause = constant("avflow/speech/pauses.py", "_SHORTEST_SECONDS")
    header = constant("avflow/media/clock/copying.py", "_MAX_HEADER_BYTES")
    bounds = f"take {MOST_SECONDS:.0f} s and {MOST_BYTES >> 30} GB"
    again = written("avflow_cli/console/page/execution.js", r"AGAIN_EVERY = (\d+) \* 1000;")
    wait = written("avflow_cli/console/page/main.js", r"wait = Math\.min\(wait \* 2, (\d+)\)")
    assert wait == written("avflow_cli/console/page/ask.js", r"wait = Math\.min\(wait \* 2, (\d+)\)")
    fuzzed = (
        f"{FUZZED_BYTES >> 30} GB of memory or an error without a name is a finding | {_fuzz_minutes():.0f} minutes |"
    )
    bench = sum(part.minutes for part in PARTS)
    return (
        ("docs/glossary.md", f"about {chunk:.0f} s of audio, which speech recognition holds in memory at once"),
        ("docs/glossary.md", f"the {window:.0f} s of audio that Whisper decodes at once"),
        ("docs/glossary.md", f"a silence of {pause} s or more, where audio may be cut"),
        ("docs/known-holes.md", f"a header above {header >> 10} KiB"),
        ("CONTRIBUTING.md", f"writes the tables and the plot | {bench:.0f} minutes |"),
        ("CONTRIBUTING.md", fuzzed),
        ("docs/console.md", f"for an execution that has ended each {again} seconds"),
        ("docs/console.md", f"tries again after 1 to {wait} seconds"),
        ("docs/uploads.md", f"within {SYNC} s of its flash"),
        ("docs/uploads.md", f"run in child processes that may {bounds} for all steps together"),
        ("CONTRIBUTING.md", f"It runs in a child process that may {bounds}, and must end with a named error"),
    )


def _fuzz_minutes():
    (line,) = [line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if line.startswith("FUZZ_SECONDS")]
    return int(line.split("=")[1]) / 60


def _of_failures():
    least, most = (constant("avflow/media/damage.py", f"_{name}_SECONDS") for name in ("MIN", "MAX"))
    seconds, size = (constant("avflow/media/patience.py", name) for name in ("SECONDS", "BYTES"))
    busy = mean_wait(retrier("FFmpeg", "Lambda.TooManyRequestsException"))
    kept = properties("DeadLetters")["MessageRetentionPeriod"] / 86_400
    _, gpu, _ = _time_outs()
    entries = (
        f"more than a twentieth of the video, but at least {least} s, at most {most} s, and never more than half",
        f"The header states more than {MAX_RATE} frames per second.",
        f"If both streams pause for more than {constant('avflow/media/clock/restarts.py', '_FORWARD'):.0f} s in one",
        f"The media is longer than {hours(MAX_SECONDS)}",
        f"It retries for about {busy / 60:.0f} minutes",
        f"Within {REDRIVABLE.days} days you can let it go on",
        f"up to {constant('avflow/media/rates.py', '_MAX_CONSTANT')} frames per second after a conversion",
        f"takes more than {seconds:.0f} s of processor time, or {seconds:.0f} s for each {size / 1e6:.0f} MB:",
        f"such as {hours(MAX_SECONDS)} of",
        f"on Spot and on demand ({hours(gpu)} each if AWS Batch gave no reason)",
        f"The data of a state is larger than {MAX_INPUT_BYTES >> 10} KiB.",
        f"keeps each event that could not be handled for {kept:.0f} days",
    )
    return [("docs/failures.md", words) for words in entries]


def _of_settings():
    noise, quiet, target = (constant("avflow/media/tracks/mixing.py", name) for name in ("_NOISE", "_QUIET", "_TARGET"))
    loud = 1 - constant("avflow/media/tracks/loudness.py", "LOUDEST")
    steady = constant("avflow/media/tracks/loudness.py", "_NOISE")
    budget = properties("Budget", "budget.yaml")["NotificationsWithSubscribers"]
    at = {kind: [] for kind in ("ACTUAL", "FORECASTED")}
    for each in budget:
        at[each["Notification"]["NotificationType"]].append(f"{each['Notification']['Threshold']} %")
    speed = _speed_of_int8()
    entries = (
        f"One vCPU comes with each {paces.MEMORY_OF_VCPU} MB",
        f"{parameter('MaxRunCost')['Default']} is enough for a day of 1920x1080 at 30 frames/s, with Fargate for "
        f"{_affordable_on_fargate()} hours",
        f"AWS tells the topic for failures at {' and at '.join(at['ACTUAL'])}, and when it forecasts more than "
        f"{at['FORECASTED'][0]}.",
        f"Steady noise below {steady:.0f} dB counts as silent",
        f"Speech whose loudest {percent(loud)} are below {quiet:.0f} dB is amplified to {target:.0f} dB",
        f"Steady sounds stay in the result, but for noise below {noise:.0f} dB",
        f"at least {percent(_agreement('fastest'), 1)} of the boxes of float32 in the sample",
        f"up to {speed:.1f} times as fast as bfloat16, and at least {percent(LEAST_AGREEMENT)} of the boxes",
        f"refuses a model below {percent(LEAST_AGREEMENT)}",
        f"`int8` found at least {percent(_agreement('int8'), 1)} of float32's 857 boxes",
    )
    return [("docs/settings.md", words) for words in entries]


def _time_outs():
    """Seconds of the execution, of a try on a GPU, and of the CPU without GPUs, as the pages tell them."""
    gpu, execution = state("Yolov3")["TimeoutSeconds"], machine()["TimeoutSeconds"]
    assert gpu == state("Yolov3OnDemand")["TimeoutSeconds"]
    return execution, gpu, state("Yolov3OnCpu")["TimeoutSeconds"]


def _of_deploy():
    execution, gpu, cpu = _time_outs()
    job = parameter("JobTimeoutSeconds")
    longest = job["Default"] * paces.CPU_FPS / 25 / 60
    (most,) = [each["NumericGreaterThan"] for each in state("SourceFitsLambda")["Choices"][0]["And"][1:]]
    (vcpus,) = [
        each["Value"]
        for each in properties("FFmpegJobDefinition")["ContainerProperties"]["ResourceRequirements"]
        if each["Type"] == "VCPU"
    ]
    alarm = {each["MetricStat"]["Period"] for each in properties("FailuresAlarm")["Metrics"] if "MetricStat" in each}
    assert 2 * most == properties("FFmpegFunction")["EphemeralStorage"]["Size"] << 20
    entries = (
        f"again on demand, or {hours(gpu)} each if AWS Batch gives no reason",
        f"Each Fargate job takes {int(vcpus)} vCPUs",
        f"With the defaults, {parameter('MaxGpuVcpus')['Default'] // INSTANCE_VCPUS} GPUs work side by side",
        f"a function may have {spaced(NEW_ACCOUNT_MEMORY_MB)} MB. AWS raises both",
        f"For {paces.CPU_VCPUS} Fargate vCPUs we assume {paces.CPU_FPS} frames/s",
        f"At {paces.CPU_FPS} frames/s and the default of {hours(job['Default'])}, that is {longest:.0f} minutes at 25 "
        "frames/s",
        f"but never longer than {hours(MAX_SECONDS)} (`InvalidMediaTooLong`)",
        f"`JobTimeoutSeconds` (at most {hours(job['MaxValue'])})",
        f"with `gpu`: {hours(gpu)} on Spot, then {hours(gpu)} on demand (at its price) for the missing segments",
        f"with `cpu`: {hours(cpu)} on Fargate",
        f"This rest is about {hours(execution - 2 * gpu)} if both tries used all their time",
        f"Therefore a segment is {parameter('SegmentSeconds')['Default'] / 60:.0f} minutes long",
        f"a source over {most >> 30} GiB (half of the function's `/tmp`)",
        f"a span whose recognition takes over {AUDIO2SRT_LAMBDA_SECONDS / 60:.0f} minutes even at the best speed",
        f"several failures within {alarm.pop() / 60:.0f} minutes",
        f"as long as a job may run at most, {hours(job['MaxValue'])}",
    )
    return [("docs/deploy.md", words) for words in entries]


def _of_architecture():
    execution, gpu, cpu = _time_outs()
    seconds, size = (constant("avflow/media/patience.py", name) for name in ("SECONDS", "BYTES"))
    answer = constant("avflow/media_work/limits.py", "_ANSWER_SECONDS")
    early, late = (constant("avflow/media/clock/holding.py", f"_{name}_SOUND") for name in ("EARLY", "LATE"))
    assert early == late
    busy = mean_wait(retrier("FFmpeg", "Lambda.TooManyRequestsException")) / 60
    entries = (
        f"The parent fetches blocks of {BLOCK >> 10} KiB and larger ranges",
        f"a source of several segments and at least {WHOLE_BELOW >> 20} MiB, with an index",
        f"Each line from the child has a limit of {constant('avflow/isolation/answers.py', 'LINE_BYTES') >> 20} MB",
        f"A busy account gets {busy:.0f} minutes (a short video: three seconds)",
        f"gets three seconds and not {busy:.0f} minutes",
        f"One job may run for {hours(parameter('JobTimeoutSeconds')['MaxValue'])}, so a single job that has not ended "
        f"after {hours(gpu)} has waited",
        f"So two tries of {hours(gpu)} on GPUs leave {(execution - 2 * gpu) // 3600} of the {hours(execution)} of the",
        f"Without GPUs the CPU has {hours(cpu)}, because only Merge follows",
        f"Python's loops end after {seconds:.0f} s of processor time for each {size / 1e6:.0f} MB",
        f"a loop in FFmpeg's C code after {seconds + answer:.0f} s on the clock and of the processor",
        f"limits the data of the process to {DESCRIBING_BYTES / (1 << 30)} GB meanwhile",
        f"Differences of less than {float(late)} s are ignored",
        f"suffice on {max(COUNTS)} cores",
        f"takes at most {H264_MOST_BITRATE / 1e6:.0f} Mbit/s",
        f"at most {constant('avflow/video/writer.py', '_LOOKAHEAD_BYTES') >> 20} MB of frames to look ahead",
    )
    return [("docs/architecture.md", words) for words in entries]


def _usd(hours, compute):
    """US dollars that a video of 1920x1080 at 30 frames/s is expected to cost."""
    found = media(int(hours * 1e9), hours * 3600.0)
    found = replace(found, video=replace(found.video, frames=hours * 3600 * 30, width=1920, height=1080))
    return ceilings.expected_usd(found, Settings(detector_compute=compute))


def _affordable_on_fargate():
    """Whole hours of video that the default of MaxRunCost is enough for; a day on a GPU costs less."""
    assert _usd(24, "gpu") < Settings().max_run_cost
    return max(hours for hours in range(1, 25) if _usd(hours, "cpu") <= Settings().max_run_cost)


def _agreement(precision):
    """How far a precision agrees with float32 in the sample, at least.

    That is the share of float32's boxes that it found, or the share of its own that float32 has.
    """
    found = [value for name, value in recorded("agreement").items() if f", {precision}," in name]
    assert len(found) >= 4
    assert all(" of 857 " in value for value in found)
    return min(
        float(share) for value in found for share in re.findall(r"(?:^|right: )([01][.]\d+)", value.split(";")[0])
    )


def _speed_of_int8():
    """How many times faster int8 is than bfloat16, at its best."""
    rows = recorded("inference")
    name = "{}: av-workflow, OpenVINO on the CPU, {}".format
    models = {each.split(":")[0] for each in rows if ":" in each}
    return max(rows[name(model, "bf16")] / rows[name(model, "int8")] for model in models)
