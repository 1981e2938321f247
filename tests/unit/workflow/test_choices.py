"""Choices: what may be chosen, where a value comes from, and what is said about a wrong one."""

from __future__ import annotations

import email.header
import re
import tomllib
from dataclasses import asdict, fields, replace
from pathlib import Path

import click
import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES as OF_WHISPER
from samtranslator.yaml_helper import yaml_parse

from avflow import detection
from avflow.annotation.labels import USUAL
from avflow.choices import CHOICES, OF_STACK, Choices, NumberWithin, OneOf, YesNo, written
from avflow.darknet.names import COCO, class_names, names_in
from avflow.errors import MetadataInvalid, SettingInvalid
from avflow.models.store import ModelStore, sha256_of
from avflow.results.names import OUTPUTS
from avflow.speech import languages
from avflow.workflow import choosing, manifest
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow.choosing import Chosen, fitting, of_stack, of_upload
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MediaReport
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from avflow_cli.main import run, up
from scripts import choices_table
from tests.in_process import in_process
from tests.media_samples import ffmpeg, lavfi
from tests.reports import media_report

ROOT = Path(__file__).parents[3]
#: of each choice: values that are taken, with what they mean, and values that are refused
TAKEN = {
    "confidence": {"0.01": 0.01, "0.4": 0.4, "0.99": 0.99, "1e-1": 0.1},
    "nms": {"0.05": 0.05, "0.7": 0.7},
    "classes": {"": (), "dog": ("dog",), " person,traffic  light ": ("person", "traffic light"), "dog,dog": ("dog",)},
    "detect_every": {"1": 1, "60": 60, "007": 7},
    "labels": {"class": "class", "track": "track", "none": "none", "confidence": "confidence"},
    "label_size": {"0.5": 0.5, "3": 3.0},
    "speech_language": {"auto": "auto", "de": "de", "haw": "haw"},
    "speech_task": {"translate": "translate"},
    "word_times": {"yes": True, "no": False},
    "subtitles": {"soft": "soft", "burnt": "burnt"},
    "audio_track": {"": "", "2": "2", "en": "en", "eng": "eng", "pt-BR": "pt-BR"},
    "outputs": {
        "avi": ("avi", "srt"),
        "avi,srt": ("avi", "srt"),
        "mp4": ("avi", "srt", "mp4"),
        "vtt, mp4 ,vtt": ("avi", "srt", "mp4", "vtt"),
        "html,jpg,json,txt,vtt,mp4,srt,avi": OUTPUTS,
    },
    "lambda_seconds": {"0": 0.0, "0.5": 0.5, "900": 900.0},
}
NUMBERS = ("", "much", "nan", "inf", "-1", "0.4,0.5", "0x1", "9" * 2000)
REFUSED = {
    "confidence": (*NUMBERS, "0", "1", "40%"),
    "nms": (*NUMBERS, "0", "1"),
    "classes": (",", "dog,", "dog,,person", "dog\x00", "dog\nperson", "dog\x1b[2J"),
    "detect_every": (*NUMBERS, "0", "61", "1.5"),
    "labels": ("", "Class", "tracks", "class,confidence"),
    "label_size": (*NUMBERS, "0.4", "3.1"),
    "speech_language": ("", "English", "d", "de-AT", "DE", "e\x00", "*"),
    "speech_task": ("", "summarise", "translate "),
    "word_times": ("", "Yes", "NO", "true", "1", "no ", "yes,no"),
    "subtitles": ("", "Burnt", "hard", "soft,burnt"),
    "audio_track": ("English", "-1", "e", "2,3", "99999", "en\n"),
    "outputs": ("", ",", "mp4,", ",mp4", "mp4,,vtt", "mp4;vtt", "mp4 vtt", "MP4", "webm", "none", "all", "mp4\x00"),
    "lambda_seconds": (*NUMBERS, "901"),
}
CHOICE = {choice.field: choice for choice in CHOICES}


def cases(table):
    return [(field, value) for field, values in table.items() for value in values]


def test_the_table_has_each_choice_once_with_names_of_its_own():
    assert [choice.field for choice in CHOICES] == [field.name for field in fields(Choices)] == list(TAKEN)
    label_size = CHOICE["label_size"]
    assert (label_size.parameter, label_size.variable) == ("LabelSize", "LABEL_SIZE")
    assert (label_size.option, label_size.metadata) == ("--label-size", "avflow-label-size")


def test_the_defaults_are_what_comes_out_without_any_choice():
    found = Choices()
    assert (found.confidence, found.nms) == (detection.THRESHOLD, detection.OVERLAP)
    assert (found.labels, found.label_size) == (USUAL.show, USUAL.size)
    for choice in OF_STACK:
        assert choice.kind.read(written(choice.default)) == choice.default


# ---------------------------------------------------------------- reading
@pytest.mark.parametrize(("field", "text"), cases(TAKEN))
def test_a_value_is_read_from_the_stack_and_from_an_upload(field, text):
    choice, value = CHOICE[field], TAKEN[field][text]
    chosen = of_upload(Choices(), {choice.metadata: text, "title": "a film"}, "film.mkv")
    assert chosen == Chosen(replace(Choices(), **{field: value}), (field,))
    if not choice.of_upload_only:
        assert of_stack({choice.variable: text}) == replace(Choices(), **({field: value} if text else {}))


@pytest.mark.parametrize(("field", "text"), cases(REFUSED))
def test_a_wrong_value_is_refused_by_name_with_what_is_allowed(field, text):
    choice = CHOICE[field]
    with pytest.raises(MetadataInvalid) as refused:
        of_upload(Choices(), {choice.metadata: text}, "film.mkv")
    said = refused.value.message
    assert said.startswith(f"film.mkv has the metadata {choice.metadata}='{text[:3].encode('unicode_escape').decode()}")
    assert choice.kind.rule in said
    assert said.isprintable()
    assert len(said) < 350
    if text and not choice.of_upload_only:
        with pytest.raises(SettingInvalid, match=f"^{choice.variable} is '"):
            Settings.from_environ({choice.variable: text})


def test_an_upload_overrules_the_stack_also_by_an_empty_value():
    stack = of_stack({"CLASSES": "dog", "CONFIDENCE": "0.5"})
    chosen = of_upload(stack, {"avflow-classes": "", "Avflow-NMS": "0.3"}, "film.mkv")
    assert chosen == Chosen(Choices(confidence=0.5, nms=0.3), ("classes", "nms"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("avflow-confidense", "avflow-confidense, which has no meaning: did you mean avflow-confidence?"),
        ("avflow-labelsize", "did you mean avflow-label-size or avflow-labels?"),
        ("avflow-", "there are avflow-confidence, avflow-nms, avflow-classes"),
        ("avflow-" + "x" * 2000, "x, which has no meaning"),
    ],
)
def test_an_unknown_name_is_refused_with_names_near_to_it(name, said):
    with pytest.raises(MetadataInvalid) as refused:
        of_upload(Choices(), {name: "0.4"}, "film.mkv")
    assert said in refused.value.message
    assert len(refused.value.message) < 400


def test_metadata_of_others_is_none_of_ours():
    metadata = {"title": "=?x?", "av-workflow": "1", "myavflow-nms": "x"}
    assert of_upload(Choices(), metadata, "film.mkv") == Chosen(Choices())


def test_what_s3_encodes_because_it_is_not_ascii_is_decoded():
    for charset, encoding in (("utf-8", email.header.Header("Hörnchen,dog", "utf-8").encode()),
                              ("iso-8859-1", email.header.Header("Hörnchen,dog", "iso-8859-1").encode())):  # fmt: skip
        assert encoding.startswith(f"=?{charset}?")
        chosen = of_upload(Choices(), {"avflow-classes": encoding}, "film.mkv")
        assert chosen.choices.classes == ("Hörnchen", "dog")


def test_what_s3_encodes_of_raw_bytes_is_decoded_as_its_user_guide_shows():
    with pytest.raises(MetadataInvalid, match=r"avflow-speech-language='=\?UTF-8\?B\?w4PChE"):
        of_upload(Choices(), {"avflow-speech-language": "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="}, "film.mkv")
    chosen = of_upload(Choices(), {"avflow-classes": "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="}, "film.mkv")
    assert chosen.choices.classes == ("ÄMÄZÕÑ S3",)


@pytest.mark.parametrize(
    "broken",
    ["=?utf-8?B?8J+?=", "=?nonsense?Q?dog?=", "=?utf-8?B?/////w==?=", "=?utf-8?Q?do=00g?=", "=?utf-8?Q?d=1B[2J?="],
)
def test_what_is_encoded_badly_is_refused_by_name(broken):
    with pytest.raises(MetadataInvalid, match=r"has the metadata avflow-classes='=\?"):
        of_upload(Choices(), {"avflow-classes": broken}, "film.mkv")


# ---------------------------------------------------------------- what the models can do
def fit(upload: dict[str, str] | None = None, stack: dict[str, str] | None = None, speech: str = "whisper-base"):
    chosen = of_upload(of_stack(stack or {}), upload or {}, "film.mkv")
    return fitting(chosen, "yolov3-tiny", speech, ModelStore(), "film.mkv").choices


def test_classes_are_those_of_the_model_whatever_their_capitals():
    assert fit({"avflow-classes": "Dog,TRAFFIC LIGHT"}).classes == ("dog", "traffic light")
    with pytest.raises(MetadataInvalid, match=r"avflow-classes='dog,persn'; yolov3-tiny has no class 'persn': did you"):
        fit({"avflow-classes": "dog,persn"})
    with pytest.raises(SettingInvalid, match=r"CLASSES is 'zebro'; yolov3-tiny has no class 'zebro': did .* zebra\?"):
        fit(stack={"CLASSES": "zebro"})
    with pytest.raises(MetadataInvalid, match=r"no class 'qqq'; there are person, bicycle, car, .*toothbrush"):
        fit({"avflow-classes": "qqq"})


def test_languages_are_those_of_the_model():
    assert set(languages.WHISPER) == {*OF_WHISPER} - {"yue"}
    assert fit({"avflow-speech-language": "de"}).speech_language == "de"
    assert fit({"avflow-speech-language": "en"}, speech="whisper-tiny.en").speech_language == "en"
    with pytest.raises(
        MetadataInvalid, match=r"avflow-speech-language='xx'; the model whisper-base knows af, am, .*zh"
    ):
        fit({"avflow-speech-language": "xx"})
    with pytest.raises(SettingInvalid, match=r"SPEECH_LANGUAGE is 'de'; the model whisper-tiny\.en knows en; auto"):
        fit(stack={"SPEECH_LANGUAGE": "de"}, speech="whisper-tiny.en")


def test_a_model_of_one_language_does_not_translate():
    with pytest.raises(MetadataInvalid, match=r"avflow-speech-task='translate'; the model whisper-tiny\.en knows one"):
        fit({"avflow-speech-task": "translate"}, speech="whisper-tiny.en")
    with pytest.raises(SettingInvalid, match="SPEECH_TASK is 'translate', but the model"):
        fit(stack={"SPEECH_TASK": "translate"}, speech="whisper-tiny.en")
    overruled = fit({"avflow-speech-task": "transcribe"}, {"SPEECH_TASK": "translate"}, speech="whisper-tiny.en")
    assert overruled.speech_task == "transcribe"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A detector with names of its own, which is declared; whether its files are here, the test decides."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.names").write_text("Blaumeise\nAmsel\n", encoding="utf-8")
    (tmp_path / "models.toml").write_text(
        '[[model]]\nname = "own"\nkind = "yolov3"\n[[model.file]]\nname = "own.names"\n'
        f'bytes = 16\nsha256 = "{sha256_of(tmp_path / "own" / "own.names")}"\n'
    )
    assert tomllib.loads((tmp_path / "models.toml").read_text())
    monkeypatch.setenv("AVFLOW_MODELS_TOML", str(tmp_path / "models.toml"))
    return lambda here: ModelStore(tmp_path if here else tmp_path / "elsewhere")


def test_a_model_of_the_users_own_has_classes_of_its_own(own):
    assert class_names("own", own(True)) == ("Blaumeise", "Amsel")
    assert class_names("own", own(False)) is None
    assert class_names("yolov3", own(False)) == names_in(COCO)
    chosen = of_upload(Choices(), {"avflow-classes": "amsel"}, "film.mkv")
    assert choosing.with_known_classes(chosen, "own", own(True)).choices.classes == ("Amsel",)
    assert choosing.with_known_classes(chosen, "own", own(False)) == chosen
    dog = Chosen(Choices(classes=("dog",)))
    with pytest.raises(SettingInvalid, match="own has no class 'dog'; there are Blaumeise, Amsel"):
        choosing.with_known_classes(dog, "own", own(True))


# ---------------------------------------------------------------- through the steps
@pytest.fixture
def store(bucket, s3):
    return ObjectStore(bucket, s3)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    ffmpeg(*lavfi("testsrc2=s=64x48:r=5:d=0.4"), "-c:v", "mpeg4", path)
    return path


def uploaded(store, s3, film, **metadata):
    video = VideoRef(store.bucket, "start/film.mkv", "run-1")
    s3.put_object(Bucket=store.bucket, Key=video.key, Body=film.read_bytes(), Metadata=metadata)
    return video


def test_the_first_step_writes_what_counts_for_all_others(store, s3, film):
    video = uploaded(store, s3, film, **{"avflow-confidence": "0.5", "avflow-classes": "Dog", "camera": "2"})
    settings = Settings.from_environ({"CONFIDENCE": "0.3", "LABELS": "class"})
    ffmpeg_step.run(video, StepContext(store, "batch", settings=settings, start=in_process))
    report = store.read(video.media_json, MediaReport)
    assert report.choices == Choices(confidence=0.5, classes=("dog",), labels="class")
    assert report.chosen_by_upload == ("confidence", "classes")


def test_a_wrong_choice_ends_the_step_before_it_has_read_the_upload(store, s3, film):
    video = uploaded(store, s3, film, **{"avflow-classes": "dgo"})

    def never(*_, **__):
        raise AssertionError("a media process was started")

    with pytest.raises(MetadataInvalid, match=r"film\.mkv has the metadata avflow-classes='dgo'; yolov3 has no"):
        ffmpeg_step.run(video, StepContext(store, "batch", start=never))
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=store.bucket)["Contents"]] == [video.key]


def test_metadata_that_s3_does_not_return_is_told(store, s3, film, monkeypatch):
    video = uploaded(store, s3, film)
    told = store.found(video.key)
    monkeypatch.setattr(store, "found", lambda *_: replace(told, unreadable_metadata=2))
    report = ffmpeg_step.run(video, StepContext(store, "batch", start=in_process))
    (notice,) = [each for each in report.input.notices if each.name == "MetadataUnreadable"]
    assert "S3 does not return 2 of the upload's metadata" in notice.message


def test_s3_says_how_many_metadata_it_does_not_return(store, s3, film):
    video = uploaded(store, s3, film)
    s3.meta.events.register("after-call.s3.HeadObject", lambda parsed, **_: parsed.update(MissingMeta=3))
    assert ObjectStore(store.bucket, s3).found(video.key).unreadable_metadata == 3


def test_the_manifest_says_what_was_in_force_and_where_it_came_from():
    chosen = Choices(confidence=0.5, labels="class", audio_track="eng", lambda_seconds=0)
    media = replace(media_report(), choices=chosen, chosen_by_upload=("confidence", "nms", "lambda_seconds"))
    found = manifest.build(
        VideoRef("bucket", "start/film.mkv", "run-1"), media=media, speech=(), said=None, boxes=(),
        unique={}, merge_step=media.step, results=(), on_aws=False)  # fmt: skip
    told = found.to_dict()["choices"]
    assert {name: each["from"] for name, each in told.items() if each["from"] != "default"} == {
        "confidence": "upload",
        "nms": "upload",
        "labels": "stack",
        "audio_track": "stack",
        "lambda_seconds": "upload",
    }
    assert {name: each["value"] for name, each in told.items()} == asdict(chosen)
    assert "lambda_seconds" not in manifest.choices_of(media_report())


# ---------------------------------------------------------------- the places at which a choice is made
@pytest.fixture(scope="module")
def template():
    return yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("choice", OF_STACK, ids=lambda choice: choice.field)
def test_the_templates_parameter_is_as_the_table_declares_it(template, choice):
    kind, declared = choice.kind, template["Parameters"][choice.parameter]
    is_number = isinstance(kind, NumberWithin)
    expected = {
        "Type": "Number" if is_number else "String",
        "Default": choice.default if is_number else written(choice.default),
        "Description": choice.help,
        "ConstraintDescription": f"{choice.parameter} must be {kind.rule}.",
    }
    if is_number:
        expected |= {"MinValue": kind.least, "MaxValue": kind.most}
    elif isinstance(kind, OneOf | YesNo):
        expected["AllowedValues"] = list(kind.allowed)
    else:
        expected["AllowedPattern"] = kind.pattern
    assert declared == expected


def test_only_the_first_step_has_the_choices_of_the_stack(template):
    resources = template["Resources"]
    wanted = {choice.variable: {"Ref": choice.parameter} for choice in OF_STACK}
    of_functions = {
        name: facts["Properties"].get("Environment", {}).get("Variables", {})
        for name, facts in resources.items()
        if facts["Type"] == "AWS::Serverless::Function"
    }
    assert wanted.items() <= of_functions.pop("FFmpegFunction").items()
    assert not [name for name, variables in of_functions.items() if variables.keys() & wanted.keys()]
    job = resources["FFmpegJobDefinition"]["Properties"]["ContainerProperties"]["Environment"]
    assert wanted.items() <= {each["Name"]: each["Value"] for each in job}.items()


@pytest.mark.parametrize("command", [run, up], ids=lambda command: command.name)
@pytest.mark.parametrize("choice", OF_STACK, ids=lambda choice: choice.field)
def test_the_option_is_as_the_table_declares_it(command, choice):
    (option,) = [option for option in command.params if option.name == choice.field]
    assert (option.opts, option.envvar, option.help) == ([choice.option], choice.variable, choice.help)
    assert option.default == written(choice.default)
    for text, value in TAKEN[choice.field].items():
        assert option.type_cast_value(None, text) == value
    for text in REFUSED[choice.field]:
        with pytest.raises(click.BadParameter):
            option.type.convert(text, option, None)


def test_the_documents_and_make_have_the_table():
    page = choices_table.PAGE.read_text(encoding="utf-8")
    assert choices_table.table() in page, "python -m scripts.choices_table"
    assert choices_table.with_table(page.replace("the least", "")) == choices_table.with_table(page)
    declared = re.search(r"^RUN_VARIABLES := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert {choice.variable for choice in OF_STACK} <= {*declared.split()}
