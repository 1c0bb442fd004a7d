"""Writing memories as tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import redis
import structlog

from lotus_tasks.commands.memory import Remember, Remembered, RememberExchange, Store
from lotus_tasks.errors import Cancelled, HandBack
from lotus_tasks.events import MemoryStored
from lotus_tasks.memory.adapters.exchange import read_exchange
from lotus_tasks.memory.adapters.percepts import is_superseded, read_chunks, withhold
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Draft
from lotus_tasks.memory.service.secrecy import mask_secrets
from lotus_tasks.memory.service.writing import draft_of, entries
from lotus_tasks.memory.tasks.parts import index_after, parts, refuse
from lotus_tasks.values import utc_now
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task

INDEX_PAUSE_S: Final = 2.0
"""How long what was said in runs is gathered before it is embedded."""

AT_ONCE: Final = 200
"""Chunks made ready between two looks: less than a second's work."""

log = structlog.get_logger("lotus.memory")


@command_task(Remember)
def remember(told: Remember, work: Work) -> Outcome[Remembered]:
    """Store what the user said: one memory, or many, each once."""
    drafts = [draft_of(item, f"{work.command_id}/{index}") for index, item in enumerate(told.items)]
    if not told.insist:
        refuse(work, drafts)
    return storing(work, drafts, source=drafts[0].source)


@command_task(Store)
def store(read: Store, work: Work) -> Outcome[Remembered]:
    """Store what perception read, in place of the older version of the same source."""
    drafts: list[Draft] = []
    for part in _slices(work, read_chunks(parts().database, read.percept_id, read.source)):
        drafts += mask_secrets(part, parts().secrets)
    return storing(work, drafts, source=read.source, replaces=read.percept_id)


@command_task(RememberExchange)
def remember_exchange(said: RememberExchange, work: Work) -> Outcome[Remembered]:
    """Store a run's question and answer as turns of their conversation; an answer that only quotes memory isn't stored."""
    drafts = mask_secrets(read_exchange(parts().database, said.run_id), parts().secrets)
    if not drafts:
        return Outcome(result=Remembered())
    return storing(work, drafts, source=drafts[0].source, indexing=_index_soon())


def _slices(work: Work, drafts: Sequence[Draft]) -> Iterator[Sequence[Draft]]:
    """The drafts in parts of which none takes long; between two the work ends where nobody wants it any more."""
    for at in range(0, len(drafts), AT_ONCE):
        if not work.is_current():
            raise Cancelled("the reading was cancelled")
        if work.stopping():
            raise HandBack("the worker is stopping")
        yield drafts[at : at + AT_ONCE]


def _index_soon() -> CommandSpec:
    """One index command for all that is said within a moment: until then it is found by its words."""
    slot = int(time.time() // INDEX_PAUSE_S) + 1
    due = datetime.fromtimestamp(slot * INDEX_PAUSE_S, UTC)
    return index_after(f"soon/{slot}", not_before=due)


def storing(
    work: Work,
    drafts: Sequence[Draft],
    *,
    source: str,
    replaces: UUID | None = None,
    indexing: CommandSpec | None = None,
) -> Outcome[Remembered]:
    """What stores drafts, whoever asks for it: the user's command, the model's tool, what was read or said."""
    ready = [entry for part in _slices(work, drafts) for entry in entries(part)]

    def write(tx: Transaction) -> Remembered:
        if replaces is not None and is_superseded(tx.conn, replaces):
            return Remembered()
        writer = PostgresMemoryWriter(tx.conn)
        stored = writer.insert(ready)
        gone = writer.replace_source(source, replaces) if replaces is not None else []
        if replaces is not None:
            withhold(tx.conn, replaces, drafts)
        tx.publish(MemoryStored(source=source, count=len(stored.new)))
        if stored.new or gone:
            tx.submit(indexing or index_after(work.command_id))
        return Remembered(
            memory_ids=tuple(str(stored.known.get(draft.id, draft.id)) for draft in drafts),
            new=len(stored.new),
            known=len(stored.known),
            removed=len(gone),
        )

    return Outcome(write=write, after=lambda: _admit(drafts))


def _admit(drafts: Sequence[Draft]) -> None:
    now = utc_now()
    spoken = [(draft.id, draft.thread if draft.tier == 1 else None, now) for draft in drafts[-1000:] if draft.tier < 3]
    try:
        parts().working.admit(spoken)
    except redis.RedisError as error:
        log.warning("not in working memory; it is rebuilt when Redis is back", reason=str(error))
