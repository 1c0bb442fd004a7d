"""Reading real files into a real PostgreSQL, and what memory makes of them."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from lotus_tasks.perception.adapters.postgres_percepts import PostgresPercepts
from lotus_tasks.perception.service import intake
from lotus_tasks.work import CommandSpec
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def percepts(workers: Workers) -> dict[str, dict]:
    lines = PostgresPercepts(workers.database).list(status=None, limit=100)
    return {Path(line.source).name: asdict(line) for line in lines}


def chunk_texts(workers: Workers) -> list[str]:
    return [row["text"] for row in workers.rows("SELECT text FROM percept_chunks ORDER BY source, seq")]


def memory_texts(workers: Workers) -> list[str]:
    return [row["text"] for row in workers.rows("SELECT text FROM memories WHERE kind = 'chunk' ORDER BY text")]


def test_a_file_becomes_chunks_and_memories_with_their_heading(workers: Workers, tmp_path: Path):
    (tmp_path / "boat.md").write_text("# Boat\n\n## Keys\n\nBehind the blue door.\n")
    row = workers.run("perception.ingest", path=str(tmp_path / "boat.md"))
    assert row["result"]["status"] == "captured"
    (chunk,) = workers.rows("SELECT source, heading, text, seq FROM percept_chunks")
    assert chunk == {
        "source": str(tmp_path / "boat.md"),
        "heading": "Boat › Keys",
        "text": "Behind the blue door.",
        "seq": 0,
    }
    assert memory_texts(workers) == ["Behind the blue door."]
    assert percepts(workers)["boat.md"]["status"] == "indexed"


def test_a_folder_is_read_whole_over_several_commands(workers: Workers, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(intake, "FILES_A_PAGE", 3)
    for number in range(8):
        (tmp_path / f"{number}.txt").write_text(f"note number {number}")
    workers.run("perception.ingest", path=str(tmp_path))
    assert len(chunk_texts(workers)) == 8
    folders = workers.rows("SELECT 1 FROM commands WHERE result->>'kind' = 'folder'")
    assert len(folders) == 3


def test_unchanged_content_is_left_alone_and_changed_content_replaces_what_it_said(workers: Workers, tmp_path: Path):
    file = tmp_path / "a.md"
    file.write_text("The key is in the drawer.\n\n# Other\n\nThis stays.\n")
    workers.run("perception.ingest", path=str(file))
    assert workers.run("perception.ingest", path=str(file))["result"]["status"] == "unchanged"
    assert len(workers.rows("SELECT 1 FROM events WHERE name = 'percept.captured'")) == 1
    file.write_text("The key is in the box.\n\n# Other\n\nThis stays.\n")
    assert workers.run("perception.ingest", path=str(file))["result"]["status"] == "captured"
    assert memory_texts(workers) == ["The key is in the box.", "This stays."]


def test_an_older_version_stored_late_does_not_bring_back_what_it_said(workers: Workers, tmp_path: Path):
    from lotus_tasks.celery import app

    file = tmp_path / "a.md"
    file.write_text("The key is in the drawer.")
    first = CommandSpec(name="perception.ingest", key="first", payload={"path": str(file)})
    workers.submit(first)
    app.loader.import_default_modules()
    app.tasks["perception.ingest"].run(str(first.id))
    with workers.database.transaction() as conn:
        conn.execute("UPDATE commands SET not_before = now() + interval '1 hour' WHERE name = 'memory.store'")
    file.write_text("The key is in the box.")
    workers.run("perception.ingest", path=str(file))
    with workers.database.transaction() as conn:
        conn.execute("UPDATE commands SET not_before = now() WHERE name = 'memory.store' AND status = 'queued'")
    workers.drain()
    assert memory_texts(workers) == ["The key is in the box."]


def test_a_file_that_became_empty_is_forgotten(workers: Workers, tmp_path: Path):
    file = tmp_path / "a.md"
    file.write_text("The key is in the drawer.")
    workers.run("perception.ingest", path=str(file))
    file.write_text("")
    workers.run("perception.ingest", path=str(file))
    assert memory_texts(workers) == []
    assert (percepts(workers)["a.md"]["status"], percepts(workers)["a.md"]["reason"]) == ("skipped", "it is empty")


def test_a_file_that_is_gone_is_failed_and_its_memories_stay(workers: Workers, tmp_path: Path):
    file = tmp_path / "a.md"
    file.write_text("The key is in the drawer.")
    workers.run("perception.ingest", path=str(file))
    file.unlink()
    result = workers.run("perception.ingest", path=str(file))["result"]
    assert (result["status"], result["reason"]) == ("failed", f"{file} does not exist")
    assert percepts(workers)["a.md"]["status"] == "failed"
    assert memory_texts(workers) == ["The key is in the drawer."]
    file.write_text("The key is in the drawer.")
    workers.run("perception.ingest", path=str(file))
    assert percepts(workers)["a.md"]["status"] == "indexed"


def test_what_was_not_remembered_is_failed_until_it_is_read_again(workers: Workers, tmp_path: Path):
    file = tmp_path / "a.md"
    file.write_text("The key is in the drawer.")
    workers.run("perception.ingest", path=str(file))
    with workers.database.transaction() as conn:
        conn.execute("UPDATE commands SET status = 'failed', error = 'disk full' WHERE name = 'memory.store'")
    assert percepts(workers)["a.md"]["reason"] == "it was read but not remembered: disk full"
    assert [line.source for line in PostgresPercepts(workers.database).list(status="failed", limit=9)] == [str(file)]
    assert workers.run("perception.ingest", path=str(file))["result"]["status"] == "captured"
    assert percepts(workers)["a.md"]["status"] == "indexed"


def test_odd_files_are_skipped_and_the_rest_is_read(workers: Workers, tmp_path: Path):
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "binary.dump").write_bytes(b"\x00\x01\x02")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "broken.txt").write_bytes("Grüße, schöne Bücher ".encode() + b"\xff\xfe" + " für alle".encode())
    (tmp_path / "nul.txt").write_bytes(
        "Das ist ein Satz \x00 mit einer Null in seiner Mitte, weiter nichts.".encode("utf-16")
    )
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(60_000_000)
    workers.run("perception.ingest", path=str(tmp_path))
    states = {name: row["status"] for name, row in percepts(workers).items()}
    assert states == {
        "good.txt": "indexed",
        "broken.txt": "indexed",
        "nul.txt": "indexed",
        "binary.dump": "skipped",
        "empty.txt": "skipped",
        "huge.txt": "skipped",
    }
    assert all(row["reason"] for row in percepts(workers).values() if row["status"] == "skipped")


def test_given_content_is_read(workers: Workers):
    content = base64.b64encode("Grüße".encode()).decode()
    workers.run("perception.ingest", source="stdin:1f", content=content)
    assert chunk_texts(workers) == ["Grüße"]


@pytest.mark.parametrize(
    "payload", [{}, {"path": "relative.md"}, {"path": "/nothing/at\x00all"}, {"path": "http://127.0.0.1:9/"}]
)
def test_a_wrong_order_fails_with_its_reason_at_the_first_attempt(workers: Workers, payload):
    row = workers.run("perception.ingest", **payload)
    assert row["attempt"] == 1
    if row["status"] == "succeeded":  # PostgreSQL can't keep a NUL, so the path names nothing
        assert row["result"]["status"] == "failed"
    else:
        assert row["status"] == "failed"
        assert row["error"]


def test_the_list_is_a_command_and_refuses_a_status_there_is_not(workers: Workers, tmp_path: Path):
    (tmp_path / "a.txt").write_text("a")
    workers.run("perception.ingest", path=str(tmp_path))
    (listed,) = workers.run("perception.list", status="indexed")["result"]["percepts"]
    assert (listed["source"], listed["chunks"]) == (str(tmp_path / "a.txt"), 1)
    refused = workers.run("perception.list", status="lost")
    assert refused["status"] == "failed"
    assert "'lost' is no status" in refused["error"]


def test_a_link_and_what_it_leads_to_are_one_source(workers: Workers, tmp_path: Path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "boat.md").write_text("Behind the blue door.")
    (tmp_path / "link.md").symlink_to(tmp_path / "notes" / "boat.md")
    (tmp_path / "folder").symlink_to(tmp_path / "notes")
    for given in ("link.md", "folder", "notes/boat.md", "folder/boat.md"):
        workers.run("perception.ingest", path=str(tmp_path / given))
    (row,) = workers.rows("SELECT source, chunk_count FROM percepts")
    assert row == {"source": os.path.realpath(tmp_path / "notes" / "boat.md"), "chunk_count": 1}


def test_what_an_older_version_kept_under_a_link_s_name_moves(workers: Workers, tmp_path: Path):
    (tmp_path / "boat.md").write_text("Behind the blue door.")
    workers.run("perception.ingest", path=str(tmp_path / "boat.md"))
    old = str(tmp_path / "old.md")
    workers.rows("UPDATE percepts SET source = %s RETURNING id", old)
    (tmp_path / "old.md").symlink_to(tmp_path / "boat.md")
    workers.run("perception.ingest", path=old)
    rows = workers.rows("SELECT source, chunk_count FROM percepts ORDER BY chunk_count")
    assert [(row["source"], row["chunk_count"]) for row in rows] == [(old, 0), (str(tmp_path / "boat.md"), 1)]
    assert memory_texts(workers) == ["Behind the blue door."]


def test_what_an_older_version_kept_below_a_linked_folder_moves(workers: Workers, tmp_path: Path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "boat.md").write_text("Behind the blue door.")
    workers.run("perception.ingest", path=str(tmp_path / "notes"))
    old = str(tmp_path / "old" / "boat.md")
    workers.rows("UPDATE percepts SET source = %s RETURNING id", old)
    (tmp_path / "old").symlink_to(tmp_path / "notes")
    workers.run("perception.ingest", path=str(tmp_path / "old"))
    rows = workers.rows("SELECT source, chunk_count FROM percepts ORDER BY chunk_count")
    assert [(row["source"], row["chunk_count"]) for row in rows] == [(old, 0), (str(tmp_path / "notes" / "boat.md"), 1)]
    assert memory_texts(workers) == ["Behind the blue door."]


def test_what_is_gone_from_a_folder_is_withdrawn_when_the_folder_is_read_again(workers: Workers, tmp_path: Path):
    for name in ("kept.md", "gone.md", "sub/gone too.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"what {name} says")
    outside = tmp_path.with_name(f"{tmp_path.name}-beside.md")
    outside.write_text("what is beside says")
    workers.run("perception.ingest", path=str(outside))
    workers.run("perception.ingest", path=str(tmp_path))
    outside.unlink()
    (tmp_path / "gone.md").unlink()
    (tmp_path / "sub" / "gone too.md").unlink()
    (tmp_path / "sub").rmdir()
    workers.run("perception.ingest", path=str(tmp_path))
    assert memory_texts(workers) == ["what is beside says", "what kept.md says"]
    assert percepts(workers)["gone.md"]["status"] == "skipped"
    assert "gone" in percepts(workers)["gone.md"]["reason"]
    (tmp_path / "gone.md").write_text("what gone.md says")
    workers.run("perception.ingest", path=str(tmp_path))
    assert "what gone.md says" in memory_texts(workers)


@pytest.mark.parametrize("folder", [".", "disk"])
def test_an_empty_folder_withdraws_nothing_for_a_disk_may_not_be_mounted(workers: Workers, tmp_path: Path, folder: str):
    (tmp_path / "disk" / "sub").mkdir(parents=True)
    (tmp_path / "beside.md").write_text("What is beside.")
    (tmp_path / "disk" / "a.md").write_text("Behind the blue door.")
    (tmp_path / "disk" / "sub" / "b.md").write_text("Under the mat.")
    everything = ["Behind the blue door.", "Under the mat.", "What is beside."]
    workers.run("perception.ingest", path=str(tmp_path))
    assert memory_texts(workers) == everything
    (tmp_path / "disk" / "a.md").unlink()
    (tmp_path / "disk" / "sub" / "b.md").unlink()
    (tmp_path / "disk" / "sub").rmdir()
    (tmp_path / "disk" / ".hidden").touch()
    workers.run("perception.ingest", path=str(tmp_path / folder))
    assert memory_texts(workers) == everything


def test_what_one_file_costs_is_bounded_and_said(workers: Workers, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(intake, "MOST_CHUNKS", 3)
    text = "\n\n".join(f"{number} " + "ab " * 200 for number in range(10))
    (tmp_path / "big.txt").write_text(text)
    row = workers.run("perception.ingest", path=str(tmp_path / "big.txt"))
    assert row["result"]["chunks"] == 3
    assert "3 of 10 pieces" in row["result"]["reason"]
    assert "3 of 10 pieces" in percepts(workers)["big.txt"]["reason"]
    assert percepts(workers)["big.txt"]["status"] == "indexed"
    assert len(memory_texts(workers)) == 3


def test_a_file_whose_name_has_a_line_break_is_one_source(workers: Workers, tmp_path: Path):
    name = "a\n2 files read\x1b[2J.md"
    (tmp_path / name).write_text("Behind the blue door.")
    workers.run("perception.ingest", path=str(tmp_path))
    assert [row["source"] for row in workers.rows("SELECT source FROM percepts")] == [str(tmp_path / name)]
    assert workers.run("perception.list")["result"]["percepts"][0]["source"] == str(tmp_path / name)


def test_a_reading_that_was_cancelled_is_not_gone_on_with(workers: Workers, tmp_path: Path):
    from click.testing import CliRunner

    from lotus_tasks.cli.perception import ingest

    for number in range(5):
        (tmp_path / f"{number}.md").write_text(f"note number {number}")
    spec = CommandSpec(name="perception.ingest", key="a folder", payload={"path": str(tmp_path)})
    workers.submit(spec)
    done = CliRunner().invoke(ingest, ["--cancel"], standalone_mode=False)
    assert done.output == "1 step of reading cancelled\n"
    workers.drain()
    assert workers.rows("SELECT status FROM commands WHERE id = %s", spec.id) == [{"status": "cancelled"}]
    assert chunk_texts(workers) == []
    assert CliRunner().invoke(ingest, ["--cancel"], standalone_mode=False).output == "nothing is being read\n"
    workers.run("perception.ingest", path=str(tmp_path))
    assert len(memory_texts(workers)) == 5


def test_a_storing_that_was_cancelled_on_its_way_keeps_nothing(workers: Workers, tmp_path: Path, monkeypatch):
    from lotus_tasks.memory.tasks import storing
    from lotus_tasks.spine import queries

    (tmp_path / "a.md").write_text("Behind the blue door.")
    really = storing.entries

    def cancelled_meanwhile(drafts):
        workers.rows(queries.load("perception").cancel_readings)
        return really(drafts)

    with monkeypatch.context() as patch:
        patch.setattr(storing, "entries", cancelled_meanwhile)
        workers.run("perception.ingest", path=str(tmp_path / "a.md"))
    assert memory_texts(workers) == []
    assert percepts(workers)["a.md"]["status"] == "failed"
    assert workers.run("perception.ingest", path=str(tmp_path / "a.md"))["result"]["status"] == "captured"
    assert memory_texts(workers) == ["Behind the blue door."]
