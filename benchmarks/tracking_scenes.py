"""Synthetic scenes with known identities, for trackers: objects that cross, hide, leave, and a detector that errs.

A scene is a world in continuous time. The same world is looked at with any number of frames per second.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: left, top, width and height in pixels
Box = tuple[float, float, float, float]
#: pixels of a frame, and steps of the world in a second
WIDTH, HEIGHT, STEPS = 768, 576, 300


@dataclass(frozen=True)
class Seen:
    """What a detector says."""

    class_name: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Frame:
    """One frame: when it is shown, the objects that are in view by their identities, and what was detected."""

    time: float
    truth: dict[int, Box]
    seen: list[Seen]


@dataclass(frozen=True)
class Difficulty:
    """How a detector errs, and what happens in the scene. Lengths are shares of an object's size."""

    #: objects in view on average, and how many pixels they move in a second
    objects: int = 12
    speed: float = 90.0
    #: probability of a miss, and detections of nothing for each frame
    misses: float = 0.08
    nothings: float = 0.3
    #: standard deviation of each side of a box
    jitter: float = 0.03
    #: times in a second at which an object is hidden, and for how many seconds at most
    hides: float = 0.06
    hidden_seconds: float = 1.0
    #: pixels by which the camera shakes
    shake: float = 3.0


@dataclass
class _Object:
    identity: int
    class_name: str
    size: tuple[float, float]
    place: list[float]
    velocity: list[float]
    ends: float
    hidden_until: float = -1.0
    #: of each step: the place, or None while it is hidden
    path: dict[int, Box | None] = field(default_factory=dict)


CLASSES = ("person", "person", "car")


def scene(rate: float, seconds: float = 20.0, seed: int = 1, hard: Difficulty | None = None) -> Iterator[Frame]:
    """The frames of a scene. The same seed gives the same world at each rate."""
    hard = hard or Difficulty()
    world = _world(seconds, random.Random(seed), hard)  # noqa: S311  no secrets
    detector = random.Random(seed * 1000 + round(rate))  # noqa: S311
    for number in range(math.ceil(seconds * rate)):
        yield _frame(number / rate, world, detector, hard)


def _world(seconds: float, chance: random.Random, hard: Difficulty) -> Sequence[_Object]:
    """All objects with their paths. New ones come so often that as many are in view as leave."""
    objects = [_new(number, 0.0, chance, hard, at_edge=False) for number in range(hard.objects)]
    moving = list(objects)
    for step in range(round(seconds * STEPS)):
        time = step / STEPS
        for each in moving:
            _move(each, step, chance, hard)
        moving = [each for each in moving if _in_view(each) and time < each.ends]
        while len(moving) < hard.objects and chance.random() < 1 / STEPS:  # about a second after one left
            moving.append(_new(len(objects), time, chance, hard, at_edge=True))
            objects.append(moving[-1])
    return objects


def _new(identity: int, time: float, chance: random.Random, hard: Difficulty, *, at_edge: bool) -> _Object:
    width = chance.uniform(30, 90)
    size = (width, width * chance.uniform(0.6, 2.2))
    angle = chance.uniform(0, 2 * math.pi)
    speed = hard.speed * chance.uniform(0.2, 1.8)
    place = [chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT)]
    velocity = [speed * math.cos(angle), speed * math.sin(angle)]
    if at_edge:  # it moves in
        place[0] = 0.0 if velocity[0] > 0 else float(WIDTH)
    return _Object(identity, chance.choice(CLASSES), size, place, velocity, time + chance.uniform(6, 40))


def _move(each: _Object, step: int, chance: random.Random, hard: Difficulty) -> None:
    """It turns and changes its speed a little in each step, and hides now and then."""
    for axis in (0, 1):
        each.velocity[axis] += chance.gauss(0, hard.speed * 0.6 / math.sqrt(STEPS))
        each.velocity[axis] *= 1 - 0.1 / STEPS
        each.place[axis] += each.velocity[axis] / STEPS
    time = step / STEPS
    if time > each.hidden_until and chance.random() < hard.hides / STEPS:
        each.hidden_until = time + chance.uniform(0.2, hard.hidden_seconds)
    width, height = each.size
    box = (each.place[0] - width / 2, each.place[1] - height / 2, width, height)
    each.path[step] = None if time < each.hidden_until else box


def _in_view(each: _Object) -> bool:
    return -20 < each.place[0] < WIDTH + 20 and -20 < each.place[1] < HEIGHT + 20


def _frame(time: float, world: Sequence[_Object], chance: random.Random, hard: Difficulty) -> Frame:
    step = round(time * STEPS)
    shake = (hard.shake * math.sin(time * 11), hard.shake * math.cos(time * 7))
    truth: dict[int, Box] = {}
    classes: dict[int, str] = {}
    seen: list[Seen] = []
    for each in world:
        box = each.path.get(step)
        if box is None:
            continue
        left, top = box[0] + shake[0], box[1] + shake[1]
        right, bottom = min(WIDTH, left + box[2]), min(HEIGHT, top + box[3])
        left, top = max(0.0, left), max(0.0, top)
        if right - left < 8 or bottom - top < 8:
            continue
        box = truth[each.identity] = (left, top, right - left, bottom - top)
        classes[each.identity] = each.class_name
        others = [number for number in truth if number != each.identity and classes[number] == each.class_name]
        covered = max((overlap(box, truth[number]) for number in others), default=0.0)
        if chance.random() < hard.misses or covered > 0.6:  # non-maximum suppression leaves one of the two
            continue
        confidence = min(0.99, max(0.26, chance.gauss(0.78, 0.15) - covered * 0.6))
        seen.append(Seen(each.class_name, round(confidence, 4), _jittered(box, chance, hard.jitter)))
    while chance.random() < hard.nothings / (1 + hard.nothings):
        width = chance.uniform(30, 90)
        box = (chance.uniform(0, WIDTH - width), chance.uniform(0, HEIGHT - width), width, width)
        seen.append(Seen(chance.choice(CLASSES), round(chance.uniform(0.26, 0.7), 4), box))
    return Frame(time, truth, sorted(seen, key=lambda each: -each.confidence))


def _jittered(box: Box, chance: random.Random, share: float) -> Box:
    left, top, width, height = box
    sides = [left, top, left + width, top + height]
    for at, length in enumerate((width, height, width, height)):
        sides[at] += chance.gauss(0, share * length)
    return (round(sides[0], 1), round(sides[1], 1), round(sides[2] - sides[0], 1), round(sides[3] - sides[1], 1))


def overlap(one: Box, other: Box) -> float:
    """The intersection over union of two boxes."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
