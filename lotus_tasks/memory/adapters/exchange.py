"""A concluded run as turns of its conversation."""

from __future__ import annotations

from uuid import UUID

from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Database
from lotus_tasks.memory.models import Draft
from lotus_tasks.memory.service.writing import MAX_CHARS, is_question, only_quotes


def read_exchange(database: Database, run_id: UUID) -> list[Draft]:
    """The question, and the answer where a model gave one in words of its own. Nothing for a run without an answer."""
    with database.transaction() as conn:
        row = conn.execute(queries.load("memory").exchange, {"run_id": run_id}).fetchone()
    if row is None or not row["answer"]:
        return []
    result = row["result"] or {}
    thread = str(row["conversation_id"])
    source = f"conversation:{thread}"
    question = str(row["question"]).strip()
    drafts = []
    if 0 < len(question) <= MAX_CHARS:
        drafts.append(
            Draft(
                text=question,
                key=f"run/{run_id}/question",
                # Only what the user said is evidence: no field of an event (a file's name) is, nor what a schedule repeats.
                kind="question" if row["by_itself"] or is_question(question) else "turn",
                source=source,
                thread=thread,
                speaker="user",
                happened_at=row["created_at"],
                provenance={"run_id": str(run_id)},
            )
        )
    cited = [str(citation.get("text") or "") for citation in result.get("citations") or ()]
    answer = str(row["answer"]).strip()
    if result.get("provider") == "offline" or only_quotes(answer, cited):
        return drafts
    cited_ids = [str(citation["memory_id"]) for citation in result.get("citations") or () if citation.get("memory_id")]
    drafts.append(
        Draft(
            text=answer[:MAX_CHARS],
            key=f"run/{run_id}/answer",
            kind="answer",
            source=source,
            thread=thread,
            speaker="lotus",
            happened_at=row["finished_at"],
            provenance={
                "run_id": str(run_id),
                "derived_from": cited_ids,
                "provider": result.get("provider"),
                "model": result.get("model"),
            },
        )
    )
    return drafts
