"""What memory is made of."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from lotus_tasks.origins import Origin
from lotus_tasks.values import MemoryId

Kind = Literal["note", "turn", "question", "answer", "chunk", "preference", "fact", "summary"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
EVIDENCE_KINDS: Final[tuple[Kind, ...]] = ("note", "turn", "chunk", "preference", "fact")
"""What recall finds unless it is asked for something else: questions, answers and summaries only repeat what others say."""
PERSISTENT_KINDS: Final[tuple[Kind, ...]] = ("preference", "fact")
SPOKEN_KINDS: Final[tuple[Kind, ...]] = ("turn", "question", "answer")

_MEMORIES: Final = uuid.UUID("0f2d3f5e-54d3-5c0c-8a1b-6a3c9f4e7d21")
"""Namespace of memory ids (RFC 9562, version 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLimits:
    """What L1 holds of each conversation, and L2 of everything: what is older, or further back, goes down a tier."""

    l1_age_s: int = 600
    l1_items: int = 100
    l2_age_s: int = 24 * 3600
    l2_items: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A memory to be. ``key`` names it: the same key is the same memory, however often it is sent.

    ``thread`` is the conversation or document it stands in, ``segment`` the sitting or heading, ``position`` its place in
    the thread; the two last are found when left out. ``origin``: whose text it
    is, or the least trusted of what it was made of. ``told_at``: when it was stored first, where that isn't now.
    """

    text: str
    key: str
    origin: Origin
    kind: Kind = "note"
    importance: float = 0.5
    source: str = "user"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    thread: str | None = None
    segment: str | None = None
    position: int | None = None
    speaker: str | None = None
    happened_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    given_id: MemoryId | None = None
    told_at: datetime | None = None

    @property
    def id(self) -> MemoryId:
        """The memory's id: given by an import, else derived from the key."""
        return self.given_id or MemoryId(uuid.uuid5(_MEMORIES, self.key))

    @property
    def identity(self) -> bytes:
        """What makes two drafts one memory: a turn's place in its conversation, anything else's words."""
        if self.kind in SPOKEN_KINDS:
            return digest(f"turn\x1f{self.key}")
        group = self.kind if self.kind in PERSISTENT_KINDS else "text"
        return digest(f"{group}\x1f{plain(self.text)}")

    @property
    def caption(self) -> str | None:
        """Whose words these are, or under which heading they stand: it is found and embedded with the text."""
        return self.speaker or self.provenance.get("heading") or None

    @property
    def tier(self) -> int:
        """Where it is admitted: what is spoken to L1, facts and preferences to L4, the rest to L2."""
        if self.kind in PERSISTENT_KINDS:
            return 4
        return 1 if self.kind in SPOKEN_KINDS else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A draft with its BM25 terms and cues: what the store writes in one transaction.

    ``told``: the first and last of the days that its words tell of, as ordinals.
    ``likeness`` stands for its words but for case, punctuation and articles; None where alike texts are kept apart.
    """

    draft: Draft
    terms: Mapping[str, int]
    cues: int = 0
    told: tuple[int, int] | None = None
    likeness: bytes | None = None

    @property
    def length(self) -> int:
        """How many terms the text has, repetitions counted."""
        return sum(self.terms.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A memory as it is stored."""

    id: MemoryId
    no: int
    text: str
    kind: Kind
    tier: int
    importance: float
    source: str
    origin: Origin
    provenance: Mapping[str, Any]
    thread: str | None
    segment_no: int | None
    position: int
    speaker: str | None
    happened_at: datetime | None
    valid_from: datetime | None
    valid_to: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a write did: the new memories, and for each draft that was known already the memory it is."""

    new: Sequence[MemoryId]
    known: Mapping[MemoryId, MemoryId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What recall is confined to; empty means everything. ``since`` is included, ``until`` is not."""

    kinds: Sequence[Kind] = ()
    source: str | None = None
    thread: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A memory that answers a query: its score, and what each signal contributed to it."""

    memory: Memory
    score: float
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """The answer to a recall. ``degraded`` names each part that was missing and why; the timings are in milliseconds.

    ``support``: how well the best of them answer the query, natural log odds; below 0 they only come nearest (support.py).
    """

    memories: Sequence[Recalled]
    support: float
    degraded: Sequence[str]
    timings_ms: Mapping[str, float]
    terms: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret stands in a text, and what sort it is. The secret itself is never kept."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a sentence states. ``single``: a subject has one value of this predicate at a time, so a newer one ends the older."""

    subject: str
    predicate: str
    value: str
    single: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Names the statement."""
        return self.subject.casefold(), self.predicate, self.value.casefold()


def plain(text: str) -> str:
    """The text with canonical characters and single spaces: two such texts are the same words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def digest(text: str) -> bytes:
    """Sixteen bytes that stand for the text."""
    return hashlib.sha256(text.encode()).digest()[:16]
