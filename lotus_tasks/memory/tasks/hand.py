"""The user's hand: look at memories, change them, forget them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import redis

from lotus_tasks import bootstrap
from lotus_tasks.errors import InvalidInput, NotFound, Permanent, ServiceDown, Transient
from lotus_tasks.memory.adapters.forgetting import forget as erase
from lotus_tasks.memory.adapters.postgres_browser import PostgresMemoryBrowser
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.adapters.tiers import tier_rule
from lotus_tasks.memory.models import KINDS, Draft, Memory
from lotus_tasks.memory.service.writing import MAX_CHARS, entries, moment
from lotus_tasks.memory.tasks.parts import parts, refuse
from lotus_tasks.spine.streams import stream_key
from lotus_tasks.values import MemoryId, RunId, utc_now
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task

REWRITE_EVERY_S = 30
REWRITE_AFTER_S = 10
"""How long a deletion has at least to reach Redis before its log is written anew."""


@command_task("memory.inspect")
def inspect(work: Work) -> Outcome:
    """Look: ``what`` is list, show, history, explain, facts, profile or stats. Changes nothing."""
    browser = PostgresMemoryBrowser(parts().database)
    what = str(work.payload.get("what") or "list")
    if what == "stats":
        lag = parts().queue.lag()
        return Outcome(result={**browser.stats(), "index_lag": lag.waiting, "embedder": parts().embedder.model})
    if what == "profile":
        return Outcome(result={"profile": browser.profile()})
    if what == "facts":
        return Outcome(
            result={
                "facts": browser.facts(
                    subject=work.payload.get("subject"), closed=bool(work.payload.get("closed")), limit=500
                )
            }
        )
    if what == "list":
        found = browser.newest(
            kind=work.payload.get("kind"),
            source=work.payload.get("source"),
            conversation=browser.thread(wanted) if (wanted := work.payload.get("conversation")) else None,
            tier=work.payload.get("tier"),
            since=moment(work.payload.get("since"), "since"),
            until=moment(work.payload.get("until"), "until"),
            limit=int(work.payload.get("limit") or 20),
        )
        return Outcome(result={"memories": [describe(memory) for memory in found]})
    memory = browser.find(str(work.payload.get("id") or ""))
    result: dict[str, Any] = {"memory": describe(memory)}
    if what in ("show", "explain"):
        result["sources"] = browser.sources(memory.id)
        result["neighbours"] = [describe(one) for one in browser.neighbours(memory)]
        result["indexed"] = browser.indexed(memory.no)
    if what in ("history", "explain"):
        result["changes"] = browser.changes(memory.id)
        result["facts"] = browser.facts_of(memory.id)
    if what == "explain":
        result["tier_rule"] = tier_rule(memory.tier, parts().limits)
    return Outcome(result=result)


@command_task("memory.edit")
def edit(work: Work) -> Outcome:
    """Change a memory's text, kind or importance; what it was is kept in its history."""
    browser = PostgresMemoryBrowser(parts().database)
    memory = browser.find(str(work.payload.get("id") or ""))
    changes = {
        name: work.payload[name] for name in ("text", "kind", "importance") if work.payload.get(name) is not None
    }
    _refuse_bad_edit(changes)
    before = {name: getattr(memory, name) for name in changes}
    if changes == before:
        return Outcome(result={"memory_id": str(memory.id), "changed": []})
    draft = Draft(
        text=str(changes.get("text", memory.text)).strip(),
        key=f"edited/{memory.id}",
        kind=changes.get("kind", memory.kind),
        speaker=memory.speaker,
        provenance=memory.provenance,
        happened_at=memory.happened_at,
        told_at=memory.created_at,
    )
    if not work.payload.get("insist"):
        refuse(work, [draft])
    entry = entries([draft])[0]
    twin = browser.twin(entry.draft)
    if twin is not None and twin != memory.id:
        raise InvalidInput(f"memory {twin} says exactly this already; `manage.py memory forget` one of the two")

    def write(tx: Transaction) -> None:
        writer = PostgresMemoryWriter(tx.conn)
        writer.rewrite(memory, changes, entry=entry, reason="edited by the user", command_id=work.command_id)
        tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))

    return Outcome(result={"memory_id": str(memory.id), "changed": sorted(changes)}, write=write)


def _refuse_bad_edit(changes: Mapping[str, Any]) -> None:
    if not changes:
        raise InvalidInput("nothing to change: give a new text, kind or importance")
    if "text" in changes and not 0 < len(str(changes["text"]).strip()) <= MAX_CHARS:
        raise InvalidInput(f"a memory's text has from 1 to {MAX_CHARS:,} characters")
    if changes.get("kind", "note") not in KINDS:
        raise InvalidInput(f"there is no kind of memory named {changes['kind']!r}; use one of {', '.join(KINDS)}")
    if not 0.0 <= float(changes.get("importance", 0.5)) <= 1.0:
        raise InvalidInput(f"importance {changes['importance']} is not between 0 and 1")


@command_task("memory.forget")
def forget(work: Work) -> Outcome:
    """Remove memories and every copy of their text: index, vectors, working memory, results kept of commands and runs."""
    browser = PostgresMemoryBrowser(parts().database)
    memories = _chosen(browser, work.payload)
    ids = [memory.id for memory in memories]
    result: dict[str, Any] = {}
    runs: list[UUID] = []

    def write(tx: Transaction) -> None:
        forgotten = erase(tx.conn, memories, source=work.payload.get("source"))
        runs.extend(forgotten.runs)
        result.update(forgotten.removed, memory_ids=[str(one) for one in ids])
        tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))
        tx.submit(_rewriting(utc_now()))

    return Outcome(result=result, write=write, after=lambda: _drop(ids, runs))


def _rewriting(now: datetime) -> CommandSpec:
    """One rewriting of Redis's log for all that is forgotten within half a minute, when that has left its streams."""
    moment_s = (int(now.timestamp()) // REWRITE_EVERY_S + 1) * REWRITE_EVERY_S + REWRITE_AFTER_S
    return CommandSpec(
        name="memory.rewrite_log",
        key=f"memory.rewrite_log/{moment_s}",
        not_before=datetime.fromtimestamp(moment_s, UTC),
        max_attempts=20,
    )


@command_task("memory.rewrite_log")
def rewrite_log(_work: Work) -> Outcome:
    """Let Redis write its append-only file anew: what was deleted is still in the old one, word for word."""
    client = bootstrap.redis_client()
    try:
        if not client.info("persistence").get("aof_enabled"):
            return Outcome(result={"rewritten": False, "reason": "this Redis keeps no append-only file"})
        client.bgrewriteaof()
    except redis.ResponseError as error:
        if "in progress" in str(error):  # begun before this deletion, perhaps: it must be done once more
            raise Transient(f"Redis is rewriting its log: {error}", retry_after_s=2.0) from error
        raise Permanent(f"Redis doesn't rewrite its append-only file, where forgotten text may be: {error}") from error
    except redis.RedisError as error:
        raise ServiceDown(f"Redis does not answer: {error}") from error
    return Outcome(result={"rewritten": True})


def _chosen(browser: PostgresMemoryBrowser, payload: Mapping[str, Any]) -> list[Memory]:
    if payload.get("source"):
        found = browser.newest(source=str(payload["source"]), limit=1_000_000)
        if not found:
            raise NotFound(f"no memory comes from {payload['source']}; `manage.py memory list` shows the sources")
        return found
    ids = [str(one) for one in payload.get("ids") or ()]
    if not ids:
        raise InvalidInput("name what to forget: the ids of memories, or a source")
    return [browser.find(one) for one in dict.fromkeys(ids)]


def _drop(ids: Sequence[MemoryId], runs: Sequence[UUID]) -> None:
    try:
        parts().working.drop(ids)
        for run_id in runs:
            bootstrap.redis_client().delete(stream_key(RunId(run_id)))
    except redis.RedisError:
        return  # ids, and streams of answers: both expire


def describe(memory: Memory) -> dict[str, Any]:
    """A memory as JSON."""
    return {
        "memory_id": str(memory.id),
        "text": memory.text,
        "kind": memory.kind,
        "tier": f"L{memory.tier}",
        "importance": round(memory.importance, 3),
        "source": memory.source,
        "provenance": dict(memory.provenance),
        "conversation": memory.thread,
        "position": memory.position,
        "speaker": memory.speaker,
        **{
            name: _moment(getattr(memory, name))
            for name in ("happened_at", "valid_from", "valid_to", "created_at", "updated_at")
        },
    }


def _moment(value: Any) -> str | None:
    return None if value is None else value.isoformat()
