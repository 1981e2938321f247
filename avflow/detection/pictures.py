"""What callers from outside hand over as pictures: checked, and what is wrong said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from avflow.detection.letterbox import Frame
from avflow.filenames import printable

#: what a picture is, for messages
WANTED = "a NumPy array (height, width, 3) of uint8, in the order blue, green, red"


def is_picture(given: object) -> bool:
    """Whether `given` is meant as one picture, and not as several: an array of two or three dimensions."""
    return isinstance(given, np.ndarray) and given.ndim in (2, 3) and given.dtype != object


def picture(given: Any, name: str = "The picture") -> Frame:
    """The picture, if it is one.

    Parameters
    ----------
    name:
        What the message calls it.

    Raises
    ------
    TypeError
        It is no array, or its numbers are not uint8.
    ValueError
        It has another shape than (height, width, 3), or no pixels.
    """
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{name} is {_kind(given)}, and must be {WANTED}. {_advice(given)}".rstrip())
    shape = " x ".join(map(str, given.shape)) or "no dimensions"
    if given.ndim == 2:
        raise ValueError(f"{name} is grey ({shape}): make it {WANTED}, with cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR).")
    if given.ndim == 3 and given.shape[2] == 4:
        raise ValueError(f"{name} has four channels ({shape}): remove the last one with picture[..., :3].")
    if given.ndim == 3 and given.shape[0] == 3 and given.shape[2] != 3:
        raise ValueError(f"{name} has its channels first ({shape}): put them last with picture.transpose(1, 2, 0).")
    if given.ndim != 3 or given.shape[2] != 3:
        raise ValueError(f"{name} has the shape {shape}, and must be {WANTED}.")
    if given.dtype != np.uint8:
        how = " Multiply values from 0 to 1 by 255, then use .astype('uint8')." if given.dtype.kind == "f" else ""
        raise TypeError(f"{name} has numbers of the type {given.dtype}, and must be {WANTED}.{how}")
    if given.size == 0:
        raise ValueError(f"{name} has no pixels ({shape}).")
    return given


def pictures(given: Any) -> list[Frame]:
    """Several pictures: a sequence, an iterator, or an array of four dimensions.

    Raises
    ------
    TypeError, ValueError
        As `picture`. The message says which one is wrong.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"The pictures are {_kind(given)}; each must be {WANTED}. {_advice(given)}".rstrip())
    return [picture(each, f"Picture {number}") for number, each in enumerate(given)]


def _kind(given: object) -> str:
    kind = type(given)
    shown = f" {printable(repr(given)[:60])}" if isinstance(given, str | bytes | int | float) else ""
    return "None" if given is None else f"an object of the class {kind.__qualname__}{shown}"


def _advice(given: object) -> str:
    """How to get a picture from what was given, if that is known."""
    if given is None:
        return "cv2.imread returns None for a file that it can't read."
    if isinstance(given, str | bytes) or hasattr(given, "__fspath__"):
        return "Read the file first, for example with cv2.imread(path)."
    if hasattr(given, "convert") and hasattr(given, "getbands"):  # an image of Pillow
        return "Convert an image of Pillow with numpy.asarray(image.convert('RGB'))[..., ::-1]."
    if hasattr(given, "numpy"):
        return "Convert a tensor with .numpy()."
    return ""
