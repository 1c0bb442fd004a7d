"""Subscriptions in PostgreSQL: which events start a run, each event once."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from lotus_tasks.errors import InvalidInput
from lotus_tasks.events import EVENTS
from lotus_tasks.reasoning.adapters.occasions import Occasion, id_prefix, names_to_try, start_run, the_one
from lotus_tasks.reasoning.service.following import fill, matches, reason_to_hold_back, refuse_unknown_fields
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, json_parameter, strip_nul
from lotus_tasks.values import RunId

_REASON_CHARACTERS = 300


class PostgresSubscriptions:
    """Subscriptions, in the caller's transaction. ``limits``: of the runs it starts (service.limiting)."""

    def __init__(self, conn: Connection, *, limits: Mapping[str, Any]) -> None:
        self._conn = conn
        self._limits = limits
        self._sql = queries.load("subscriptions")

    def add(
        self,
        event: str,
        patterns: Mapping[str, str],
        question: str,
        *,
        per_hour: int,
        name: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Keep a subscription; returns its row. Raises InvalidInput for an event or a field there is not, or a name in use."""
        if event not in EVENTS:
            raise InvalidInput(f"nobody declares an event {event!r}; there are: {', '.join(EVENTS)}")
        fields = [field.name for field in dataclasses.fields(EVENTS[event])]
        refuse_unknown_fields(event, fields, patterns, question)
        for candidate in names_to_try(name, question):
            row = self._conn.execute(
                self._sql.insert_subscription,
                {
                    "id": uuid.uuid4(),
                    "name": candidate,
                    "event": event,
                    "patterns": json_parameter(dict(patterns)),
                    "question": strip_nul(question),
                    "options": json_parameter(dict(options or {})),
                    "per_hour": per_hour,
                },
            ).fetchone()
            if row is not None:
                return self.find(candidate)
        raise InvalidInput(f"there is a subscription {name} already; `on remove {name}` removes it")

    def find(self, wanted: str) -> dict[str, Any]:
        """The subscription of this name, or whose id begins so. Raises NotFound, InvalidInput."""
        parameters = {"wanted": wanted, "prefix": id_prefix(wanted)}
        return the_one(self._conn.execute(self._sql.find_subscription, parameters).fetchall(), "subscription", wanted)

    def all(self) -> list[dict[str, Any]]:
        """Every subscription, oldest first."""
        return self._conn.execute(self._sql.list_subscriptions).fetchall()

    def pause(self, subscription: Mapping[str, Any]) -> None:
        """Events start nothing until it is resumed."""
        self._conn.execute(self._sql.pause_subscription, {"id": subscription["id"]})

    def resume(self, subscription: Mapping[str, Any]) -> None:
        """Events start runs again."""
        self._conn.execute(self._sql.resume_subscription, {"id": subscription["id"]})

    def remove(self, subscription: Mapping[str, Any]) -> None:
        """Forget it; its runs stay."""
        self._conn.execute(self._sql.remove_subscription, {"id": subscription["id"]})

    def follow_up(self, event_id: int, *, now: datetime) -> list[RunId]:
        """Start the runs that an event asks for, each once, however often this is called."""
        event = self._conn.execute(self._sql.event_with_ancestry, {"id": event_id}).fetchone()
        if event is None:
            return []
        who = {"event": event["name"], "published_at": event["created_at"]}
        subscriptions = self._conn.execute(self._sql.subscriptions_to, who).fetchall()
        runs = [
            self._follow(subscription, event_id, event, now)
            for subscription in subscriptions
            if matches(subscription["patterns"], event["payload"])
        ]
        return [run_id for run_id in runs if run_id is not None]

    def _follow(
        self, subscription: Mapping[str, Any], event_id: int, event: Mapping[str, Any], now: datetime
    ) -> RunId | None:
        this = {"id": subscription["id"]}
        if self._conn.execute(self._sql.lock_subscription, this).fetchone() is None:
            return None
        counted = self._conn.execute(self._sql.count_started, {**this, "since": now - timedelta(hours=1)}).fetchone()
        note = reason_to_hold_back(
            subscription["id"],
            ancestry=event["ancestry"],
            started=counted["started"] if counted else 0,
            per_hour=subscription["per_hour"],
        )
        where = {**this, "event_id": event_id}
        taken = self._conn.execute(self._sql.take_event, {**where, "note": note, "now": now}).fetchone()
        if taken is None or note is not None:
            return None
        run_id = start_run(
            self._conn,
            fill(subscription["question"], event["payload"]),
            subscription["options"],
            Occasion(
                kind="subscription",
                name=subscription["name"],
                reason=_reason(event["name"], event["payload"], list(subscription["patterns"])),
                ancestry=[*event["ancestry"], subscription["id"]],
            ),
            limits=self._limits,
        )
        self._conn.execute(self._sql.set_event_run, {**where, "run_id": run_id})
        return run_id


def _reason(event: str, payload: Mapping[str, Any], shown: Sequence[str]) -> str:
    fields = " ".join(f"{name}={payload[name]}" for name in shown)
    return f"{event} {fields}".strip()[:_REASON_CHARACTERS]
