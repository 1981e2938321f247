"""Read what a user chose: from the environment, which has the stack's parameters, and from the upload's metadata.

The FFmpeg step does so once, at its beginning, and writes the result into `media.json`. All later steps, and all
children of an array job, take it from there.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

from avflow.choices import (
    AUTO,
    CHOICES,
    OF_STACK,
    PREFIX,
    Choice,
    Choices,
    Origin,
    instead,
    refusal,
    shown,
    spelled,
)
from avflow.darknet.names import class_names
from avflow.errors import AvflowError, MetadataInvalid, SettingInvalid
from avflow.models.store import ModelStore
from avflow.speech import require_task
from avflow.speech.languages import languages_of

#: characters of an unknown name that an error shows: longer than any that there is, and all of these fit behind it
_NAME_SHOWN = 60


@dataclass(frozen=True)
class Chosen:
    """What counts for one upload."""

    choices: Choices
    #: the fields that the upload's metadata set
    by_upload: tuple[str, ...] = ()


def of_stack(environ: Mapping[str, str]) -> Choices:
    """What the environment says. A variable that is not set or empty leaves the default.

    Raises
    ------
    SettingInvalid
    """
    values = {}
    for choice in OF_STACK:
        if text := environ.get(choice.variable):
            try:
                values[choice.field] = choice.kind.read(text)
            except ValueError:
                message = f"{choice.variable} is {shown(text)}; it {refusal(choice.kind, text)}"
                raise SettingInvalid(message) from None
    return Choices(**values)


def of_upload(stack: Choices, metadata: Mapping[str, str], upload: str) -> Chosen:
    """The stack's choices, overruled by the metadata of an upload, without `x-amz-meta-`.

    S3 returns metadata that is not US-ASCII encoded as RFC 2047 says (Amazon S3 User Guide, "Working with object
    metadata"). An empty value is a value: it overrules a list of classes of the stack by all classes.

    Raises
    ------
    MetadataInvalid
        A name that begins with `avflow-` is unknown, or a value is wrong. `upload` is the upload's name.
    """
    known, values = {choice.metadata: choice for choice in CHOICES}, dict[str, Any]()
    for name, given in metadata.items():
        if not (name := name.lower()).startswith(PREFIX):
            continue
        if (choice := known.get(name)) is None:
            near = instead(name.removeprefix(PREFIX), {each.removeprefix(PREFIX): each for each in known})
            raise MetadataInvalid(f"{upload} has the metadata {name[:_NAME_SHOWN]}, which has no meaning{near}")
        try:
            values[choice.field] = choice.kind.read(_decoded(given))
        except ValueError:
            raise _wrong(choice, given, upload, f"it {refusal(choice.kind, given)}") from None
    return Chosen(replace(stack, **values), tuple(values))


def fitting(chosen: Chosen, detector: str, speech: str, store: ModelStore, upload: str = "") -> Chosen:
    """The choices, with the names of classes as the model has them, if the models can do what was chosen.

    Parameters
    ----------
    detector, speech:
        The names of the models.
    upload:
        The upload's name, for errors about its metadata.

    Raises
    ------
    ModelUnknown
        There is no speech model of this name.
    SettingInvalid, MetadataInvalid
        The detector has no such class. The speech model does not know the language, or can't translate.
    """
    choices = chosen.choices
    try:
        require_task(speech, choices.speech_task, store)
    except SettingInvalid as error:
        if "speech_task" not in chosen.by_upload:
            raise
        why = f"the model {speech} knows one language only and can't translate"
        raise _unfit("speech_task", chosen, upload, why) from error
    known = languages_of(speech, store)
    if choices.speech_language not in (AUTO, *known):
        why = f"the model {speech} knows {', '.join(known)}; {AUTO} leaves it to the model"
        raise _unfit("speech_language", chosen, upload, why)
    return with_known_classes(chosen, detector, store, upload)


def with_known_classes(chosen: Chosen, detector: str, store: ModelStore, upload: str = "") -> Chosen:
    """The choices, with the names of classes as the detector has them. Capitals make no difference.

    A model with a list of its own, which this machine lacks, is not asked.

    Raises
    ------
    SettingInvalid, MetadataInvalid
        The detector has no such class.
    """
    wanted = chosen.choices.classes
    names = class_names(detector, store) if wanted else None
    if names is None:
        return chosen
    try:
        classes = spelled(wanted, names, detector)
    except ValueError as error:
        raise _unfit("classes", chosen, upload, str(error)) from None
    return replace(chosen, choices=replace(chosen.choices, classes=classes))


def origin_of(choice: Choice, chosen: Chosen) -> Origin:
    """Where a value came from. A parameter of the stack that has the default's value is the default."""
    if choice.field in chosen.by_upload:
        return "upload"
    return "default" if getattr(chosen.choices, choice.field) == choice.default else "stack"


def _decoded(text: str) -> str:
    """A value of metadata as its uploader meant it. Raises ValueError if its encoding is broken.

    S3 takes each byte of UTF-8 in a header for a character, and encodes these (the example of its User Guide). Other
    text is hardly ever UTF-8 by chance.
    """
    if "=?" not in text:
        return text
    try:
        found = str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, binascii.Error) as error:
        raise ValueError(text) from error
    try:
        return found.encode("latin-1").decode()
    except UnicodeError:
        return found


def _unfit(field: str, chosen: Chosen, upload: str, why: str) -> AvflowError:
    """The error that a model can't do what was chosen."""
    (choice,) = (choice for choice in CHOICES if choice.field == field)
    value = asdict(chosen.choices)[field]
    given = value if isinstance(value, str) else ",".join(value)
    if field in chosen.by_upload:
        return _wrong(choice, given, upload, why)
    return SettingInvalid(f"{choice.variable} is {shown(given)}; {why}")


def _wrong(choice: Choice, given: str, upload: str, why: str) -> MetadataInvalid:
    return MetadataInvalid(f"{upload} has the metadata {choice.metadata}={shown(given)}; {why}")
