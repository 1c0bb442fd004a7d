"""The BM25 index as columns in this process: filled at first use, kept up with PostgreSQL, thrown away when it changed.

Rows are only appended; memory numbers become visible in order (the store lets one writer in at a time), so what was read up
to a number stays right until the store's generation grows.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.ports import Columns, Lexicon, Numbers, Snapshot
from lotus_tasks.memory.ranking import Layout, lay_out

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
MAX_CACHED_POSTINGS: Final = 4_000_000
"""Two int32 each: 32 MB at most."""
_TERM_COUNTS_AS: Final = 64
"""Postings: what a term itself takes here, also one that nobody ever wrote; questions bring new ones for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one recall looks at: the columns, and for each term of the query the rows that hold it and how often."""

    columns: Columns
    layout: Layout
    speakers: Sequence[str]
    postings: Mapping[str, tuple[Numbers, Numbers]]

    @property
    def years(self) -> tuple[int, int] | None:
        """The first and the last year in which something happened."""
        known = self.columns.happened_s[~np.isnan(self.columns.happened_s)]
        if not len(known):
            return None
        return (
            datetime.fromtimestamp(float(known.min()), UTC).year,
            datetime.fromtimestamp(float(known.max()), UTC).year,
        )

    @property
    def size(self) -> int:
        """How many memories there are."""
        return len(self.columns.no)

    def among(self, rows: NDArray[np.bool_]) -> View:
        """The same store, where only the words of ``rows`` count: what is common among others makes no word common here."""
        if rows.all():
            return self
        kept = {term: (held[rows[held]], counts[rows[held]]) for term, (held, counts) in self.postings.items()}
        return dataclasses.replace(self, postings={term: found for term, found in kept.items() if len(found[0])})

    def rows_of(self, numbers: Iterable[int] | Numbers) -> Numbers:
        """The rows of those memory numbers that are here."""
        return rows_of(self.columns.no, np.asarray(numbers, np.int32))


class Corpus:
    """The cache. Safe among threads."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._lock = threading.Lock()
        self._snapshot = Snapshot(incarnation=-1, generation=-1, last_no=0)
        self._columns = _no_columns()
        self._layout = _laid_out(self._columns)
        self._speakers: Sequence[str] = ()
        self._postings: OrderedDict[str, _Cached] = OrderedDict()
        self._held = 0

    def view(self, terms: Sequence[str]) -> View:
        """The store as it is now, seen through ``terms``."""
        with self._lock:
            self._catch_up(self._lexicon.snapshot())
            return self._see(terms)

    def _see(self, terms: Sequence[str]) -> View:
        return View(columns=self._columns, layout=self._layout, speakers=self._speakers, postings=self._look_up(terms))

    def _catch_up(self, now: Snapshot) -> None:
        if (now.incarnation, now.generation) != (self._snapshot.incarnation, self._snapshot.generation):
            self._columns = _no_columns()
            self._layout = _laid_out(self._columns)
            self._postings.clear()
            self._held = 0
            self._snapshot = dataclasses.replace(now, last_no=0)
        if now.last_no > self._snapshot.last_no:
            fresh, self._speakers = self._lexicon.columns(self._snapshot.last_no, now.last_no)
            self._columns = _joined(self._columns, fresh)
            self._layout = _laid_out(self._columns)
        self._snapshot = now

    def _look_up(self, terms: Sequence[str]) -> dict[str, tuple[Numbers, Numbers]]:
        wanted = list(dict.fromkeys(terms))
        last_no = self._snapshot.last_no
        behind: dict[int, list[str]] = {}
        for term in wanted:
            cached = self._postings.get(term)
            up_to = cached.up_to if cached is not None else 0
            if cached is None or up_to < last_no:
                behind.setdefault(up_to, []).append(term)
        for up_to, missing in behind.items():
            found = self._lexicon.postings(missing, last_no, up_to)
            for term in missing:
                self._extend(term, found.get(term), last_no)
        seen = {}
        for term in wanted:
            cached = self._postings[term]
            self._postings.move_to_end(term)
            if len(cached.rows):
                seen[term] = (cached.rows, cached.counts)
        while self._held > MAX_CACHED_POSTINGS and len(self._postings) > len(wanted):
            _, dropped = self._postings.popitem(last=False)
            self._held -= len(dropped.rows) + _TERM_COUNTS_AS
        return seen

    def _extend(self, term: str, found: tuple[Numbers, Numbers] | None, last_no: int) -> None:
        old = self._postings.get(term) or _Cached(rows=np.empty(0, np.int32), counts=np.empty(0, np.int32), up_to=0)
        rows, counts = old.rows, old.counts
        if found is not None:
            numbers, fresh_counts = found
            at = np.searchsorted(self._columns.no, numbers)
            # A posting whose memory went away since the snapshot has no row.
            kept = (at < len(self._columns.no)) & (
                self._columns.no[np.minimum(at, len(self._columns.no) - 1)] == numbers
            )
            rows = np.concatenate([rows, at[kept].astype(np.int32)])
            counts = np.concatenate([counts, fresh_counts[kept]])
        self._held += len(rows) - len(old.rows) + (0 if term in self._postings else _TERM_COUNTS_AS)
        self._postings[term] = _Cached(rows=rows, counts=counts, up_to=last_no)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    rows: Numbers
    counts: Numbers
    up_to: int


def rows_of(numbers: Numbers, wanted: Numbers) -> Numbers:
    """Where ``wanted`` stand in the sorted ``numbers``; those that don't are left out."""
    if not len(numbers):
        return np.empty(0, np.int32)
    at = np.searchsorted(numbers, wanted)
    inside = at < len(numbers)
    at = at[inside]
    found: Numbers = at[numbers[at] == wanted[inside]].astype(np.int32)
    return found


def local_days(moments: NDArray[np.float64]) -> NDArray[np.float32]:
    """The ordinals of the local days of moments (epoch seconds), each with the offset from UTC that held then; NaN stays."""
    utc_days = np.floor(moments / 86_400)
    days, which = np.unique(utc_days, return_inverse=True)
    begins, ends = (np.array([_offset_s(day * 86_400 + second) for day in days]) for second in (0, 86_399))
    offsets = begins[which] if len(days) else np.zeros_like(moments)
    for at in np.flatnonzero((begins != ends)[which]) if len(days) else ():  # a day on which the clocks were changed
        offsets[at] = _offset_s(float(moments[at]))
    found: NDArray[np.float32] = (np.floor((moments + offsets) / 86_400) + _EPOCH_DAY).astype(np.float32)
    return found


def _offset_s(moment: float) -> float:
    return 0.0 if np.isnan(moment) else float(time.localtime(moment).tm_gmtoff)


def _laid_out(columns: Columns) -> Layout:
    return lay_out(
        segment=columns.segment,
        position=columns.position,
        length=columns.length,
        speaker=columns.speaker,
        day=local_days(columns.happened_s),
        cues=columns.cues.astype(np.uint8),
        told=(columns.told_first, columns.told_last),
    )


def _no_columns() -> Columns:
    nothing = np.empty(0, np.int32)
    return Columns(
        no=nothing,
        segment=nothing,
        position=nothing,
        length=nothing,
        speaker=nothing,
        kind=nothing,
        cues=nothing,
        told_first=nothing,
        told_last=nothing,
        happened_s=np.empty(0),
    )


def _joined(first: Columns, second: Columns) -> Columns:
    return Columns(
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in Columns.__slots__}
    )
