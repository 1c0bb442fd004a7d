"""Facts and the time they hold, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lotus_tasks.memory.models import Memory, Statement
from lotus_tasks.memory.service.facts import OPPOSITES, folded, refines
from lotus_tasks.origins import USER, Origin, least_trusted
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import MemoryId

_FACTS: Final = uuid.UUID("5b8f6a52-9d4c-5a0e-b3a7-2f1d8c6e4b90")
"""Namespace of fact ids (RFC 9562, version 5)."""


class PostgresFacts:
    """Writes facts. A newer fact that contradicts an older one ends it at its own beginning; both stay."""

    def __init__(self, conn: Connection, command_id: uuid.UUID | None = None) -> None:
        self._conn = conn
        self._command_id = command_id
        self._sql = queries.load("memory")

    def add(
        self, memory: Memory, statements: Iterable[Statement], *, told_by: str = "rules", read_with: Origin = USER
    ) -> dict[str, int]:
        """What ``memory`` states. Returns how many facts were new, and how many older ones they ended.

        ``told_by``: who read it there, the rules or a model; ``read_with``: the least trusted of what that model was shown.
        """
        origin = least_trusted([memory.origin], at_best=read_with)
        done = {"facts": 0, "closed": 0}
        for statement in statements:
            fact = self._fact(memory, statement, told_by, origin)
            rivals = self._rivals(fact)
            if any(
                row["value_key"] == fact["value_key"] and row["predicate_key"] == fact["predicate_key"]
                for row in rivals["holding"]
            ):
                continue
            if self._conn.execute(self._sql.insert_fact, fact).fetchone() is None:
                continue
            done["facts"] += 1
            self._promote(memory, statement)
            for row in rivals["holding"]:
                if _contradicts(row, fact):
                    self._close(row, fact)
                    done["closed"] += 1
            if rivals["later"] and fact["valid_to"] is None:
                # Told late: what came after it is known already.
                self._close(fact, rivals["later"][0])
        return done

    def withdraw(self, ids: Sequence[MemoryId]) -> None:
        """Take back what these memories stated; what their facts had ended holds again, until what came after those."""
        reopened = self._conn.execute(self._sql.reopen_facts, {"ids": list(ids)}).fetchall()
        self._conn.execute(self._sql.read_again, {"ids": list(ids)})
        self._conn.execute(self._sql.delete_facts, {"ids": list(ids)})
        for fact in reopened:
            later = self._rivals(fact)["later"]
            if later:
                self._close(fact, later[0])
                continue
            row = self._conn.execute(self._sql.reopen_memory, {"id": fact["memory_id"]}).fetchone() or {}
            reason = f"holds again: {fact['subject']} · {fact['predicate']}"
            self._move(fact["memory_id"], 4 if row.get("kind") == "note" else None, "reopened", reason)

    def _fact(self, memory: Memory, statement: Statement, told_by: str, origin: Origin) -> dict[str, Any]:
        keys = fact_keys(statement)
        return {
            "id": uuid.uuid5(_FACTS, "\x1f".join([str(memory.id), *keys])),
            "memory_id": memory.id,
            "subject": statement.subject,
            "predicate": statement.predicate,
            "value": statement.value,
            "subject_key": keys[0],
            "predicate_key": keys[1],
            "value_key": keys[2],
            "single": statement.single,
            "told_by": told_by,
            "origin": origin,
            "valid_from": memory.valid_from or memory.happened_at or memory.created_at,
            "valid_to": memory.valid_to,
        }

    def _rivals(self, fact: Mapping[str, Any]) -> dict[str, list[Any]]:
        """The facts that say the same or contradict: those that hold when ``fact`` begins, and those that begin later."""
        opposite = OPPOSITES.get(fact["predicate"])
        keys = [fact["predicate_key"], *([folded(opposite)] if opposite else [])]
        rows = self._conn.execute(self._sql.rival_facts, {**fact, "predicate_keys": keys}).fetchall()
        begins = fact["valid_from"]
        return {
            "holding": [
                row
                for row in rows
                if row["valid_from"] <= begins and (row["valid_to"] is None or row["valid_to"] > begins)
            ],
            "later": sorted(
                (row for row in rows if row["valid_from"] > begins and _contradicts(row, fact)),
                key=lambda row: row["valid_from"],
            ),
        }

    def _promote(self, memory: Memory, statement: Statement) -> None:
        if memory.kind == "note" and memory.tier < 4:
            reason = f"states a fact: {statement.subject} · {statement.predicate} · {statement.value}"
            self._move(memory.id, 4, "promoted", reason)

    def _close(self, older: Mapping[str, Any], newer: Mapping[str, Any]) -> None:
        ended = {"valid_to": newer["valid_from"]}
        self._conn.execute(self._sql.close_fact, {"id": older["id"], "closed_by": newer["id"], **ended})
        if older["memory_id"] == newer["memory_id"]:
            return
        closed = self._conn.execute(self._sql.close_memory, {"id": older["memory_id"], **ended}).fetchone()
        # The newer value stands in its own memory only: this history must not keep it when that memory is forgotten.
        reason = (
            f"no longer holds: {older['subject']} · {older['predicate']} is now as {str(newer['memory_id'])[:8]} says"
        )
        self._move(older["memory_id"], None if closed is None else 3, "closed", reason)

    def _move(self, memory_id: MemoryId, tier: int | None, action: str, reason: str) -> None:
        self._conn.execute(
            self._sql.move_memory,
            {"id": memory_id, "tier": tier, "action": action, "reason": reason, "command_id": self._command_id},
        )


def fact_keys(statement: Statement) -> tuple[str, str, str]:
    """Subject, predicate and value as they are compared."""
    return folded(statement.subject), folded(statement.predicate), folded(statement.value)


def _contradicts(row: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    """Whether two rivals can't both hold: opposites of one value, or values of which neither only says more."""
    return bool(row["predicate_key"] != fact["predicate_key"] or not refines(row["value_key"], fact["value_key"]))
