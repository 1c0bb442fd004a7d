"""Forgetting as a task, and the rewriting of Redis's log that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import redis

from lotus_tasks import bootstrap
from lotus_tasks.commands.memory import Forget, Forgotten
from lotus_tasks.commands.upkeep import LogRewritten, RewriteLog
from lotus_tasks.errors import InvalidInput, NotFound, Permanent, ServiceDown, Transient
from lotus_tasks.memory.adapters.forgetting import forget as erase
from lotus_tasks.memory.adapters.postgres_browser import PostgresMemoryBrowser
from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.tasks.parts import index_after, parts
from lotus_tasks.spine.streams import stream_key
from lotus_tasks.values import MemoryId, RunId, utc_now
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task

REWRITE_EVERY_S: Final = 30
REWRITE_AFTER_S: Final = 10
"""How long a deletion has at least to reach Redis before its log is written anew."""


@command_task(Forget)
def forget(asked: Forget, work: Work) -> Outcome[Forgotten]:
    """Remove memories and every copy of their text: index, vectors, working memory, results kept of commands and runs."""
    return forgetting(_chosen(PostgresMemoryBrowser(parts().database), asked), source=asked.source, cause=work.command_id)


def forgetting(memories: Sequence[Memory], *, source: str | None = None, cause: object) -> Outcome[Forgotten]:
    """What removes memories and every copy of their text, for the user's command and the model's tool alike."""
    ids = [memory.id for memory in memories]
    runs: list[UUID] = []

    def write(tx: Transaction) -> Forgotten:
        forgotten = erase(tx.conn, memories, source=source)
        runs.extend(forgotten.runs)
        tx.submit(index_after(cause))
        tx.submit(_rewriting(utc_now()))
        return Forgotten(memory_ids=tuple(str(one) for one in ids), **forgotten.removed)

    return Outcome(write=write, after=lambda: _drop(ids, runs))


def _rewriting(now: datetime) -> CommandSpec:
    """One rewriting of Redis's log for all that is forgotten within half a minute, when that has left its streams."""
    moment_s = (int(now.timestamp()) // REWRITE_EVERY_S + 1) * REWRITE_EVERY_S + REWRITE_AFTER_S
    return CommandSpec.of(
        RewriteLog(),
        key=f"memory.rewrite_log/{moment_s}",
        not_before=datetime.fromtimestamp(moment_s, UTC),
        max_attempts=20,
    )


@command_task(RewriteLog)
def rewrite_log(_asked: RewriteLog, _work: Work) -> Outcome[LogRewritten]:
    """Let Redis write its append-only file anew: what was deleted is still in the old one, word for word."""
    client = bootstrap.redis_client()
    try:
        if not client.info("persistence").get("aof_enabled"):
            return Outcome(result=LogRewritten(rewritten=False, reason="this Redis keeps no append-only file"))
        client.bgrewriteaof()
    except redis.ResponseError as error:
        if "in progress" in str(error):  # begun before this deletion, perhaps: it must be done once more
            raise Transient(f"Redis is rewriting its log: {error}", retry_after_s=2.0) from error
        raise Permanent(f"Redis doesn't rewrite its append-only file, where forgotten text may be: {error}") from error
    except redis.RedisError as error:
        raise ServiceDown(f"Redis does not answer: {error}") from error
    return Outcome(result=LogRewritten(rewritten=True))


def _chosen(browser: PostgresMemoryBrowser, asked: Forget) -> list[Memory]:
    if asked.source:
        found = browser.newest(source=asked.source, limit=1_000_000)
        if not found:
            raise NotFound(f"no memory comes from {asked.source}; `manage.py memory list` shows the sources")
        return found
    if not asked.ids:
        raise InvalidInput("name what to forget: the ids of memories, or a source")
    return [browser.find(one) for one in dict.fromkeys(asked.ids)]


def _drop(ids: Sequence[MemoryId], runs: Sequence[UUID]) -> None:
    try:
        parts().working.drop(ids)
        for run_id in runs:
            bootstrap.redis_client().delete(stream_key(RunId(run_id)))
    except redis.RedisError:
        return  # ids, and streams of answers: both expire
