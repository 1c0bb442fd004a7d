"""L1 and L2 in Redis: ids only, each key with a time to live, rebuilt from PostgreSQL when Redis lost them.

lotus:memory:l1:<conversation>   sorted set of memory ids by time
lotus:memory:l2                  stream of memory ids
lotus:memory:built               says that what is here is whole
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from lotus_tasks.memory.models import SPOKEN_KINDS, TierLimits
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database
from lotus_tasks.values import MemoryId, utc_now

if TYPE_CHECKING:
    import redis

_L1: Final = "lotus:memory:l1:"
_L2: Final = "lotus:memory:l2"
_BUILT: Final = "lotus:memory:built"

Recent = Iterable[tuple[MemoryId, str | None, datetime]]


class RedisWorkingMemory:
    """Implements the port ``WorkingMemory``. Raises redis.RedisError where Redis is away: callers go on without it."""

    def __init__(self, client: redis.Redis, recent: Callable[[], Recent], *, limits: TierLimits | None = None) -> None:
        self._client = client
        self._limits = limits or TierLimits()
        self._recent = recent

    def admit(self, memories: Recent) -> None:
        """Put (id, conversation or None, time) in front of both tiers."""
        pipe = self._client.pipeline(transaction=False)
        for memory_id, conversation, at in memories:
            if conversation is not None:
                key = _L1 + conversation
                pipe.zadd(key, {str(memory_id): at.timestamp()})
                pipe.zremrangebyrank(key, 0, -self._limits.l1_items - 1)
                pipe.expire(key, self._limits.l1_age_s)
            pipe.xadd(
                _L2,
                {"id": str(memory_id), "at": f"{at.timestamp():.3f}"},
                maxlen=self._limits.l2_items,
                approximate=False,
            )
            pipe.expire(_L2, self._limits.l2_age_s)
        pipe.execute()

    def of_conversation(self, conversation_id: str) -> list[MemoryId]:
        """What was said in the conversation just now, oldest first."""
        self.ensure()
        since = utc_now().timestamp() - self._limits.l1_age_s
        found: Any = self._client.zrangebyscore(_L1 + conversation_id, since, "+inf")
        return [MemoryId(UUID(_text(one))) for one in found]

    def recent(self, count: int) -> list[MemoryId]:
        """What L2 holds, newest first."""
        self.ensure()
        since = utc_now().timestamp() - self._limits.l2_age_s
        entries: Any = self._client.xrevrange(_L2, count=count)
        fields = [{_text(key): _text(value) for key, value in entry.items()} for _, entry in entries]
        return [MemoryId(UUID(entry["id"])) for entry in fields if float(entry["at"]) >= since]

    def drop(self, ids: Sequence[MemoryId]) -> int:
        """Take these out of both tiers; returns how many places they were in."""
        wanted = {str(one) for one in ids}
        dropped = 0
        entries: Any = self._client.xrange(_L2)
        for entry_id, fields in entries:
            if {_text(value) for value in fields.values()} & wanted:
                dropped += int(self._client.xdel(_L2, entry_id))
        for key in self._client.scan_iter(match=f"{_L1}*"):
            dropped += int(self._client.zrem(key, *wanted))
        return dropped

    def ensure(self) -> bool:
        """Rebuild both tiers where Redis lost them. True where it had."""
        if not self._client.set(_BUILT, "1", nx=True, ex=self._limits.l2_age_s):
            return False
        self._client.delete(_L2)
        self.admit(reversed(list(self._recent())))
        return True

    def counts(self) -> Mapping[str, Any]:
        """How many conversations L1 holds and how many memories L2 does."""
        live = sum(1 for _ in self._client.scan_iter(match=f"{_L1}*"))
        return {"l1_conversations": live, "l2": int(self._client.xlen(_L2))}


def recent_memories(database: Database, limits: TierLimits) -> list[tuple[MemoryId, str | None, datetime]]:
    """What L1 and L2 are rebuilt from: newest first; the conversation only for what was spoken."""
    with database.transaction() as conn:
        rows = conn.execute(
            queries.load("memory").recent_for_tiers, {"count": limits.l2_items, "age_s": limits.l2_age_s}
        ).fetchall()
    return [
        (MemoryId(row["id"]), row["thread"] if row["kind"] in SPOKEN_KINDS else None, row["created_at"]) for row in rows
    ]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
