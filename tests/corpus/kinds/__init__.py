"""The inputs by kind. `ALL` has every case, in the order of docs/uploads.md."""

from __future__ import annotations

from tests.corpus.case import Kind
from tests.corpus.kinds import (
    channels,
    clocks,
    cut,
    ends,
    gaps,
    geometry,
    hostile_behind,
    hostile_boxes,
    hostile_changes,
    hostile_elements,
    hostile_indexes,
    hostile_matroska,
    hostile_pictures,
    hostile_sound,
    hostile_streams,
    hostile_tables,
    hostile_text,
    languages,
    lengths,
    lies,
    streams,
    tracks,
)

#: run in child processes whose time and memory are bounded
HOSTILE_KINDS: tuple[Kind, ...] = (
    hostile_boxes.KIND,
    hostile_matroska.KIND,
    hostile_streams.KIND,
    hostile_sound.KIND,
    hostile_pictures.KIND,
    hostile_text.KIND,
    hostile_behind.KIND,
    hostile_indexes.KIND,
    hostile_elements.KIND,
    hostile_tables.KIND,
    hostile_changes.KIND,
)

KINDS: tuple[Kind, ...] = (
    clocks.KIND,
    gaps.KIND,
    ends.KIND,
    channels.KIND,
    tracks.KIND,
    lengths.KIND,
    cut.KIND,
    streams.KIND,
    geometry.KIND,
    lies.KIND,
    languages.KIND,
    *HOSTILE_KINDS,
)
ALL = tuple(case for kind in KINDS for case in kind.cases)
HOSTILE = tuple(case for kind in HOSTILE_KINDS for case in kind.cases)
