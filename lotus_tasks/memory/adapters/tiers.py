"""L1 and L2 decay: what they have outlived goes down a tier, and why is recorded."""

from __future__ import annotations

from uuid import UUID

from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Connection
from lotus_tasks.memory.adapters.redis_working import L1_ITEMS, L1_TTL_S, L2_ITEMS, L2_TTL_S

_RULES = (
    (1, L1_TTL_S, L1_ITEMS, f"older than {L1_TTL_S // 60} minutes, or {L1_ITEMS} newer ones in the conversation"),
    (2, L2_TTL_S, L2_ITEMS, f"older than {L2_TTL_S // 3600} hours, or {L2_ITEMS} newer ones"),
)


def decay(conn: Connection, command_id: UUID) -> int:
    """Move what L1 and L2 have outlived. Returns how many moved; a second call moves nothing."""
    moved = 0
    for tier, age_s, items, reason in _RULES:
        rule = {"tier": tier, "age_s": age_s, "items": items, "reason": reason, "command_id": command_id}
        while count := len(conn.execute(queries.load("memory").decay, rule).fetchall()):
            moved += count
    return moved
