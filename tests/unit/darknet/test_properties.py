"""Any bytes as .cfg, .weights and .names: a network, or an error by name; what is written is read back."""

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avflow.darknet.cfg import Convolutional, read_names, read_network
from avflow.darknet.weights import read_weights
from avflow.errors import DarknetModelInvalid

KINDS = ("net", "network", "convolutional", "shortcut", "route", "maxpool", "upsample", "yolo", "region", "dropout", "")
KEYS = (
    *("width", "height", "channels", "filters", "size", "stride", "pad", "padding", "activation", "batch_normalize"),
    *(
        "from",
        "layers",
        "groups",
        "group_id",
        "mask",
        "anchors",
        "classes",
        "num",
        "scale_x_y",
        "new_coords",
        "dilation",
    ),
)
VALUES = st.sampled_from(
    [
        *("0", "1", "-1", "3", "416", "2147483648", "-2147483649", "1e400", "nan", "inf", "0x10", "leaky", "linear"),
        *("mish", "", "0,1,2", "-1,-4", ",", "10,13, 16,30", "1_0", "٣", "99999999999999999999"),
    ]
)
LINES = st.one_of(
    st.sampled_from(KINDS).map(lambda kind: f"[{kind}]"),
    st.builds(lambda key, value: f"{key}={value}", st.sampled_from(KEYS), VALUES | st.text(max_size=8)),
    st.sampled_from(["", "# comment", "[net", "]", "=", "a=b=c", "\ufeff[net]", "\0"]),
)
CFG = st.lists(LINES, max_size=24).map("\n".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("darknet")


@settings(max_examples=60)
@given(CFG | st.text(max_size=200), st.binary(max_size=64))
@example("[net]\nwidth=416\nheight=416\n[convolutional]\nfilters=99999999999\nsize=3\n[yolo]\nmask=0\nanchors=1,1", b"")
def test_a_network_or_an_error_by_name(folder, text, weights):
    path, floats = folder / "a.cfg", folder / "a.weights"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    floats.write_bytes(weights)
    try:
        network = read_network(path)
        read_weights(floats, network)
        read_names(path, network)
    except DarknetModelInvalid as error:
        assert error.message and error.advice


@settings(max_examples=40)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_text_are_named(folder, content):
    path = folder / "a.cfg"
    path.write_bytes(content)
    with pytest.raises(DarknetModelInvalid):
        read_network(path)


@dataclass(frozen=True)
class Layer:
    filters: int
    size: int
    stride: int
    normalized: bool
    activation: str


LAYERS = st.lists(
    st.builds(
        Layer,
        st.integers(1, 6),
        st.sampled_from([1, 3]),
        st.sampled_from([1, 2]),
        st.booleans(),
        st.sampled_from(["leaky", "linear"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25)
@given(LAYERS, st.integers(1, 3), st.sampled_from([(0, 1, 0), (0, 2, 0), (1, 0, 0)]), st.integers(0, 2**32 - 1))
def test_what_is_written_is_what_is_read(folder, layers, classes, version, seed):
    """The same layers, and every float in the order of the file (Darknet, parser.c, load_convolutional_weights)."""
    lines = ["[net]", "width=64", "height=64", "channels=3"]
    for layer in layers:
        lines += [
            "[convolutional]",
            f"filters={layer.filters}",
            f"size={layer.size}",
            f"stride={layer.stride}",
            "pad=1",
        ]
        lines += [f"activation={layer.activation}", *(["batch_normalize=1"] if layer.normalized else [])]
    lines += ["[convolutional]", f"filters={5 + classes}", "size=1", "stride=1", "pad=1", "activation=linear"]
    lines += ["[yolo]", "mask=0", "anchors=10,14", f"classes={classes}", "num=1"]
    path, weights = folder / "b.cfg", folder / "b.weights"
    path.write_text("\n".join(lines), encoding="utf-8")
    network = read_network(path)
    read = [layer for layer in network.layers if isinstance(layer, Convolutional)]
    assert [(one.shape[0], one.batch_normalize) for one in read[:-1]] == [
        (one.filters, one.normalized) for one in layers
    ]
    floats = np.random.default_rng(seed).standard_normal(network.parameters).astype("<f4")
    seen = struct.pack("<3i", *version) + bytes(8 if version[0] * 10 + version[1] >= 2 else 4)
    weights.write_bytes(seen + floats.tobytes())
    parts = []
    for one in read_weights(weights, network):
        parts += [
            part.ravel() for part in (one.bias, one.scale, one.mean, one.variance, one.kernel) if part is not None
        ]
    assert np.array_equal(np.concatenate(parts), floats)
