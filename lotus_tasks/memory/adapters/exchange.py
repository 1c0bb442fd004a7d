"""A concluded run as turns of its conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from lotus_tasks.memory.models import Draft, Kind
from lotus_tasks.memory.service.requests import stated_in
from lotus_tasks.memory.service.writing import MAX_CHARS, only_quotes
from lotus_tasks.origins import MODEL, Origin, least_trusted, read_origin
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database


def read_exchange(database: Database, run_id: UUID) -> list[Draft]:
    """What was asked, what was stated with it, and the answer where a model gave one in words of its own.

    Nothing for a run without an answer.
    """
    with database.statement() as conn:
        row = conn.execute(queries.load("memory").exchange, {"run_id": run_id}).fetchone()
    if row is None or not row["answer"]:
        return []
    return [*_asked(row), *_answered(row)]


def _asked(row: Mapping[str, Any]) -> Iterator[Draft]:
    """The question as it was put, which is no evidence, and as a turn what it states."""
    question = str(row["question"]).strip()
    if not 0 < len(question) <= MAX_CHARS:
        return
    # No field of an event (a file's name) is evidence, nor what a schedule repeats.
    stated = "" if row["by_itself"] else stated_in(question)
    origin = read_origin(row["question_origin"])
    whole = _turn(row, question, "question", speaker="user", happened_at=row["created_at"], origin=origin)
    if stated != question:
        yield whole
    if stated:
        part = "question" if stated == question else "statement"
        yield replace(whole, text=stated, key=f"run/{row['id']}/{part}", kind="turn")


def _answered(row: Mapping[str, Any]) -> Iterator[Draft]:
    result = row["result"] or {}
    citations = result.get("citations") or ()
    answer = str(row["answer"]).strip()
    if result.get("provider") == "offline" or only_quotes(answer, [str(one.get("text") or "") for one in citations]):
        return
    origin = least_trusted([read_origin(row["answer_origin"])], at_best=MODEL)
    told = _turn(row, answer[:MAX_CHARS], "answer", speaker="lotus", happened_at=row["finished_at"], origin=origin)
    derived = [str(citation["memory_id"]) for citation in citations if citation.get("memory_id")]
    by = {"provider": result.get("provider"), "model": result.get("model")}
    yield replace(told, provenance={**told.provenance, "derived_from": derived, **by})


def _turn(
    row: Mapping[str, Any], text: str, kind: Kind, *, speaker: str, happened_at: datetime, origin: Origin
) -> Draft:
    thread = str(row["conversation_id"])
    return Draft(
        text=text,
        key=f"run/{row['id']}/{kind}",
        kind=kind,
        source=f"conversation:{thread}",
        thread=thread,
        speaker=speaker,
        happened_at=happened_at,
        origin=origin,
        provenance={"run_id": str(row["id"])},
    )
