"""Memory's tools: what a model may look up, keep and have forgotten."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lotus_tasks.commands.memory import Told
from lotus_tasks.errors import Cancelled, InvalidInput
from lotus_tasks.memory.adapters.postgres_browser import PostgresMemoryBrowser
from lotus_tasks.memory.models import Filters, Memory, plain
from lotus_tasks.memory.service.writing import draft_of, moment
from lotus_tasks.memory.tasks.forgetting import forgetting
from lotus_tasks.memory.tasks.parts import parts, refuse
from lotus_tasks.memory.tasks.storing import storing
from lotus_tasks.origins import MODEL, least_trusted, read_origin
from lotus_tasks.spine import queries
from lotus_tasks.tools import Tool, ToolAnswer, ToolContext, tool
from lotus_tasks.work import Transaction


@tool("memory")
def recall(
    context: ToolContext,
    query: Annotated[str, Field(min_length=1, max_length=2000)],
    count: Annotated[int, Field(ge=1, le=30)] = 8,
    since: Annotated[str, Field(description="only what happened from this day on: 2026-11-23")] = "",
    until: Annotated[str, Field(description="only what happened before this day")] = "",
) -> ToolAnswer:
    """Search the user's memories and the documents they gave to LOTUS. Several searches with other words find more."""
    if context.work.cancelled():
        raise Cancelled("the run was cancelled")
    filters = Filters(since=moment(since, "since"), until=moment(until, "until"))
    found = [one.memory for one in parts().recaller.recall(query, count=count, filters=filters).memories]
    return ToolAnswer(
        text="\n\n".join(map(_told, found)) or "Nothing was found.",
        sources=list(dict.fromkeys(memory.source for memory in found)),
        origin=least_trusted(memory.origin for memory in found),
    )


@tool("memory", asks_after_outside_text=True, answers_as=MODEL)
def remember(
    context: ToolContext,
    text: Annotated[str, Field(min_length=1, max_length=4000, description="one fact, whole in itself")],
    kind: Literal["note", "preference", "fact"] = "note",
) -> ToolAnswer:
    """Keep something the user said for good. Not for what memory holds already, nor for what a page or a file says."""
    provenance = {"run_id": str(context.work.run_id), "tool": "remember"}
    # The words are the model's, which may have them from anything it has read: a yes to the call is no word for their truth.
    origin = least_trusted([read_origin(context.work.payload.get("origin"))], at_best=MODEL)
    draft = draft_of(Told(text=text, kind=kind, provenance=provenance, origin=origin), context.key)
    refuse(context.work, [draft])
    stored = storing(context.work, [draft], source=draft.source)
    return ToolAnswer(text="It is remembered.", write=stored.write, after=stored.after)


@tool("memory", asks=True, answers_as=MODEL)
def forget(
    context: ToolContext,
    memory_id: Annotated[str, Field(description="as recall gives it")],
    text: Annotated[str, Field(description="the memory's text, word for word: the user sees what they lose")],
) -> ToolAnswer:
    """Remove a memory for good, with every copy of its text."""
    memory = PostgresMemoryBrowser(parts().database).find(memory_id)
    if plain(text).casefold() != plain(memory.text).casefold():
        raise InvalidInput(f"memory {memory_id} reads otherwise; nothing was forgotten. Recall it and quote it whole")

    forgotten = forgetting([memory], cause=context.key)

    def write(tx: Transaction) -> None:
        if forgotten.write is not None:
            forgotten.write(tx)
        # This call itself quotes the memory, and is still at work.
        tx.conn.execute(queries.load("memory").withhold_payload, {"command_id": context.work.command_id})

    return ToolAnswer(text="It is forgotten.", write=write, after=forgotten.after)


def _told(memory: Memory) -> str:
    when = memory.happened_at or memory.created_at
    heading = memory.provenance.get("heading")
    place = f"{memory.source} › {heading}" if heading else memory.source
    return f"({memory.id}, {memory.kind} from {place}, {when.astimezone():%Y-%m-%d})\n{memory.text}"


TOOLS: tuple[Tool, ...] = (recall, remember, forget)
"""What the manifest names."""
