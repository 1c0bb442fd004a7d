"""Rows that were stored before commands had classes: each verb's payload and result, as it stood in the database then."""

from __future__ import annotations

import uuid

import pytest

from lotus_tasks.commands.codec import Command, read, read_command, result_class, write
from lotus_tasks.commands.memory import Edit, Forget, Remember, RememberExchange, Store
from lotus_tasks.commands.modules import CheckHealth, UseTool
from lotus_tasks.commands.perception import Ingest, ListPercepts
from lotus_tasks.commands.providers import CheckProviders, ListModels, Pull
from lotus_tasks.commands.reasoning import Advance, Answer, FollowUp, GiveUpWaiting, Retry, StartDue, Summarise
from lotus_tasks.commands.recall import Recall
from lotus_tasks.commands.upkeep import Consolidate, Index, Reindex, RewriteLog, TakeAnswers

RUN = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
COMMAND = "6fa459ea-ee8a-3ca4-894e-db77e160355e"
ID = uuid.UUID(RUN)
MEMORY = {
    "memory_id": COMMAND, "text": "The key hangs behind the door.", "score": 0.91, "source": "/home/a/boat.md",
    "heading": "Boat › Keys", "happened_at": None, "stored_at": "2026-11-20T08:00:00+00:00", "tier": "L3", "kind": "chunk",
    "origin": None, "speaker": None, "valid_to": None,
}  # fmt: skip
EVENT = {"event_id": 12, "run_id": RUN}

PAYLOADS = [
    (UseTool, {"tool": "recall", "arguments": {"query": "x"}, "run_id": RUN, "step": 3},
     {"tool": "recall", "arguments": {"query": "x"}}),
    (CheckHealth, {}, {}),
    (CheckProviders, {"provider": None}, {"provider": None}),
    (ListModels, {"provider": "ollama"}, {"provider": "ollama"}),
    (Pull, {"model": "m"}, {"model": "m"}),
    (Recall, {"query": "where?", "k": 10, "conversation_id": RUN, "run_id": RUN, "step": 1}, {"query": "where?", "k": 10}),
    (
        Recall,
        {"query": "q", "k": 5, "filters": {"kinds": ["note"], "source": None, "conversation": None, "since": "2026-11-01",
         "until": None}, "explain": True},
        {"query": "q", "explain": True, "filters.kinds": ("note",), "filters.since": "2026-11-01", "filters.until": None},
    ),
    (
        Remember,
        {"text": "a", "kind": "note", "source": "user", "happened_at": None, "insist": False},
        {"items.0.text": "a", "items.0.kind": "note", "items.0.happened_at": None, "insist": False},
    ),
    (Remember, {"text": "a", "provenance": {"origin": "outside"}, "insist": True},
     {"items.0.provenance": {"origin": "outside"}, "insist": True}),
    (
        Remember,
        {"items": [{"text": "a", "kind": "turn", "key": "t/1", "conversation_id": RUN, "position": 3, "speaker": "Ann"}]},
        {"items.0.key": "t/1", "items.0.position": 3, "items.0.conversation_id": RUN, "items.0.importance": 0.5},
    ),
    (
        Store,
        {"percept_id": RUN, "source": "boat.md", "event": "percept.captured", "event_id": 4},
        {"percept_id": ID, "source": "boat.md"},
    ),
    (RememberExchange, {**EVENT, "conversation_id": COMMAND, "event": "run.concluded"}, {"run_id": ID}),
    (Edit, {"id": "6fa459ea", "text": None, "kind": None, "importance": 1, "insist": False},
     {"id": "6fa459ea", "text": None, "importance": 1.0}),
    (Forget, {"ids": ["6fa459ea"], "source": None}, {"ids": ("6fa459ea",), "source": None}),
    (Forget, {"ids": [], "source": "boat.md"}, {"ids": (), "source": "boat.md"}),
    (RewriteLog, {}, {}),
    (Index, {}, {}),
    (Reindex, {"words": True}, {"words": True}),
    (TakeAnswers, {"command_id": COMMAND}, {}),
    (Consolidate, {}, {"dry_run": False}),
    (Consolidate, {"dry_run": True}, {"dry_run": True}),
    (
        Advance,
        {**EVENT, "command_id": COMMAND, "event": "memory.recalled"},
        {"run_id": ID, "command_id": uuid.UUID(COMMAND), "event": "memory.recalled", "reason": "", "unknown": False},
    ),
    (
        Advance,
        {**EVENT, "command_id": COMMAND, "event": "command.failed", "reason": "no model", "unknown": True},
        {"event": "command.failed", "reason": "no model", "unknown": True},
    ),
    (Answer, {"run_id": RUN, "approved": True, "steps": [3, 4]}, {"run_id": ID, "approved": True, "steps": (3, 4)}),
    (
        Summarise,
        {"run_id": RUN, "conversation_id": COMMAND, "provider": None, "model": "m"},
        {"run_id": ID, "conversation_id": uuid.UUID(COMMAND), "provider": None, "model": "m"},
    ),
    (Retry, {"run_id": RUN}, {"run_id": ID}),
    (Ingest, {"path": "/n/a.md"}, {"path": "/n/a.md", "gone": False, "link_to": None}),
    (Ingest, {"path": "/n", "after": "/n/b.md"}, {"after": "/n/b.md"}),
    (Ingest, {"path": "/n/a.md", "gone": True}, {"gone": True}),
    (Ingest, {"path": "/n/l.md", "link_to": "/n/a.md"}, {"link_to": "/n/a.md"}),
    (Ingest, {"source": "stdin:1f", "content": "aGk="}, {"path": None, "source": "stdin:1f", "content": "aGk="}),
    (ListPercepts, {"status": None, "limit": 10}, {"status": None, "limit": 10}),
    (GiveUpWaiting, {}, {}),
    (StartDue, {}, {}),
    (FollowUp, {"event": "percept.captured", "event_id": 7}, {"event_id": 7}),
]  # fmt: skip

RESULTS = [
    (UseTool, {"text": "4", "sources": ["a.md"], "origin": "user"}, {"text": "4", "sources": ("a.md",), "origin": "user"}),
    (CheckHealth, {"status": "ok", "detail": ""}, {"status": "ok"}),
    (
        CheckProviders,
        {"providers": [{"name": "ollama", "kind": "ollama", "configured": True, "reachable": None, "detail": "", "model": "",
                        "latency_ms": None, "models": []}]},
        {"providers.0.reachable": None, "providers.0.name": "ollama"},
    ),
    (
        ListModels,
        {"providers": [{"provider": "ollama", "models": [{"name": "m", "context_tokens": None, "size_bytes": 9}], "error": ""}]},
        {"providers.0.models.0.size_bytes": 9},
    ),
    (Pull, {"model": "m"}, {"model": "m"}),
    (
        Recall,
        {"memories": [MEMORY], "support": 1.5, "degraded": ["Chroma is away"], "timings_ms": {"embed": 3.1}},
        {"memories.0.heading": "Boat › Keys", "memories.0.shares": None, "support": 1.5, "terms": None},
    ),
    (
        Recall,
        {"memories": [MEMORY | {"shares": {"bm25": 0.4}}], "support": None, "degraded": [], "timings_ms": {}, "terms": ["key"]},
        {"memories.0.shares": {"bm25": 0.4}, "support": None, "terms": ("key",)},
    ),
    (Recall, {"memories": [{"memory_id": "m", "text": "[forgotten]", "score": 0.2}]}, {"memories.0.text": "[forgotten]"}),
    (Remember, {"new": 1, "known": 0, "memory_ids": [RUN], "removed": 0}, {"new": 1, "memory_ids": (RUN,)}),
    (Store, {"new": 0, "known": 0}, {"new": 0, "memory_ids": None}),
    (RememberExchange, {"new": 0, "known": 0}, {"known": 0}),
    (Edit, {"memory_id": RUN, "changed": ["text"]}, {"changed": ("text",)}),
    (
        Forget,
        {"vectors": 1, "chunks": 0, "memories": 1, "copies": 0, "history": 0, "commands": 2, "recalls": 1, "answers": 0,
         "profile": 0, "memory_ids": [RUN]},
        {"vectors": 1, "commands": 2, "memory_ids": (RUN,)},
    ),
    (RewriteLog, {"rewritten": False, "reason": "this Redis keeps no append-only file"}, {"rewritten": False}),
    (Index, {"embedded": 2, "indexed": 2, "removed": 0}, {"embedded": 2, "left_to": None}),
    (Index, {"left_to": "the index command that is running"}, {"embedded": None}),
    (Reindex, {"waiting": 7, "reread": 0}, {"waiting": 7}),
    (TakeAnswers, {"read": 2, "dropped": 0, "profile": 1}, {"read": 2, "profile": 1, "retold": None}),
    (
        Consolidate,
        {"examined": 3, "degraded": [], "planned": [{"action": "summary", "reason": RUN}], "merged": 0, "facts": 0, "closed": 0,
         "summaries": 1, "refused": 0, "moved": 0, "read": 0, "asked": 0, "profile": 0, "remaining": 0},
        {"examined": 3, "planned.0.action": "summary", "planned.0.memory_id": None, "summaries": 1, "dry_run": None},
    ),
    (Advance, {}, {}),
    (Answer, {"answered": 1}, {"answered": 1}),
    (Summarise, {}, {}),
    (Retry, {}, {}),
    (
        Ingest,
        {"kind": "file", "source": "/n/a.md", "status": "captured", "reason": "", "chunks": 2, "follow_ups": [RUN]},
        {"status": "captured", "follow_ups": (ID,), "commands": None},
    ),
    (
        Ingest,
        {"kind": "folder", "source": "/n", "commands": [RUN], "more": COMMAND, "ignored": {"hidden": 1}},
        {"kind": "folder", "commands": (ID,), "more": uuid.UUID(COMMAND), "chunks": None},
    ),
    (
        ListPercepts,
        {"percepts": [{"source": "a", "kind": "file", "status": "indexed", "reason": None, "chunks": 1, "size_bytes": 9,
                       "captured_at": "2026-11-20T08:00:00+00:00"}]},
        {"percepts.0.status": "indexed", "percepts.0.reason": None},
    ),
    (GiveUpWaiting, {}, {}),
    (StartDue, {"started": 0}, {"started": 0}),
    (FollowUp, {"started": 2}, {"started": 2}),
]  # fmt: skip


def found(value: object, path: str) -> object:
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, tuple) else getattr(value, name)
    return value


def name_of(value: object) -> str | None:
    return value.__name__ if isinstance(value, type) else None


@pytest.mark.parametrize(("command", "payload", "holds"), PAYLOADS, ids=name_of)
def test_a_stored_payload_reads(command: type[Command], payload, holds):
    asked = read_command(command, payload)
    assert {path: found(asked, path) for path in holds} == holds
    assert read_command(command, write(asked)) == asked


@pytest.mark.parametrize(("command", "result", "holds"), RESULTS, ids=name_of)
def test_a_stored_result_reads_and_is_written_as_it_was(command: type[Command], result, holds):
    told = read(result_class(command), result)
    assert {path: found(told, path) for path in holds} == holds
    written = write(told)
    whole = "[forgotten]" not in str(result)
    assert not whole or {name: written.get(name) for name in result} == result
