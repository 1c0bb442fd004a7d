"""Recall as a task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from lotus_tasks.commands.recall import Recall, Recalled, RecalledMemory, RecallFilters
from lotus_tasks.errors import Cancelled, InvalidInput, Transient
from lotus_tasks.events import MemoryRecalled
from lotus_tasks.memory.adapters.postgres_browser import PostgresMemoryBrowser
from lotus_tasks.memory.models import EVIDENCE_KINDS, KINDS, Filters
from lotus_tasks.memory.models import Recalled as Found
from lotus_tasks.memory.service.writing import moment
from lotus_tasks.memory.tasks.parts import parts
from lotus_tasks.work import Outcome, Work
from lotus_tasks.worker.task import command_task

READING_S: Final = 20.0
"""How long a recall waits for what was stored just before it, where that is no more than MANY_UNREAD."""
MANY_UNREAD: Final = 1_000
LONG_READING_S: Final = 3.0
"""How long where it is more: all of it couldn't be read while somebody waits for an answer."""


@command_task(Recall)
def recall(asked: Recall, work: Work) -> Outcome[Recalled]:
    """Find what answers ``query``. For a run, the result is announced by memory.recalled."""
    query = asked.query.strip()
    if not query:
        raise InvalidInput("there is nothing to recall: the query is empty")
    if work.cancelled():
        raise Cancelled("the run was cancelled")
    unread = read_what_is_new(lambda: not work.stopping() and not work.cancelled())
    found = parts().recaller.recall(query, count=_count(asked), filters=_filters(asked.filters or RecallFilters()))
    result = Recalled(
        memories=tuple(_answer(one, explain=asked.explain) for one in found.memories),
        support=round(found.support, 3) if math.isfinite(found.support) else None,
        degraded=(*unread, *found.degraded),
        timings_ms=dict(found.timings_ms),
        terms=tuple(found.terms) if asked.explain else None,
    )
    events = [MemoryRecalled(run_id=work.run_id, command_id=work.command_id)] if work.run_id is not None else []
    return Outcome(result=result, events=events)


class _Read:
    """Up to which memory all that could be evidence was seen to have its vector, in this process."""

    up_to = 0


def read_what_is_new(go_on: Callable[[], bool]) -> list[str]:
    """What was told or read a moment ago is embedded before it is asked for, within bounds; what isn't is told in a line.

    A part that is missing is no fault here: the recall itself says so.
    """
    memory = parts()
    last_no = memory.lexicon.snapshot().last_no
    if last_no == _Read.up_to:
        return []
    waiting = memory.queue.waiting_evidence(_Read.up_to if last_no > _Read.up_to else 0, most=MANY_UNREAD)
    if not waiting:
        _Read.up_to = last_no
        return []
    until = time.monotonic() + (READING_S if waiting < MANY_UNREAD else LONG_READING_S)
    try:
        progress = memory.indexer.work(lambda: go_on() and time.monotonic() < until)
    except Transient:
        return []
    if progress.finished:
        _Read.up_to = last_no
        return []
    return ["memory: not all that was read is in the index yet; ask again in a moment"]


def _count(asked: Recall) -> int:
    count = asked.k or 10
    if not 1 <= count <= 200:
        raise InvalidInput(f"k={count} is not between 1 and 200")
    return count


def _filters(wanted: RecallFilters) -> Filters:
    wrong = [kind for kind in wanted.kinds if kind not in KINDS]
    if wrong:
        raise InvalidInput(f"there is no kind of memory named {wrong[0]!r}; use one of {', '.join(KINDS)}")
    return Filters(
        kinds=tuple(kind for kind in KINDS if kind in wanted.kinds) or EVIDENCE_KINDS,
        source=wanted.source,
        thread=PostgresMemoryBrowser(parts().database).thread(wanted.conversation) if wanted.conversation else None,
        since=moment(wanted.since, "since"),
        until=moment(wanted.until, "until"),
    )


def _answer(found: Found, *, explain: bool) -> RecalledMemory:
    memory = found.memory
    return RecalledMemory(
        memory_id=str(memory.id),
        text=memory.text,
        score=found.score,
        source=memory.source,
        heading=memory.provenance.get("heading"),
        happened_at=memory.happened_at.isoformat() if memory.happened_at else None,
        stored_at=memory.created_at.isoformat(),
        tier=f"L{memory.tier}",
        kind=memory.kind,
        origin=memory.origin,
        speaker=memory.speaker,
        valid_to=memory.valid_to.isoformat() if memory.valid_to else None,
        shares=dict(found.shares) if explain else None,
    )
