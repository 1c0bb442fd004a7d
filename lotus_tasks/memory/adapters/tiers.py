"""L1 and L2 decay: what they have outlived goes down a tier, and why is recorded."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Connection
from lotus_tasks.memory.adapters.redis_working import L1_ITEMS, L1_TTL_S, L2_ITEMS, L2_TTL_S

_RULES = (
    (1, L1_TTL_S, L1_ITEMS, f"older than {L1_TTL_S // 60} minutes, or {L1_ITEMS} newer ones in the conversation"),
    (2, L2_TTL_S, L2_ITEMS, f"older than {L2_TTL_S // 3600} hours, or {L2_ITEMS} newer ones"),
)

TIER_RULES: Final = {
    1: f"L1, working memory: said in a conversation less than {L1_TTL_S // 60} minutes ago, among its last {L1_ITEMS}",
    2: f"L2, short-term memory: stored less than {L2_TTL_S // 3600} hours ago, among the last {L2_ITEMS:,}",
    3: "L3, long-term memory: it has outlived L1 and L2, or what it states no longer holds",
    4: "L4, persistent memory: told as a fact or a preference, or it states a fact that holds",
}


def decay(conn: Connection, command_id: UUID) -> int:
    """Move what L1 and L2 have outlived. Returns how many moved; a second call moves nothing."""
    moved = 0
    for tier, age_s, items, reason in _RULES:
        rule = {"tier": tier, "age_s": age_s, "items": items, "reason": reason, "command_id": command_id}
        while count := len(conn.execute(queries.load("memory").decay, rule).fetchall()):
            moved += count
    return moved


def would_decay(conn: Connection) -> int:
    """How many memories L1 and L2 have outlived."""
    moved = 0
    for tier, age_s, items, _ in _RULES:
        row = conn.execute(
            queries.load("memory").would_decay, {"tier": tier, "age_s": age_s, "items": items}
        ).fetchone()
        moved += row["count"] if row is not None else 0
    return moved
