"""Where a store's memories stand, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]
Mask = NDArray[np.bool_]

REACH: Final = 2
"""How many places to each side count as a memory's surroundings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the store's memories stand, and what is known of each; made once a snapshot by :func:`lay_out`.

    ``rank`` is each row's place; everything else is by place. ``beside[k]`` is True where place i and i+k+1 share a segment.
    ``told``: the places whose words tell of other days than their own, and the first and last of those.
    """

    rank: Numbers
    order: Numbers
    beside: tuple[Mask, ...]
    segment: Numbers
    segment_length: Floats
    length: Floats
    speaker: Numbers
    day: Floats
    cues: NDArray[np.uint8]
    told: tuple[Numbers, Numbers, Numbers]

    @property
    def size(self) -> int:
        """How many memories there are."""
        return len(self.rank)


def lay_out(
    *,
    segment: Numbers,
    position: Numbers,
    length: Numbers,
    speaker: Numbers,
    day: Floats,
    cues: NDArray[np.uint8],
    told: tuple[Numbers, Numbers] | None = None,
) -> Layout:
    """The layout of columns by row. ``segment`` and ``speaker`` -1 and ``day`` NaN stand for none; a memory of no segment is
    its own. ``day`` is a date's ordinal; ``told`` the first and last of the days that each tells of, -1 where it names none.
    """
    count = len(segment)
    order = np.lexsort((np.arange(count), position, segment)).astype(np.int32)
    rank = np.empty_like(order)
    rank[order] = np.arange(count, dtype=np.int32)
    placed = segment[order]
    new = np.ones(count, bool)
    new[1:] = (placed[1:] != placed[:-1]) | (placed[1:] < 0)
    numbers = (np.cumsum(new) - 1).astype(np.int32)
    lengths = length[order].astype(np.float32)
    return Layout(
        rank=rank,
        order=order,
        beside=tuple(numbers[step:] == numbers[:-step] for step in range(1, REACH + 1)),
        segment=numbers,
        segment_length=np.bincount(numbers, lengths, minlength=1).astype(np.float32),
        length=lengths,
        speaker=speaker[order],
        day=day[order].astype(np.float32),
        cues=cues[order],
        told=_told(told, order),
    )


def _told(told: tuple[Numbers, Numbers] | None, order: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    if told is None:
        nothing = np.empty(0, np.int32)
        return nothing, nothing, nothing
    first, last = (values[order] for values in told)
    places = np.flatnonzero(first >= 0).astype(np.int32)
    return places, first[places], last[places]


def beside(layout: Layout, places: Numbers, step: int) -> Numbers:
    """The places ``step`` further in the same segment; -1 where there is none."""
    stepped = np.clip(places + step, 0, layout.size - 1)
    same = (layout.segment[stepped] == layout.segment[places]) & (stepped == places + step)
    found: Numbers = np.where(same, stepped, -1).astype(np.int32)
    return found


def spread(layout: Layout, places: NDArray[np.integer], reach: int, scratch: Mask) -> NDArray[np.intp]:
    """The places themselves and those within ``reach`` of them in their segments, sorted. ``scratch`` is False everywhere."""
    scratch[places] = True
    for step in range(1, reach + 1):
        same = layout.beside[step - 1]
        after = places[places < layout.size - step]
        scratch[after[same[after]] + step] = True
        ahead = places[places >= step] - step
        scratch[ahead[same[ahead]]] = True
    found = np.flatnonzero(scratch)
    scratch[found] = False
    return found


def before(layout: Layout, values: Floats) -> Floats:
    """What the place before has, in the same segment."""
    moved = np.zeros_like(values)
    moved[1:] = values[:-1] * layout.beside[0]
    return moved
