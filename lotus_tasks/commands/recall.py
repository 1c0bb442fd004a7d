"""``memory.recall``: what answers a query. A file of its own, because `manage.py ask` begins with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lotus_tasks.commands.codec import Command, absent


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalledMemory:
    """A memory that answers: its ``score``, and with ``explain`` what each signal contributed to it (``shares``).

    ``heading``: under which it stands in its document. Moments are ISO 8601. ``valid_to``: until when it held.
    """

    memory_id: str
    text: str
    score: float = 0.0
    source: str = ""
    heading: str | None = None
    happened_at: str | None = None
    stored_at: str | None = None
    tier: str | None = None
    kind: str | None = None
    origin: str | None = None
    speaker: str | None = None
    valid_to: str | None = None
    shares: Mapping[str, float] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What answers, best first. ``support``: how well, in log odds; None where nobody judged. ``degraded``: what was missing."""

    memories: tuple[RecalledMemory, ...] = ()
    support: float | None = None
    degraded: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    terms: tuple[str, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallFilters:
    """What a recall is confined to. ``since`` is included, ``until`` is not: dates or moments, ISO 8601."""

    kinds: tuple[str, ...] = ()
    source: str | None = None
    conversation: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall(Command[Recalled]):
    """Find what answers ``query``: ``k`` memories at most."""

    verb: ClassVar[str] = "memory.recall"
    query: str
    k: int = 10
    filters: RecallFilters | None = None
    explain: bool = False
