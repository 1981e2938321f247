"""Fetch and verify the model of an image while the image is built. On an error the build fails with the reason.

usage: python bake_model.py PARAMETER NAME
"""

from __future__ import annotations

import sys

from avflow.errors import AvflowError
from avflow.models.kinds import DETECTION, SPEECH
from avflow.models.store import ModelStore

#: use of a model, by the parameter of template.yaml that names the model
USES = {"SpeechModel": SPEECH, "Yolov3Model": DETECTION}


def main(parameter: str, name: str) -> None:
    """Fetch the model `name`, which the template's `parameter` names."""
    store = ModelStore()
    try:
        store.require(name, USES[parameter])
        print(f"{parameter}={name}: in {store.fetch(name)}, sha256 verified")
    except AvflowError as error:
        sys.exit(f"{parameter}={name}: {error.message} {error.advice}")
    store.remove_partial_downloads()


if __name__ == "__main__":
    main(*sys.argv[1:])
