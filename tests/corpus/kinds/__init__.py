"""The inputs by kind. `ALL` has every case, in the order of docs/uploads.md."""

from __future__ import annotations

from tests.corpus.case import Kind
from tests.corpus.kinds import channels, clocks, cut, ends, gaps, geometry, languages, lengths, lies, streams, tracks

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
)
ALL = tuple(case for kind in KINDS for case in kind.cases)
