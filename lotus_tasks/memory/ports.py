"""What memory needs of the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.errors import Transient
from lotus_tasks.memory.models import Entry, Memory, Secret, Stored
from lotus_tasks.values import MemoryId

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]


class EmbedderUnavailable(Transient):
    """Nothing can embed now; recall goes on without vectors."""


class VectorIndexUnavailable(Transient):
    """The vector index does not answer; recall goes on without vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A text in vector space. ``tokens``: the sign bits of its content tokens' last hidden states, 48 bytes each, or empty."""

    vector: Floats
    tokens: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEmbedding:
    """A question in vector space.

    ``tokens``: its content tokens' last hidden states as unit rows, if the model has any; ``words``: the word (lower case) that
    each of them is of.
    """

    vector: Floats
    tokens: Floats
    words: Sequence[str] = ()


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def model(self) -> str:
        """Names the vector space: vectors of two models are never compared."""

    @property
    def dimensions(self) -> int:
        """How long a vector is."""

    def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """One embedding a text. Raises EmbedderUnavailable."""

    def embed_query(self, text: str) -> QueryEmbedding:
        """A question's embedding. Raises EmbedderUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorRow:
    """A vector on its way to the index, with the small metadata that goes along."""

    memory_id: MemoryId
    no: int
    vector: Floats
    kind: str
    thread: str | None


class VectorIndex(Protocol):
    """Nearest vectors. Everything in it can be lost. Every method raises VectorIndexUnavailable."""

    def upsert(self, rows: Sequence[VectorRow]) -> None:
        """Write vectors; a known id is replaced."""

    def remove(self, gone: Sequence[tuple[UUID, int]]) -> None:
        """Remove vectors by id and number; an unknown one is no error."""

    def nearest(self, vector: Floats, count: int) -> tuple[list[int], list[float]]:
        """The numbers and cosines of the nearest memories, best first."""

    def count(self) -> int:
        """How many vectors it holds."""

    def numbers(self) -> Numbers:
        """The memory numbers it holds, sorted."""

    def clear(self) -> None:
        """Forget all vectors of every embedder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Where the store stands: cached rows up to ``last_no`` are right as long as ``generation`` and ``incarnation`` stay."""

    incarnation: int
    generation: int
    last_no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Memories as columns, in order of ``no``. ``happened_s`` is epoch seconds, NaN where unknown; -1 stands for none.

    ``told_first`` and ``told_last``: the days that the memory's words tell of, as ordinals.
    """

    no: Numbers
    segment: Numbers
    position: Numbers
    length: Numbers
    speaker: Numbers
    kind: Numbers
    cues: Numbers
    told_first: Numbers
    told_last: Numbers
    happened_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingBlock:
    """Embeddings of many memories, sorted by number: ``vectors`` a row each, ``signs`` all tokens' sign bits, 48 bytes a row,
    ``token_counts`` how many of those rows are whose.
    """

    numbers: Numbers
    vectors: Floats
    signs: NDArray[np.uint8]
    token_counts: Numbers


class Lexicon(Protocol):
    """Reads the BM25 index."""

    def snapshot(self) -> Snapshot:
        """Where the store stands now."""

    def columns(self, after_no: int, up_to_no: int) -> tuple[Columns, Sequence[str]]:
        """The memories with after_no < no ≤ up_to_no, and the names of all speakers by their number."""

    def postings(self, terms: Sequence[str], up_to_no: int, after_no: int = 0) -> Mapping[str, tuple[Numbers, Numbers]]:
        """For each known term, the memories with after_no < no ≤ up_to_no (sorted) that hold it and how often."""

    def embeddings(self, numbers: Numbers) -> EmbeddingBlock:
        """The embeddings of those that have one."""

    def memories(self, numbers: Sequence[int]) -> Mapping[int, Memory]:
        """The memories themselves."""

    def by_id(self, ids: Sequence[MemoryId]) -> Sequence[Memory]:
        """These memories, in the order asked for."""

    def successors(self, ids: Sequence[MemoryId]) -> Mapping[MemoryId, AbstractSet[MemoryId]]:
        """For memories that no longer hold: those that took their place."""

    def of_source(self, source: str) -> Numbers:
        """The memories that were met in ``source``, sorted."""

    def of_thread(self, thread: str) -> Numbers:
        """The memories of a conversation or document, sorted."""

    def of_time(self, since: datetime | None, until: datetime | None) -> Numbers:
        """The memories that happened, or where that isn't known were stored, from ``since`` on and before ``until``; sorted."""


class MemoryWriter(Protocol):
    """Writes memories inside a transaction that its caller opened."""

    def insert(self, entries: Sequence[Entry]) -> Stored:
        """Write the entries that are new; link those whose words are known."""


class SecretDetector(Protocol):
    """Recognises secrets."""

    def find(self, text: str) -> Sequence[Secret]:
        """The secrets of a text in order; they don't overlap."""


class WorkingMemory(Protocol):
    """L1 and L2: what is recent, by id. Everything in it can be lost."""

    def admit(self, memories: Iterable[tuple[MemoryId, str | None, datetime]]) -> None:
        """Put (id, conversation, time) in front."""

    def of_conversation(self, conversation_id: str) -> list[MemoryId]:
        """L1 of a conversation, oldest first."""

    def recent(self, count: int) -> list[MemoryId]:
        """L2, newest first."""

    def drop(self, ids: Sequence[MemoryId]) -> int:
        """Take these out of both; returns how many places they were in."""

    def counts(self) -> Mapping[str, Any]:
        """How many each tier holds, and whether it was rebuilt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unembedded:
    """A memory that waits for its vector."""

    no: int
    text: str
    caption: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far the vector index is behind: memories without a vector in it, and vectors of deleted memories still in it."""

    memories: int
    indexed: int
    to_remove: int

    @property
    def waiting(self) -> int:
        """How many memories recall finds by their words only."""
        return max(self.memories - self.indexed, 0)


class IndexQueue(Protocol):
    """What the vector index has yet to do, kept in PostgreSQL. Every method is one short transaction."""

    def unembedded(self, count: int) -> Sequence[Unembedded]:
        """Memories without a vector, newest first."""

    def save(self, numbers: Sequence[int], embeddings: Sequence[Embedding], embedder: str) -> None:
        """Keep their vectors and token bits."""

    def unindexed(self, count: int) -> Sequence[VectorRow]:
        """Vectors that the index doesn't hold."""

    def mark_indexed(self, numbers: Sequence[int]) -> None:
        """The index holds these now."""

    def to_remove(self, count: int) -> Sequence[tuple[UUID, int]]:
        """Deleted memories that the index still holds, id and number."""

    def removed(self, ids: Sequence[UUID]) -> None:
        """The index no longer holds these."""

    def lag(self) -> Lag:
        """How far the index is behind."""

    def expected(self) -> Numbers:
        """The memories whose vectors the index should hold, sorted."""

    def known(self) -> Numbers:
        """Every memory that has a vector, whether the index holds it yet or not; sorted."""

    def lost(self, kept: Numbers) -> int:
        """The index holds no more than ``kept``: queue the rest again. Returns how many that are."""

    def use_embedder(self, model: str) -> bool:
        """Make ``model`` the embedder of this store; vectors of another are dropped. True where that changed something."""
