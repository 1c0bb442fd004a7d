"""What the user commands of memory: look at memories, and change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lotus_tasks.commands.memory import (
    CountMemories,
    Edit,
    Edited,
    ExplainedMemory,
    ExplainMemory,
    FactList,
    KeptProfile,
    ListFacts,
    ListMemories,
    MemoryCard,
    MemoryHistory,
    MemoryList,
    MemoryStats,
    ShowMemory,
    ShownMemory,
    TellHistory,
    TellProfile,
)
from lotus_tasks.errors import InvalidInput
from lotus_tasks.memory.adapters.postgres_browser import PostgresMemoryBrowser
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.adapters.tiers import tier_rule
from lotus_tasks.memory.models import KINDS, Draft, Memory
from lotus_tasks.memory.service.writing import MAX_CHARS, entries, moment
from lotus_tasks.memory.tasks.parts import index_after, parts, refuse
from lotus_tasks.work import Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task


@command_task(ListMemories)
def list_memories(asked: ListMemories, _work: Work) -> Outcome[MemoryList]:
    """The newest memories."""
    browser = _browser()
    found = browser.newest(
        kind=asked.kind,
        source=asked.source,
        conversation=browser.thread(asked.conversation) if asked.conversation else None,
        tier=asked.tier,
        since=moment(asked.since, "since"),
        until=moment(asked.until, "until"),
        limit=asked.limit or 20,
    )
    return Outcome(result=MemoryList(memories=tuple(map(describe, found))))


@command_task(ShowMemory)
def show(asked: ShowMemory, _work: Work) -> Outcome[ShownMemory]:
    """One memory: its text, where it came from, what stands beside it."""
    return Outcome(result=_shown(_browser().find(asked.id)))


@command_task(TellHistory)
def tell_history(asked: TellHistory, _work: Work) -> Outcome[MemoryHistory]:
    """What a memory was before, and since when it holds."""
    browser = _browser()
    memory = browser.find(asked.id)
    told = MemoryHistory(
        memory=describe(memory), changes=tuple(browser.changes(memory.id)), facts=tuple(browser.facts_of(memory.id))
    )
    return Outcome(result=told)


@command_task(ExplainMemory)
def explain(asked: ExplainMemory, _work: Work) -> Outcome[ExplainedMemory]:
    """All that is known of a memory."""
    browser = _browser()
    memory = browser.find(asked.id)
    shown = _shown(memory)
    explained = ExplainedMemory(
        memory=shown.memory,
        sources=shown.sources,
        neighbours=shown.neighbours,
        indexed=shown.indexed,
        changes=tuple(browser.changes(memory.id)),
        facts=tuple(browser.facts_of(memory.id)),
        tier_rule=tier_rule(memory.tier, parts().limits),
    )
    return Outcome(result=explained)


@command_task(ListFacts)
def list_facts(asked: ListFacts, _work: Work) -> Outcome[FactList]:
    """What is known of a subject, or of everyone."""
    facts = _browser().facts(subject=asked.subject, closed=asked.closed, limit=500)
    return Outcome(result=FactList(facts=tuple(facts)))


@command_task(TellProfile)
def tell_profile(_asked: TellProfile, _work: Work) -> Outcome[KeptProfile]:
    """What is known of the user."""
    return Outcome(result=KeptProfile(profile=_browser().profile()))


@command_task(CountMemories)
def count_memories(_asked: CountMemories, _work: Work) -> Outcome[MemoryStats]:
    """How much there is, and where."""
    counted = _browser().counts()
    lag = parts().queue.lag()
    return Outcome(result=MemoryStats(**counted, index_lag=lag.waiting, embedder=parts().embedder.model))


def _browser() -> PostgresMemoryBrowser:
    return PostgresMemoryBrowser(parts().database)


def _shown(memory: Memory) -> ShownMemory:
    browser = _browser()
    return ShownMemory(
        memory=describe(memory),
        sources=tuple(browser.sources(memory.id)),
        neighbours=tuple(map(describe, browser.neighbours(memory))),
        indexed=browser.indexed(memory.no),
    )


@command_task(Edit)
def edit(asked: Edit, work: Work) -> Outcome[Edited]:
    """Change a memory's text, kind or importance; what it was is kept in its history."""
    browser = _browser()
    memory = browser.find(asked.id)
    told: Mapping[str, Any] = {"text": asked.text, "kind": asked.kind, "importance": asked.importance}
    changes = {name: value for name, value in told.items() if value is not None}
    _refuse_bad_edit(changes)
    before = {name: getattr(memory, name) for name in changes}
    if changes == before:
        return Outcome(result=Edited(memory_id=str(memory.id)))
    draft = Draft(
        text=str(changes.get("text", memory.text)).strip(),
        key=f"edited/{memory.id}",
        kind=changes.get("kind", memory.kind),
        speaker=memory.speaker,
        origin=memory.origin,
        provenance=memory.provenance,
        happened_at=memory.happened_at,
        told_at=memory.created_at,
    )
    if not asked.insist:
        refuse(work, [draft])
    entry = entries([draft])[0]
    twin = browser.twin(entry.draft)
    if twin is not None and twin != memory.id:
        raise InvalidInput(f"memory {twin} says exactly this already; `manage.py memory forget` one of the two")

    def write(tx: Transaction) -> None:
        writer = PostgresMemoryWriter(tx.conn)
        writer.rewrite(memory, changes, entry=entry, reason="edited by the user", command_id=work.command_id)
        tx.submit(index_after(work.command_id))

    return Outcome(result=Edited(memory_id=str(memory.id), changed=tuple(sorted(changes))), write=write)


def _refuse_bad_edit(changes: Mapping[str, Any]) -> None:
    if not changes:
        raise InvalidInput("nothing to change: give a new text, kind or importance")
    if "text" in changes and not 0 < len(str(changes["text"]).strip()) <= MAX_CHARS:
        raise InvalidInput(f"a memory's text has from 1 to {MAX_CHARS:,} characters")
    if changes.get("kind", "note") not in KINDS:
        raise InvalidInput(f"there is no kind of memory named {changes['kind']!r}; use one of {', '.join(KINDS)}")
    if not 0.0 <= float(changes.get("importance", 0.5)) <= 1.0:
        raise InvalidInput(f"importance {changes['importance']} is not between 0 and 1")


def describe(memory: Memory) -> MemoryCard:
    """A memory as its card."""
    return MemoryCard(
        memory_id=str(memory.id),
        text=memory.text,
        kind=memory.kind,
        tier=f"L{memory.tier}",
        importance=round(memory.importance, 3),
        source=memory.source,
        origin=memory.origin,
        provenance=dict(memory.provenance),
        conversation=memory.thread,
        position=memory.position,
        speaker=memory.speaker,
        happened_at=_moment(memory.happened_at),
        valid_from=_moment(memory.valid_from),
        valid_to=_moment(memory.valid_to),
        created_at=memory.created_at.isoformat(),
        updated_at=memory.updated_at.isoformat(),
    )


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
