"""Darknet's network description, the `.cfg`, and its list of class names.

Darknet's source is the only specification of the format (github.com/pjreddie/darknet, `parser.c`; AlexeyAB's fork adds
keys). This module reads what networks of the YOLOv3 family use. Everything else is an error that names the section and
its line, because a network that is nearly right gives boxes that are nearly right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from avflow.darknet.names import names_in
from avflow.errors import DarknetModelInvalid

#: (channels, height, width) of a layer's output
Shape = tuple[int, int, int]

ACTIVATIONS = ("linear", "leaky", "relu", "logistic", "mish", "swish")

#: keys of AlexeyAB's fork (and of pjreddie's binary networks) that change what a section computes, each with the value
#: that changes nothing
NEUTRAL_VALUES: dict[str, str] = {
    "antialiasing": "0",
    "assisted_excitation": "0",
    "binary": "0",
    "deform": "0",
    "dilation": "1",
    "flipped": "0",
    "maxpool_depth": "0",
    "new_coords": "0",
    "rotate": "0",
    "stretch": "0",
    "stretch_sway": "0",
    "sway": "0",
    "weights_type": "none",
    "xnor": "0",
}


@dataclass(frozen=True)
class Convolutional:
    """A convolution, then batch normalisation or bias, then the activation."""

    input_shape: Shape
    shape: Shape
    size: int
    stride: int
    padding: int
    groups: int
    batch_normalize: bool
    activation: str

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """(filters, channels per group, height, width)."""
        return self.shape[0], self.input_shape[0] // self.groups, self.size, self.size

    @property
    def parameters(self) -> int:
        """The number of floats of this layer in the .weights file."""
        filters, channels, height, width = self.kernel_shape
        return filters * (4 if self.batch_normalize else 1) + filters * channels * height * width


@dataclass(frozen=True)
class Shortcut:
    """The sum of the previous layer and the layers `sources`, then the activation."""

    shape: Shape
    sources: tuple[int, ...]
    activation: str


@dataclass(frozen=True)
class Route:
    """The channels of the layers `sources`, concatenated; of each layer, group `group_id` of `groups`."""

    shape: Shape
    sources: tuple[int, ...]
    groups: int
    group_id: int


@dataclass(frozen=True)
class MaxPool:
    """The largest value of each window. Darknet puts the smaller half of the padding before the image."""

    input_shape: Shape
    shape: Shape
    size: int
    stride: int
    padding: int


@dataclass(frozen=True)
class Upsample:
    """Each value repeated `stride` times in both directions and multiplied by `scale`."""

    shape: Shape
    stride: int
    scale: float


@dataclass(frozen=True)
class Yolo:
    """A detection head. It passes its input on, of shape (len(anchors) * (5 + classes), rows, columns).

    Parameters
    ----------
    anchors:
        Width and height of each anchor that `mask` selects, in pixels of the network's input.
    scale_x_y:
        How far a box centre may lie outside of its cell (YOLOv4); 1 keeps it inside.
    """

    shape: Shape
    anchors: tuple[tuple[float, float], ...]
    classes: int
    scale_x_y: float


Layer = Convolutional | Shortcut | Route | MaxPool | Upsample | Yolo


@dataclass(frozen=True)
class Network:
    """A network as its .cfg describes it. `input_size` is (width, height) in pixels."""

    input_size: tuple[int, int]
    layers: tuple[Layer, ...]

    @property
    def heads(self) -> tuple[Yolo, ...]:
        """The detection heads, in the file's order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Yolo))

    @property
    def parameters(self) -> int:
        """The number of floats that the .weights file must have."""
        return sum(layer.parameters for layer in self.layers if isinstance(layer, Convolutional))


_Number = TypeVar("_Number", int, float)


@dataclass
class _Section:
    """One `[kind]` of a .cfg and its `key=value` lines."""

    path: Path
    kind: str
    line: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)

    def invalid(self, problem: str, line: int | None = None) -> DarknetModelInvalid:
        return DarknetModelInvalid(f"{self.path.name}, section [{self.kind}], line {line or self.line}: {problem}")

    def text(self, key: str, default: str) -> str:
        return self.options.get(key, (default, 0))[0]

    def number(self, key: str, default: float) -> float:
        return self._list(key, str(default), float)[0]

    def integer(self, key: str, default: int, at_least: int = 1) -> int:
        value = self._list(key, str(default), int)[0]
        if value < at_least:
            raise self.invalid(f"{key}={value}, must be at least {at_least}", self._line(key))
        return value

    def integers(self, key: str, default: str = "") -> list[int]:
        return self._list(key, default, int)

    def numbers(self, key: str) -> list[float]:
        return self._list(key, "", float)

    def activation(self, default: str) -> str:
        name = self.text("activation", default)
        if name not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise self.invalid(f"activation={name} is not supported (known: {known})", self._line("activation"))
        return name

    def sources(self, key: str, layers: list[Layer]) -> tuple[int, ...]:
        """The layer numbers in `key`, from 0. Negative numbers count back from this layer."""
        here = len(layers)
        numbers = self.integers(key)
        absolute = tuple(number if number >= 0 else here + number for number in numbers)
        for number, layer in zip(numbers, absolute, strict=True):
            if not 0 <= layer < here:
                problem = f"{key} names layer {number}, but only layers 0 to {here - 1} stand before this one"
                raise self.invalid(problem, self._line(key))
        return absolute

    def _line(self, key: str) -> int | None:
        return self.options[key][1] if key in self.options else None

    def _list(self, key: str, default: str, convert: Callable[[str], _Number]) -> list[_Number]:
        text = self.text(key, default)
        try:
            numbers = [convert(part) for part in text.rstrip(",").split(",")]
        except ValueError:
            problem = f"{key}={text} is not a list of numbers" if text else f"{key} is missing"
            raise self.invalid(problem, self._line(key)) from None
        if not all(math.isfinite(number) for number in numbers):
            raise self.invalid(f"{key}={text} is not a list of finite numbers", self._line(key))
        return numbers


def _sections(path: Path) -> Iterator[_Section]:
    """The sections of a .cfg. As in Darknet, blanks are ignored, and the first of two equal keys counts."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DarknetModelInvalid(f"{path.name} is not a text file") from None
    section: _Section | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"\s", "", re.split("[#;]", raw, maxsplit=1)[0])
        if not line:
            continue
        if line.startswith("["):
            if section:
                yield section
            section = _Section(path, line.strip("[]"), number)
            continue
        key, equals, value = line.partition("=")
        if section is None or not equals:
            raise DarknetModelInvalid(f"{path.name}, line {number}: {raw.strip()!r} is neither [section] nor key=value")
        section.options.setdefault(key, (value, number))
    if section:
        yield section


def read_network(cfg: Path, input_size: tuple[int, int] | None = None) -> Network:
    """Read a network's description.

    Parameters
    ----------
    cfg:
        A YOLOv3-family .cfg.
    input_size:
        Width and height in pixels instead of those in the file. The anchors stay the same, in pixels.

    Raises
    ------
    DarknetModelInvalid
        The file has something unknown or contradictory; the message names the section and the line.
    """
    sections = list(_sections(cfg))
    if not sections or sections[0].kind not in ("net", "network"):
        raise DarknetModelInvalid(f"{cfg.name} does not begin with a [net] section")
    net = sections[0]
    width, height = input_size or (net.integer("width", 0), net.integer("height", 0))
    if net.integer("channels", 3) != 3:
        raise net.invalid("only networks for colour images (channels=3) are supported")
    layers: list[Layer] = []
    for section in sections[1:]:
        build = _BUILDERS.get(section.kind)
        if build is None:
            raise section.invalid("this kind of layer is not supported")
        for key, neutral in NEUTRAL_VALUES.items():
            if (value := section.text(key, neutral)) != neutral:
                raise section.invalid(f"{key}={value} is not supported", section.options[key][1])
        layers.append(build(section, layers[-1].shape if layers else (3, height, width), layers))
    network = Network((width, height), tuple(layers))
    if not network.heads:
        raise DarknetModelInvalid(f"{cfg.name} has no [yolo] section")
    if len({head.classes for head in network.heads}) > 1:
        raise DarknetModelInvalid(f"{cfg.name}: its [yolo] sections differ in classes")
    return network


def _convolutional(section: _Section, before: Shape, layers: list[Layer]) -> Convolutional:
    size, stride, groups = section.integer("size", 1), section.integer("stride", 1), section.integer("groups", 1)
    for key in ("stride_x", "stride_y"):
        if section.integer(key, stride) != stride:
            raise section.invalid(f"{key} that differs from stride is not supported")
    padding = size // 2 if section.integer("pad", 0, at_least=0) else section.integer("padding", 0, at_least=0)
    filters = section.integer("filters", 1)
    if before[0] % groups or filters % groups:
        raise section.invalid(f"groups={groups} does not divide {before[0]} channels into {filters} filters")
    height, width = ((extent + 2 * padding - size) // stride + 1 for extent in before[1:])
    _require_extent(section, height, width)
    normalize = bool(section.integer("batch_normalize", 0, at_least=0))
    shape = (filters, height, width)
    return Convolutional(before, shape, size, stride, padding, groups, normalize, section.activation("logistic"))


def _shortcut(section: _Section, before: Shape, layers: list[Layer]) -> Shortcut:
    sources = section.sources("from", layers)
    for source in sources:
        if layers[source].shape != before:
            raise section.invalid(f"can't add layer {source} of shape {layers[source].shape} to one of shape {before}")
    return Shortcut(before, sources, section.activation("linear"))


def _route(section: _Section, before: Shape, layers: list[Layer]) -> Route:
    sources = section.sources("layers", layers)
    groups, group_id = section.integer("groups", 1), section.integer("group_id", 0, at_least=0)
    shapes = [layers[source].shape for source in sources]
    if len({shape[1:] for shape in shapes}) > 1:
        raise section.invalid(f"joins layers of different sizes: {shapes}")
    if group_id >= groups or any(shape[0] % groups for shape in shapes):
        raise section.invalid(f"groups={groups}, group_id={group_id} don't select from layers of shapes {shapes}")
    channels = sum(shape[0] // groups for shape in shapes)
    return Route((channels, *shapes[0][1:]), sources, groups, group_id)


def _maxpool(section: _Section, before: Shape, layers: list[Layer]) -> MaxPool:
    stride = section.integer("stride", 1)
    size = section.integer("size", stride)
    padding = section.integer("padding", size - 1, at_least=0)
    height, width = ((extent + padding - size) // stride + 1 for extent in before[1:])
    _require_extent(section, height, width)
    return MaxPool(before, (before[0], height, width), size, stride, padding)


def _upsample(section: _Section, before: Shape, layers: list[Layer]) -> Upsample:
    stride = section.integer("stride", 2)
    channels, height, width = before
    return Upsample((channels, height * stride, width * stride), stride, section.number("scale", 1.0))


def _yolo(section: _Section, before: Shape, layers: list[Layer]) -> Yolo:
    flat, classes = section.numbers("anchors"), section.integer("classes", 20)
    anchors = list(zip(flat[::2], flat[1::2], strict=False))
    mask = section.integers("mask", ",".join(map(str, range(len(anchors)))))
    if not all(0 <= index < len(anchors) for index in mask) or min(flat) <= 0:
        raise section.invalid(f"mask={mask} does not select from {len(anchors)} anchors of positive size")
    wanted = len(mask) * (5 + classes)
    if before[0] != wanted:
        raise section.invalid(
            f"{len(mask)} anchors and {classes} classes need {wanted} channels, the layer before has {before[0]}"
        )
    return Yolo(before, tuple(anchors[index] for index in mask), classes, section.number("scale_x_y", 1.0))


def _require_extent(section: _Section, height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise section.invalid("the image has become smaller than this layer's window")


_BUILDERS: dict[str, Callable[[_Section, Shape, list[Layer]], Layer]] = {
    "convolutional": _convolutional,
    "conv": _convolutional,
    "shortcut": _shortcut,
    "route": _route,
    "maxpool": _maxpool,
    "max": _maxpool,
    "upsample": _upsample,
    "yolo": _yolo,
}


def read_names(path: Path, network: Network) -> tuple[str, ...]:
    """Read the class names, one a line.

    Raises
    ------
    DarknetModelInvalid
        The number of names differs from the number of classes.
    """
    names = names_in(path)
    classes = network.heads[0].classes
    if len(names) != classes:
        raise DarknetModelInvalid(f"{path.name} names {len(names)} classes, the network has {classes}")
    return names
