"""The template that `sam build` writes, which names the images that it built."""

from __future__ import annotations

import os
from pathlib import Path

from avflow.errors import AvflowError
from avflow_cli import where

BUILT = where.code() / ".aws-sam" / "build" / "template.yaml"


class ImagesNotBuilt(AvflowError):
    """No images have been built, or they have other models."""

    advice = "Run `make images` with the same YOLOV3_MODEL, SPEECH_MODEL and DETECTOR_PRECISION."
    exit_code = os.EX_UNAVAILABLE


def built_template(yolov3_model: str, speech_model: str, precision: str) -> Path:
    """The path of the built template, whose images have these models.

    Raises
    ------
    ImagesNotBuilt
    """
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415 - slow to import

    if not BUILT.is_file():
        raise ImagesNotBuilt("No images have been built.")
    resources = yaml_parse(BUILT.read_text(encoding="utf-8"))["Resources"].values()
    arguments = [each["Metadata"]["DockerBuildArgs"] for each in resources if "ImageUri" in each.get("Properties", {})]
    wanted_arguments = {"YOLOV3_MODEL": yolov3_model, "SPEECH_MODEL": speech_model, "DETECTOR_PRECISION": precision}
    for name, wanted in wanted_arguments.items():
        found = {each[name] for each in arguments if name in each}
        if found != {wanted}:
            raise ImagesNotBuilt(f"The images were built with {name}={', '.join(sorted(found))}, not {wanted}.")
    return BUILT
