"""Runs that LOTUS starts by itself, and why: what the inbox shows."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lotus_tasks.errors import InvalidInput, NotFound
from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import RunId

_WORD = re.compile(r"[^\W_]+")
_NAME_WORDS = 4
_ID = re.compile(r"[0-9a-f-]{4,36}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """``name``: the schedule's or subscription's. ``reason``: one line. ``ancestry``: the subscriptions on the way here."""

    kind: Literal["schedule", "subscription"]
    name: str
    reason: str
    ancestry: Sequence[uuid.UUID] = ()


def start_run(
    conn: Connection, question: str, options: Mapping[str, Any], occasion: Occasion, *, limits: Mapping[str, Any]
) -> RunId:
    """Submit a run in the caller's transaction. ``options``: provider and model, where named; ``limits``: service.limiting."""
    # A schedule asks in the user's own words; into a subscription's question an event's fields are put.
    run_options = RunOptions(**options, **limits, origin=USER if occasion.kind == "schedule" else OUTSIDE)
    run = submit_run(conn, question, run_options, conversation_id=None)
    conn.execute(
        queries.load("inbox").insert_occasion,
        {
            "run_id": run.run_id,
            "kind": occasion.kind,
            "name": occasion.name,
            "reason": occasion.reason,
            "ancestry": list(occasion.ancestry),
        },
    )
    return run.run_id


def names_to_try(wanted: str | None, question: str) -> list[str]:
    """The name the user wants, or names made from the question, the best first. Raises InvalidInput for a bad one."""
    if wanted is not None:
        if not re.fullmatch(r"[^\W_][\w.-]{0,59}", wanted):
            raise InvalidInput(f"{wanted!r} is no name: use letters, digits, '-', '_' and '.', 60 at most")
        return [wanted]
    made = "-".join(_WORD.findall(question.lower())[:_NAME_WORDS])[:40].strip("-") or "question"
    return [made, *(f"{made}-{number}" for number in range(2, 1000))]


def the_one(rows: list[dict[str, Any]], what: str, wanted: str) -> dict[str, Any]:
    """The row of this name, else the only one whose id begins so. Raises NotFound, InvalidInput."""
    if not rows:
        raise NotFound(f"there is no {what} {wanted}")
    if len(rows) > 1 and rows[0]["name"] != wanted:
        raise InvalidInput(f"{wanted} is the beginning of more than one {what}'s id; give its name")
    return rows[0]


def id_prefix(wanted: str) -> str:
    """``wanted`` as the beginning of an id; what can't be one matches no id."""
    return wanted.lower() if _ID.fullmatch(wanted.lower()) else "-"
