"""L1 and L2 decay: what they have outlived goes down a tier, and why is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from lotus_tasks.memory.models import TierLimits
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection


def tier_rule(tier: int, limits: TierLimits) -> str:
    """Why a memory is in its tier."""
    return {
        1: f"L1, working memory: said in a conversation less than {limits.l1_age_s // 60} minutes ago, "
        f"among its last {limits.l1_items:,}",
        2: f"L2, short-term memory: stored less than {limits.l2_age_s // 3600} hours ago, among the last {limits.l2_items:,}",
        3: "L3, long-term memory: it has outlived L1 and L2, or what it states no longer holds",
        4: "L4, persistent memory: told as a fact or a preference, or it states a fact that holds",
    }[tier]


def decay(conn: Connection, command_id: UUID, limits: TierLimits) -> int:
    """Move what L1 and L2 have outlived. Returns how many moved; a second call moves nothing."""
    moved = 0
    for rule in _rules(limits):
        while count := len(conn.execute(queries.load("memory").decay, {**rule, "command_id": command_id}).fetchall()):
            moved += count
    return moved


def would_decay(conn: Connection, limits: TierLimits) -> int:
    """How many memories L1 and L2 have outlived."""
    moved = 0
    for rule in _rules(limits):
        row = conn.execute(queries.load("memory").would_decay, rule).fetchone()
        moved += row["count"] if row is not None else 0
    return moved


def _rules(limits: TierLimits) -> tuple[Mapping[str, Any], ...]:
    return (
        {
            "tier": 1,
            "age_s": limits.l1_age_s,
            "items": limits.l1_items,
            "reason": f"older than {limits.l1_age_s // 60} minutes, or {limits.l1_items:,} newer ones in the conversation",
        },
        {
            "tier": 2,
            "age_s": limits.l2_age_s,
            "items": limits.l2_items,
            "reason": f"older than {limits.l2_age_s // 3600} hours, or {limits.l2_items:,} newer ones",
        },
    )
