"""Markers that skip tests on platforms without a package of an inference engine (docs/platforms.md)."""

from importlib.util import find_spec

import pytest

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO has no package for this platform")
needs_pocketsphinx = pytest.mark.skipif(
    find_spec("pocketsphinx") is None, reason="PocketSphinx has no package for this Python"
)
