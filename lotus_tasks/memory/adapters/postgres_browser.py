"""Looking at memories: what the user's commands read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, TypedDict

from lotus_tasks.commands.memory import Change, Fact, MetAt, Profile
from lotus_tasks.errors import InvalidInput, NotFound
from lotus_tasks.memory.adapters.postgres_lexicon import memory_of
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.models import Draft, Memory
from lotus_tasks.memory.service.facts import folded
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database
from lotus_tasks.values import MemoryId

_ID: Final = re.compile(r"^[0-9a-f-]{4,36}$")


class Counts(TypedDict):
    """How many memories there are."""

    memories: int
    by_tier: dict[str, int]
    by_kind: dict[str, int]
    sources: dict[str, int]
    conversations: dict[str, str]


class PostgresMemoryBrowser:
    """Reads one thing at a time, each in a short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries.load("memory")

    def find(self, name: str) -> Memory:
        """The memory with this id, or with the only id that begins so. Raises InvalidInput, NotFound."""
        wanted = name.strip().lower()
        if not _ID.match(wanted):
            raise InvalidInput(
                f"{name!r} is no memory's id; `manage.py memory list` shows ids, and their first 8 characters are enough"
            )
        rows = self._rows("memories_by_prefix", prefix=f"{wanted}%")
        if not rows:
            raise NotFound(f"there is no memory {name}; it may have been forgotten")
        if len(rows) > 1:
            raise InvalidInput(f"several memories begin with {name}; give more of the id")
        return memory_of(rows[0])

    def thread(self, name: str) -> str:
        """The conversation of this id, or the only one whose id begins so; ``name`` itself where memory has none.

        Raises InvalidInput where there are several.
        """
        found = [row["thread"] for row in self._rows("threads_by_prefix", prefix=name)] if name else []
        if len(found) > 1 and name not in found:
            raise InvalidInput(f"several conversations begin with {name}; give more of the id")
        return found[0] if len(found) == 1 else name

    def newest(
        self,
        *,
        kind: str | None = None,
        source: str | None = None,
        conversation: str | None = None,
        tier: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 20,
    ) -> list[Memory]:
        """The newest memories of a kind, source, conversation, tier and time."""
        wanted = {"kind": kind, "source": source, "thread": conversation, "tier": tier, "since": since, "until": until}
        return [memory_of(row) for row in self._rows("list_memories", limit=limit, **wanted)]

    def sources(self, memory_id: MemoryId) -> list[MetAt]:
        """Every further place where the memory was met."""
        return [
            MetAt(source=row["source"], seq=row["seq"], wording=row["wording"], met_at=row["met_at"].isoformat())
            for row in self._rows("sources_of_memory", memory_id=memory_id)
        ]

    def neighbours(self, memory: Memory) -> list[Memory]:
        """What stands right before and after it in its segment."""
        if memory.segment_no is None:
            return []
        found = self._rows("neighbours", segment_no=memory.segment_no, position=memory.position, no=memory.no)
        return [memory_of(row) for row in found]

    def changes(self, memory_id: MemoryId) -> list[Change]:
        """What happened to it, oldest first."""
        return [
            Change(
                action=row["action"],
                reason=row["reason"],
                before=row["before"],
                after=row["after"],
                at=row["created_at"].isoformat(),
            )
            for row in self._rows("changes_of_memory", memory_id=memory_id)
        ]

    def twin(self, draft: Draft) -> MemoryId | None:
        """The memory that says exactly what ``draft`` says."""
        rows = self._rows("known_memory", identity=draft.identity, id=None)
        return MemoryId(rows[0]["id"]) if rows else None

    def facts_of(self, memory_id: MemoryId) -> list[Fact]:
        """What it states, and what was or is stated of the same things, oldest first."""
        return [_fact(row) for row in self._rows("facts_of_memory", memory_id=memory_id)]

    def facts(self, *, subject: str | None = None, closed: bool = False, limit: int = 100) -> list[Fact]:
        """The facts that hold, of all subjects or one; with those that no longer do where ``closed``."""
        key = None if subject is None else folded(subject)
        return [_fact(row) for row in self._rows("list_facts", subject_key=key, closed=closed, limit=limit)]

    def profile(self) -> Profile | None:
        """What is known of the user in one piece, the memories it comes from, and whether it is still what is known."""
        with self._database.transaction() as conn:
            profile = PostgresProfile(conn)
            kept = profile.kept()
            if kept is None:
                return None
            return Profile(
                text=kept["text"],
                told_by=kept["told_by"],
                origin=kept["origin"],
                reason=kept["reason"],
                built_at=kept["built_at"].isoformat(),
                current=profile.is_current(),
                memory_ids=tuple(str(one) for one in kept["memory_ids"]),
            )

    def indexed(self, no: int) -> bool:
        """Whether its vector is in Chroma."""
        return bool(self._rows("is_indexed", no=no))

    def counts(self) -> Counts:
        """How many there are, by tier, kind and source; since when, of the sources that are conversations."""
        by_source = self._rows("counts_by_source")
        return Counts(
            memories=sum(row["count"] for row in self._rows("counts_by_tier")),
            by_tier={f"L{row['tier']}": row["count"] for row in self._rows("counts_by_tier")},
            by_kind={row["kind"]: row["count"] for row in self._rows("counts_by_kind")},
            sources={row["source"]: row["count"] for row in by_source},
            conversations={row["source"]: row["since"].isoformat() for row in by_source if row["since"]},
        )

    def _rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._database.transaction() as conn:
            return conn.execute(getattr(self._sql, query), parameters).fetchall()


def _fact(row: dict[str, Any]) -> Fact:
    return Fact(
        subject=row["subject"],
        predicate=row["predicate"],
        value=row["value"],
        told_by=row["told_by"],
        origin=row["origin"],
        memory_id=str(row["memory_id"]),
        valid_from=row["valid_from"].isoformat(),
        valid_to=row["valid_to"].isoformat() if row["valid_to"] else None,
    )
