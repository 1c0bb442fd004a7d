"""The record of every model call, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lotus_tasks.providers.models import CallRecord, Price, ProviderName, ProviderRow
from lotus_tasks.providers.service.pricing import cost_usd
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import CommandId


def record_calls(
    conn: Connection, command_id: CommandId, calls: Iterable[CallRecord], rows: Mapping[ProviderName, ProviderRow]
) -> None:
    """Insert the calls that ``command_id`` made, in the transaction of ``conn``."""
    for call in calls:
        record = _record(command_id, call, rows[call.provider].price_of(call.model))
        conn.execute(queries.load("providers").insert_call, record)


def spent_usd(conn: Connection, provider: ProviderName, *, since: datetime) -> float:
    """What the calls to ``provider`` since a moment have cost, in US dollars."""
    row = conn.execute(queries.load("providers").spent_since, {"provider": provider, "since": since}).fetchone()
    return float(row["usd"]) if row is not None else 0.0


def _record(command_id: CommandId, call: CallRecord, price: Price) -> dict[str, Any]:
    return {
        "command_id": command_id,
        "provider": call.provider,
        "model": call.model,
        "started_at": call.started_at,
        "input_tokens": call.usage.input_tokens,
        "output_tokens": call.usage.output_tokens,
        "estimated": call.usage.estimated,
        "cost_usd": cost_usd(call, price),
        "first_token_ms": call.first_token_ms,
        "total_ms": call.total_ms,
        "failure": None if call.failure is None else call.failure.value,
    }
