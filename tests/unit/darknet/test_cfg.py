"""Reading Darknet's .cfg and .names files: what is read, and how what can't be read is named."""

from pathlib import Path

import pytest

from avflow.darknet import DATA
from avflow.darknet.cfg import Convolutional, MaxPool, Network, Route, Shortcut, Upsample, read_names, read_network
from avflow.errors import DarknetModelInvalid

HEAD = "[convolutional]\nfilters=18\nsize=1\nactivation=linear\n[yolo]\nmask=0,1,2\nanchors=1,2,3,4,5,6\nclasses=1\n"


def parse(tmp_path: Path, text: str, net: str = "[net]\nwidth=64\nheight=32\n") -> Network:
    cfg = tmp_path / "own.cfg"
    cfg.write_text(net + text)
    return read_network(cfg)


def refusal(tmp_path: Path, text: str, net: str = "[net]\nwidth=64\nheight=32\n") -> str:
    with pytest.raises(DarknetModelInvalid) as error:
        parse(tmp_path, text, net)
    assert error.value.message.startswith("own.cfg")
    return error.value.message


@pytest.mark.parametrize(
    ("name", "size", "parameters", "rows"),
    [
        # the files on Darknet's page: (bytes - 20 of header) / 4 floats
        ("yolov3", 416, (248_007_048 - 20) // 4, [13, 26, 52]),
        ("yolov3-spp", 608, 63_052_381, [19, 38, 76]),
        ("yolov3-tiny", 416, (35_434_956 - 20) // 4, [13, 26]),
    ],
)
def test_the_shipped_networks_take_as_many_floats_as_their_published_weights_have(name, size, parameters, rows):
    network = read_network(DATA / f"{name}.cfg")
    assert network.input_size == (size, size)
    assert network.parameters == parameters
    assert [head.shape for head in network.heads] == [(255, row, row) for row in rows]


def test_tiny_uses_the_anchors_its_weights_were_trained_with():
    coarse, fine = read_network(DATA / "yolov3-tiny.cfg").heads
    assert coarse.anchors == ((81, 82), (135, 169), (344, 319))
    assert fine.anchors == ((23, 27), (37, 58), (81, 82))


def test_another_input_size_changes_the_grid_and_not_the_anchors():
    network = read_network(DATA / "yolov3.cfg", input_size=(640, 352))
    assert [head.shape[1:] for head in network.heads] == [(11, 20), (22, 40), (44, 80)]
    assert network.heads[0].anchors == read_network(DATA / "yolov3.cfg").heads[0].anchors


def test_every_kind_of_layer(tmp_path):
    network = parse(
        tmp_path,
        "# comment\n[convolutional]\nfilters = 8  ; eight\nsize=3\nstride=2\npad=1\nbatch_normalize=1\n"
        "activation=mish\nfilters=9\n"
        "[conv]\nfilters=8\nsize=3\npad=1\ngroups=4\nactivation=leaky\n[shortcut]\nfrom=-2\nactivation=relu\n"
        "[route]\nlayers=-1,0\ngroups=2\ngroup_id=1\n[maxpool]\nsize=3\nstride=2\n[upsample]\nstride=4\n" + HEAD,
    )
    conv, grouped, shortcut, route, pool, upsample, *_ = network.layers
    assert conv == Convolutional((3, 32, 64), (8, 16, 32), 3, 2, 1, 1, True, "mish")
    assert isinstance(grouped, Convolutional)
    assert grouped.kernel_shape == (8, 2, 3, 3)
    assert shortcut == Shortcut((8, 16, 32), (0,), "relu")
    assert route == Route((8, 16, 32), (2, 0), 2, 1)
    assert pool == MaxPool((8, 16, 32), (8, 8, 16), 3, 2, 2)
    assert upsample == Upsample((8, 32, 64), 4, 1.0)


@pytest.mark.parametrize(
    ("text", "section", "line", "problem"),
    [
        ("[dropout]\nprobability=.5\n" + HEAD, "dropout", 4, "not supported"),
        ("[convolutional]\nactivation=gelu\n" + HEAD, "convolutional", 5, "gelu"),
        ("[convolutional]\nfilters=eight\n" + HEAD, "convolutional", 5, "filters=eight"),
        ("[convolutional]\nfilters=0\n" + HEAD, "convolutional", 5, "at least 1"),
        ("[convolutional]\nstride=0\n" + HEAD, "convolutional", 5, "at least 1"),
        ("[convolutional]\nfilters=4\ngroups=2\n" + HEAD, "convolutional", 4, "does not divide 3 channels"),
        ("[convolutional]\nxnor=1\n" + HEAD, "convolutional", 5, "xnor=1 is not supported"),
        ("[convolutional]\nsize=99\n" + HEAD, "convolutional", 4, "smaller than this layer's window"),
        ("[maxpool]\nsize=0\n" + HEAD, "maxpool", 5, "at least 1"),
        ("[maxpool]\nstride=2\n[route]\nlayers=1\n" + HEAD, "route", 7, "names layer 1, but only layers 0 to 0"),
        ("[maxpool]\nstride=2\n[route]\nlayers=-2\n" + HEAD, "route", 7, "names layer -2"),
        ("[maxpool]\nstride=2\n[route]\nlayers=7\n" + HEAD, "route", 7, "names layer 7"),
        ("[maxpool]\nstride=2\n[route]\n" + HEAD, "route", 6, "layers is missing"),
        ("[maxpool]\nstride=2\n[maxpool]\nstride=2\n[route]\nlayers=0,1\n" + HEAD, "route", 8, "different sizes"),
        ("[maxpool]\nstride=1\n[route]\nlayers=0\ngroups=2\n" + HEAD, "route", 6, "groups=2"),
        ("[maxpool]\nstride=2\n[maxpool]\nstride=2\n[shortcut]\nfrom=0\n" + HEAD, "shortcut", 8, "can't add layer 0"),
        ("[maxpool]\nstride=1\n[shortcut]\nfrom=1\n" + HEAD, "shortcut", 7, "names layer 1"),
        (HEAD.replace("classes=1", "classes=2"), "yolo", 8, "need 21 channels, the layer before has 18"),
        (HEAD.replace("mask=0,1,2", "mask=0,1,3"), "yolo", 8, "does not select from 3 anchors"),
        (HEAD.replace("anchors=1,2", "anchors=nan,2"), "yolo", 10, "finite"),
        (HEAD.replace("anchors=1,2", "anchors=-1,2"), "yolo", 8, "positive size"),
    ],
)
def test_what_is_wrong_is_named_with_its_section_and_line(tmp_path, text, section, line, problem):
    message = refusal(tmp_path, text)
    assert f"section [{section}], line {line}:" in message
    assert problem in message


def test_files_that_describe_no_network(tmp_path):
    assert "does not begin with a [net]" in refusal(tmp_path, HEAD, net="")
    assert "does not begin with a [net]" in refusal(tmp_path, "", net="")
    assert "no [yolo]" in refusal(tmp_path, "[maxpool]\n")
    assert "width=0" in refusal(tmp_path, HEAD, net="[net]\nheight=32\n")
    assert "colour" in refusal(tmp_path, HEAD, net="[net]\nwidth=64\nheight=64\nchannels=1\n")
    assert "line 4: 'filters' is neither" in refusal(tmp_path, "filters\n" + HEAD)
    assert "line 1:" in refusal(tmp_path, HEAD, net="width=3\n")
    (tmp_path / "own.cfg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DarknetModelInvalid, match=r"own\.cfg is not a text file"):
        read_network(tmp_path / "own.cfg")


def test_names_are_as_many_as_the_classes(tmp_path):
    network = parse(tmp_path, HEAD)
    names = tmp_path / "own.names"
    names.write_text("\n Ёлка \n\n")
    assert read_names(names, network) == ("Ёлка",)
    with pytest.raises(DarknetModelInvalid, match=r"coco\.names names 80 classes, the network has 1"):
        read_names(DATA / "coco.names", network)
