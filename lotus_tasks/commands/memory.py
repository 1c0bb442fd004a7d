"""What is asked of memory, but for recall.py and upkeep.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from lotus_tasks.commands.codec import Command, absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A memory to be. ``key`` names it: the same key is the same memory. Moments are ISO 8601.

    ``conversation_id`` (or ``thread``) is the conversation or document it stands in, ``segment`` the sitting or heading,
    ``position`` its place there.
    """

    text: str
    kind: str = "note"
    importance: float = 0.5
    source: str = "user"
    origin: str | None = absent()
    key: str | None = absent()
    provenance: Mapping[str, object] | None = absent()
    conversation_id: str | None = absent()
    thread: str | None = absent()
    segment: str | None = absent()
    position: int | None = absent()
    speaker: str | None = absent()
    happened_at: str | None = absent()
    valid_from: str | None = absent()
    valid_to: str | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """``memory_ids``: of each memory that was told. How many were ``new``, ``known`` already, and went for them (``removed``)."""

    new: int = 0
    known: int = 0
    memory_ids: tuple[str, ...] | None = absent()
    removed: int | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember(Command[Remembered]):
    """Store what was told. A secret in it is refused unless they ``insist``."""

    verb: ClassVar[str] = "memory.remember"
    items: tuple[Told, ...]
    insist: bool = False

    @classmethod
    def upgraded(cls, payload: Mapping[str, object]) -> Mapping[str, object]:
        """One memory may stand in the payload itself."""
        return payload if payload.get("items") else {"items": [payload], "insist": payload.get("insist")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(Command[Remembered]):
    """Store what perception read of a source, in place of its older version."""

    verb: ClassVar[str] = "memory.store"
    percept_id: UUID
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberExchange(Command[Remembered]):
    """Store a run's question and answer as turns of their conversation."""

    verb: ClassVar[str] = "memory.remember_exchange"
    run_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCard:
    """A memory as it is stored. Moments are ISO 8601."""

    memory_id: str
    text: str
    kind: str
    tier: str
    importance: float
    source: str
    origin: str
    provenance: Mapping[str, object]
    conversation: str | None
    position: int
    speaker: str | None
    happened_at: str | None
    valid_from: str | None
    valid_to: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetAt:
    """A further place where a memory was met."""

    source: str
    seq: int
    wording: str | None
    met_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to a memory, and what it was before and after."""

    action: str
    reason: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact, the memory that states it, and while it holds.

    ``told_by``: the rules, or the model that read it; ``origin``: whose text.
    """

    subject: str
    predicate: str
    value: str
    told_by: str
    origin: str
    memory_id: str
    valid_from: str
    valid_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryList:
    """Memories, the newest first."""

    memories: tuple[MemoryCard, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMemories(Command[MemoryList]):
    """The newest memories of a kind, source, conversation, tier and time."""

    verb: ClassVar[str] = "memory.list"
    kind: str | None = None
    source: str | None = None
    conversation: str | None = None
    tier: int | None = None
    since: str | None = None
    until: str | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMemory:
    """A memory, where else it was met, and what stands beside it. ``indexed``: whether its vector is in Chroma."""

    memory: MemoryCard
    sources: tuple[MetAt, ...] = ()
    neighbours: tuple[MemoryCard, ...] = ()
    indexed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowMemory(Command[ShownMemory]):
    """One memory. ``id``: its beginning will do."""

    verb: ClassVar[str] = "memory.show"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryHistory:
    """What happened to a memory, and what is stated by it, oldest first."""

    memory: MemoryCard
    changes: tuple[Change, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TellHistory(Command[MemoryHistory]):
    """What a memory was before, and since when it holds."""

    verb: ClassVar[str] = "memory.history"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedMemory:
    """All that is known of a memory, and by which rule it is in its tier."""

    memory: MemoryCard
    sources: tuple[MetAt, ...] = ()
    neighbours: tuple[MemoryCard, ...] = ()
    indexed: bool = False
    changes: tuple[Change, ...] = ()
    facts: tuple[Fact, ...] = ()
    tier_rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainMemory(Command[ExplainedMemory]):
    """Why a memory is where it is."""

    verb: ClassVar[str] = "memory.explain"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactList:
    """Facts."""

    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFacts(Command[FactList]):
    """What is known of ``subject``, or of everyone; with what no longer holds where ``closed``."""

    verb: ClassVar[str] = "memory.facts"
    subject: str | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of the user in one piece. ``current``: whether it is still what is known."""

    text: str
    told_by: str
    origin: str
    reason: str
    built_at: str
    current: bool
    memory_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProfile:
    """The profile, where there is one."""

    profile: Profile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellProfile(Command[KeptProfile]):
    """What is known of the user."""

    verb: ClassVar[str] = "memory.profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStats:
    """How many memories there are, by tier, kind and source; ``index_lag``: how many wait for their vector.

    ``conversations``: of the sources that are conversations, since when (ISO 8601).
    """

    memories: int
    by_tier: Mapping[str, int]
    by_kind: Mapping[str, int]
    sources: Mapping[str, int]
    index_lag: int
    embedder: str
    conversations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountMemories(Command[MemoryStats]):
    """How much there is, and where."""

    verb: ClassVar[str] = "memory.stats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Which fields of the memory were ``changed``."""

    memory_id: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Command[Edited]):
    """Change a memory's text, kind or importance; None leaves it."""

    verb: ClassVar[str] = "memory.edit"
    id: str
    text: str | None = None
    kind: str | None = None
    importance: float | None = None
    insist: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many rows of each sort were removed or blanked."""

    memory_ids: tuple[str, ...] = ()
    vectors: int = 0
    chunks: int = 0
    memories: int = 0
    copies: int = 0
    history: int = 0
    commands: int = 0
    recalls: int = 0
    answers: int = 0
    profile: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget(Command[Forgotten]):
    """Remove memories, by ``ids`` or all of a ``source``, with every copy of their text."""

    verb: ClassVar[str] = "memory.forget"
    ids: tuple[str, ...] = ()
    source: str | None = None
