"""A forgotten text is nowhere: no table, no stream, no copy that something else made of it."""

from __future__ import annotations

import contextlib
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stack import wait_until

from lotus_tasks.spine.streams import stream_key
from tests.integration.memory.test_forgotten_everywhere import read
from tests.integration.memory.test_user_commands import everything


@pytest.fixture
def asked(workers):
    """A run that was asked and answered, as the reasoning module leaves it."""

    def asked(question: str, answer: str, **result) -> uuid.UUID:
        conversation, run = uuid.uuid4(), uuid.uuid4()
        title = question if len(question) < 80 else question[:60] + "…"
        workers.rows(
            "INSERT INTO conversations (id, title, summary, summary_until) VALUES (%s, %s, %s, now()) RETURNING id",
            conversation,
            title,
            f"The user and LOTUS spoke of this: {answer}",
        )
        workers.rows(
            "INSERT INTO runs (id, conversation_id, status, question, answer, result, finished_at) "
            "VALUES (%s, %s, 'succeeded', %s, %s, %s::jsonb, now()) RETURNING id",
            run,
            conversation,
            question,
            answer,
            json.dumps(result),
        )
        return run

    return asked


def test_looking_at_a_memory_leaves_no_copy_that_outlives_it(workers, tell):
    told = tell("My dentist is Dr. Zeppelin.")
    tell("The geranium stands in the hangar.")
    for what in ("show", "history", "explain"):
        workers.run(f"memory.{what}", id=told)
    workers.run("memory.facts")
    workers.run("memory.list")
    workers.run("memory.forget", ids=[told])
    assert "eppelin" not in everything(workers)
    assert "geranium" in everything(workers)


def test_what_consolidation_reported_of_a_memory_goes_with_it(workers, tell):
    told = tell("My dentist is Dr. Zeppelin.", kind="turn", conversation_id="c")
    workers.run("memory.consolidate", dry_run=True)
    workers.run("memory.consolidate")
    workers.run("memory.forget", ids=[told])
    assert "eppelin" not in everything(workers)


def test_the_history_of_an_older_fact_keeps_nothing_of_the_newer(workers, tell):
    tell("My dentist is Dr. Brandt.", happened_at="2020-01-01")
    newer = tell("My dentist is Dr. Zeppelin.", happened_at="2024-01-01")
    workers.run("memory.forget", ids=[newer])
    assert "eppelin" not in everything(workers)


def test_a_conversations_summary_goes_with_a_turn_it_quotes_and_is_written_anew_without_it(workers):
    items = [
        {
            "text": f"We planned day {day} of the zeppelin trip.",
            "kind": "turn",
            "conversation_id": "c",
            "speaker": "Ann",
        }
        for day in range(10)
    ]
    ids = workers.run("memory.remember", items=items)["result"]["memory_ids"]
    workers.rows("UPDATE memories SET created_at = now() - interval '2 days' RETURNING id")
    workers.run("memory.consolidate")
    (summary,) = workers.rows("SELECT text, provenance FROM memories WHERE kind = 'summary'")
    quoted = summary["provenance"]["derived_from"][0]
    (text,) = [item["text"] for item, one in zip(items, ids, strict=True) if one == quoted]
    result = workers.run("memory.forget", ids=[quoted])["result"]
    assert result["copies"] == 1
    assert text not in everything(workers)
    workers.run("memory.consolidate")
    (again,) = workers.rows("SELECT text FROM memories WHERE kind = 'summary'")
    assert text not in again["text"]


def test_an_answer_that_quoted_it_is_blanked_and_so_are_title_summary_and_stream(services, workers, tell, asked):
    told = tell("The zeppelin hangar key is under the geranium.")
    run = asked(
        "The zeppelin hangar key is under the geranium.",
        "You said: The zeppelin hangar key is under the geranium. Shall I write that down for good?",
        citations=[{"memory_id": told, "text": "The zeppelin hangar key is under the geranium.", "number": 1}],
        provider="ollama",
    )
    workers.run("memory.remember_exchange", run_id=str(run))
    with services.redis() as client:
        client.xadd(stream_key(run), {"k": "token", "c": "x", "t": "under the geranium"})
        workers.run("memory.forget", ids=[told])
        assert not client.exists(stream_key(run))
    assert "geranium" not in everything(workers)
    assert "Shall I write that down" in workers.rows("SELECT answer FROM runs")[0]["answer"]


def test_a_model_s_forget_leaves_as_little_as_the_user_s(services, workers, parts, tell, asked):
    text = "The zeppelin hangar key is under the geranium."
    told = tell(text)
    run = asked("Where is the hangar key?", f"You said: {text}")
    parts.working.admit([(uuid.UUID(told), None, datetime.now(UTC))])
    with services.redis() as client:
        client.xadd(stream_key(run), {"k": "token", "c": "x", "t": "under the geranium"})
        done = workers.run("memory.use_tool", tool="forget", arguments={"memory_id": told, "text": text})
        assert (done["status"], done["result"]["text"]) == ("succeeded", "It is forgotten.")
        assert not client.exists(stream_key(run))
        assert [key for key in client.scan_iter("*") if told.encode() in str(read(client, key)).encode()] == []
    assert "geranium" not in everything(workers)
    assert workers.rows("SELECT 1 FROM commands WHERE name = 'memory.rewrite_log'") != []


def test_a_short_text_is_taken_out_of_citations_too(workers, tell, asked):
    told = tell("Miso")
    asked("Who is the cat?", "I don't know.", citations=[{"memory_id": told, "text": "Miso", "number": 1}])
    workers.run("memory.forget", ids=[told])
    assert "Miso" not in everything(workers)


def test_a_question_that_named_the_text_word_for_word_is_blanked(workers, tell, recall):
    told = tell("The zeppelin hangar key is under the geranium.")
    recall("The zeppelin hangar key is under the geranium.")
    workers.run("memory.forget", ids=[told])
    assert "geranium" not in everything(workers)


def test_a_chunk_met_in_two_files_leaves_both_copies(workers, tmp_path):
    (tmp_path / "a.md").write_text("# One\n\nThe zeppelin  hangar\nkey is under the geranium.\n")
    (tmp_path / "b.txt").write_text("The zeppelin hangar key is under the geranium.\n")
    for name in ("a.md", "b.txt"):
        workers.run("perception.ingest", path=str(tmp_path / name))
    (row,) = workers.rows("SELECT id FROM memories WHERE kind = 'chunk'")
    workers.run("memory.forget", ids=[str(row["id"])])
    assert "geranium" not in everything(workers)


def test_a_forgotten_file_can_be_read_again(workers, tmp_path):
    path = tmp_path / "a.md"
    path.write_text("The zeppelin hangar key is under the geranium.\n")
    workers.run("perception.ingest", path=str(path))
    workers.run("memory.forget", source=str(path))
    assert "geranium" not in everything(workers)
    workers.run("perception.ingest", path=str(path))
    assert [row["text"] for row in workers.rows("SELECT text FROM memories")] == [path.read_text().strip()]


def test_a_short_turn_is_forgotten_alone(workers, tell):
    said = [tell("Fine!", kind="turn", conversation_id="c") for _ in range(2)]
    workers.run("memory.forget", ids=said[:1])
    assert [str(row["id"]) for row in workers.rows("SELECT id FROM memories")] == said[1:]


def test_a_forgotten_text_leaves_the_append_only_file(workers, tell, asked, services):
    told = tell("The zeppelin hangar key is under the geranium.")
    run = asked("Where is the key?", "The zeppelin hangar key is under the geranium.")
    with services.redis() as client:
        client.xadd(stream_key(run), {"k": "token", "c": "x", "t": "under the geranium"})
        wait_until(lambda: "geranium" in append_only_file(services.home), what="the text in the file")
        workers.run("memory.forget", ids=[told])
        workers.run("memory.forget", ids=[tell("Something else entirely.")])
    rows = workers.rows("SELECT status, not_before > now() AS later FROM commands WHERE name = 'memory.rewrite_log'")
    assert rows[0] == {"status": "queued", "later": True}
    assert len(rows) <= 2  # one for each half a minute
    workers.rows("UPDATE commands SET not_before = now() WHERE name = 'memory.rewrite_log' RETURNING id")
    workers.drain()
    wait_until(lambda: "geranium" not in append_only_file(services.home), what="the end of the text in the file")


def append_only_file(home: Path) -> str:
    """All that Valkey's log holds now; a part that is removed meanwhile is read at the next look."""
    found = []
    for file in (home / "data" / "valkey").rglob("*.aof"):
        with contextlib.suppress(FileNotFoundError):
            found.append(file.read_text(errors="replace"))
    return "".join(found)
