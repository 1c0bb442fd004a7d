"""What the user said yes to for good, in PostgreSQL. Imported by the CLI too, so it stays light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lotus_tasks.manifest import ToolCard
from lotus_tasks.reasoning.models import Pin, Trust
from lotus_tasks.reasoning.service.trusting import newly_met
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, json_parameter
from lotus_tasks.values import RunId


class PostgresTrust:
    """Destinations and pins, in the caller's transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._sql = queries.load("trust")

    def meet(self, tools: Sequence[ToolCard]) -> Trust:
        """What is trusted. Tools of servers that the user trusts are pinned when they are met first."""
        destinations = frozenset(row["destination"] for row in self._conn.execute(self._sql.destinations).fetchall())
        of_servers = [card.name for card in tools if card.server]
        rows = self._conn.execute(self._sql.pins, {"tools": of_servers}).fetchall() if of_servers else []
        pins = {
            row["tool"]: Pin(digest=row["digest"], description=row["description"], parameters=row["parameters"])
            for row in rows
        }
        trust = Trust(destinations=destinations, pins=pins)
        self._pin(newly_met(tools, trust), sql=self._sql.pin_first)
        return replace(trust, pins={**pins, **{card.name: pin_of(card) for card in newly_met(tools, trust)}})

    def keep(self, destinations: Sequence[str], tools: Sequence[ToolCard], *, run_id: RunId | None = None) -> None:
        """Trust these destinations from now on, and know these tools as they are."""
        for destination in destinations:
            self._conn.execute(self._sql.trust, {"destination": destination, "run_id": run_id})
        self._pin(tools, sql=self._sql.pin)

    def revoke(self, destination: str) -> bool:
        """Trust it no longer. False where it wasn't trusted."""
        return self._conn.execute(self._sql.revoke, {"destination": destination}).fetchone() is not None

    def list(self) -> list[dict[str, Any]]:
        """The trusted destinations: destination, granted_at, run_id (of the question at which it was said; None by hand)."""
        return self._conn.execute(self._sql.list_trusted).fetchall()

    def _pin(self, tools: Sequence[ToolCard], *, sql: Any) -> None:
        for card in tools:
            told = {
                "digest": card.digest,
                "description": card.description,
                "parameters": json_parameter(dict(card.parameters)),
            }
            self._conn.execute(sql, {"tool": card.name, "server": card.server, **told})


def pin_of(card: ToolCard) -> Pin:
    """What its server says of it now."""
    return Pin(digest=card.digest, description=card.description, parameters=card.parameters)
