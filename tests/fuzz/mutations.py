"""How bytes are spoiled. All choices come from one random generator, so that a seed repeats a run."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

#: numbers at the edges of what fields hold
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
#: most bytes that are copied, moved or removed at once, and the longest spoiled file
_LONGEST_PART, _LONGEST_FILE = 4_096, 4_000_000

Mutation = Callable[[bytearray, random.Random], None]


def spoil(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """The same bytes with one to eight mutations, most of them near the start, where headers are."""
    spoiled = bytearray(data)
    for _ in range(1 << chance.randrange(4)):
        if chance.random() < 0.08:
            _splice(spoiled, chance.choice(others), chance)
        else:
            chance.choice(_MUTATIONS)(spoiled, chance)
    return bytes(spoiled[:_LONGEST_FILE])


def _place(data: bytearray, chance: random.Random) -> int:
    """A position: in the first 1 KiB, the last 4 KiB or anywhere."""
    length = max(1, len(data))
    kind = chance.random()
    if kind < 0.5:
        return chance.randrange(min(length, 1024))
    if kind < 0.75:
        return max(0, length - 1 - chance.randrange(min(length, 4096)))
    return chance.randrange(length)


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _set_byte(data: bytearray, chance: random.Random) -> None:
    if data:
        data[_place(data, chance)] = chance.randrange(256)


def _set_number(data: bytearray, chance: random.Random) -> None:
    """A field of 2, 4 or 8 bytes gets a number at the edge."""
    width, code = chance.choice(((2, "H"), (4, "I"), (8, "Q")))
    field = struct.pack(chance.choice("<>") + code, chance.choice(_EDGES) & (1 << 8 * width) - 1)
    place = _place(data, chance)
    data[place : place + width] = field


def _add_number(data: bytearray, chance: random.Random) -> None:
    """A field of 4 bytes is changed by a little."""
    place = _place(data, chance)
    order = chance.choice(("little", "big"))
    number = int.from_bytes(data[place : place + 4], order) + chance.randrange(-35, 36)  # type: ignore[arg-type]
    data[place : place + 4] = (number & 0xFFFFFFFF).to_bytes(4, order)  # type: ignore[arg-type]


def _part(data: bytearray, chance: random.Random) -> tuple[int, int]:
    place = _place(data, chance)
    return place, place + chance.randrange(1, _LONGEST_PART) // chance.choice((1, 16, 256)) + 1


def _remove(data: bytearray, chance: random.Random) -> None:
    start, end = _part(data, chance)
    del data[start:end]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start, end = _part(data, chance)
    times = chance.choice((1, 2, 10, 200))
    data[end:end] = bytes(data[start:end]) * times


def _move(data: bytearray, chance: random.Random) -> None:
    start, end = _part(data, chance)
    content = bytes(data[start:end])
    place = _place(data, chance)
    data[place : place + len(content)] = content


def _fill(data: bytearray, chance: random.Random) -> None:
    start, end = _part(data, chance)
    data[start:end] = bytes([chance.choice((0, 0xFF, 0x41))]) * (end - start)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _splice(data: bytearray, other: bytes, chance: random.Random) -> None:
    """A part of another file."""
    start = chance.randrange(max(1, len(other)))
    content = other[start : start + chance.randrange(1, 4 * _LONGEST_PART)]
    place = _place(data, chance)
    data[place : place + (len(content) if chance.random() < 0.5 else 0)] = content


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _set_byte, _set_byte, _set_number, _set_number, _set_number, _add_number),
    *(_remove, _repeat, _move, _fill, _cut),
)
