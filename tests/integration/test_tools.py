"""The tools that the modules declare, as their workers run them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stack import Services

from lotus_tasks import bootstrap
from lotus_tasks.origins import MODEL, OUTSIDE, OWN_FILE, tool_origin
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services: Services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def use(workers: Workers, module: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """The command's row, ended."""
    return workers.run(f"{module}.use_tool", tool=tool, arguments=arguments)


def answer(workers: Workers, module: str, tool: str, **arguments: Any) -> str:
    row = use(workers, module, tool, **arguments)
    assert row["status"] == "succeeded", row["error"]
    return row["result"]["text"]


def refusal(workers: Workers, module: str, tool: str, **arguments: Any) -> str:
    row = use(workers, module, tool, **arguments)
    assert row["status"] == "failed", row["result"]
    return row["error"]


def test_the_tools_there_are_and_how_careful_they_are(services: Services):
    cards = {name: one.card for name, one in bootstrap.tools().items()}
    assert sorted(cards) == [
        "calculate", "fetch_url", "forget", "list_files", "now", "read_file", "recall", "remember", "run_python",
        "search_files", "write_file",
    ]  # fmt: skip
    assert {name for name, card in cards.items() if card.asks} == {"forget", "run_python", "write_file"}
    assert {name for name, card in cards.items() if card.asks_after_outside_text} == {"remember"}
    assert {name: card.address_argument for name, card in cards.items() if card.address_argument} == {"fetch_url": "url"}
    assert [name for name, card in cards.items() if card.sends_to or card.server] == []
    files = ("list_files", "read_file", "search_files")
    others = {"fetch_url": OUTSIDE, "recall": tool_origin("recall"), **dict.fromkeys(files, OWN_FILE)}
    assert {name: card.answers_as for name, card in cards.items() if card.answers_as != MODEL} == others
    assert {name for name, card in cards.items() if not card.idempotent} == {"run_python"}
    assert all(card.description for card in cards.values())


@pytest.fixture
def notes(workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the tools may touch."""
    folder = tmp_path / "notes"
    folder.mkdir()
    monkeypatch.setitem(bootstrap.runtime().settings, "LOTUS_TOOL_FOLDERS", [str(folder)])
    return folder


def test_a_long_file_is_read_in_pieces_by_line(workers: Workers, notes: Path):
    (notes / "log.txt").write_text("".join(f"line {number} {'x' * 90}\n" for number in range(1, 401)))
    first = answer(workers, "perception", "read_file", path="log.txt")
    assert first.startswith("line 1 ")
    more = int(first.rsplit("first_line=", 1)[1].rstrip("]"))
    assert f"line {more - 1} " in first
    assert answer(workers, "perception", "read_file", path="log.txt", first_line=more).startswith(f"line {more} ")
    assert "402" not in refusal(workers, "perception", "read_file", path="log.txt", first_line=9999)


def test_files_are_searched_and_listed(workers: Workers, notes: Path):
    (notes / "sub").mkdir()
    (notes / "sub" / "boat.md").write_text("The Blue Door\nnothing\n")
    (notes / "other.txt").write_text("a blue door, too")
    (notes / ".hidden").write_text("blue door")
    (notes / "picture.png").write_bytes(b"\x89PNG blue door")
    found = answer(workers, "perception", "search_files", text="blue door").splitlines()
    assert found == [f"{notes}/other.txt:1: a blue door, too", f"{notes}/sub/boat.md:1: The Blue Door"]
    assert answer(workers, "perception", "search_files", text="blue", names="*.md").count("\n") == 0
    listed = answer(workers, "perception", "list_files").splitlines()
    assert [line.split("  ")[0] for line in listed] == ["other.txt", "picture.png", "sub/"]


@pytest.mark.parametrize("name", ["read_file", "list_files", "search_files"])
def test_without_an_allowed_folder_nothing_is_read(workers: Workers, name: str):
    arguments = {"read_file": {"path": "/etc/passwd"}, "list_files": {}, "search_files": {"text": "root"}}[name]
    assert "LOTUS_TOOL_FOLDERS" in refusal(workers, "perception", name, **arguments)


def test_models_hear_of_file_tools_only_where_a_folder_is_allowed(
    workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = {"read_file", "list_files", "search_files", "write_file"}
    assert {card.name for card in bootstrap.tool_cards()} & files == set()
    monkeypatch.setitem(bootstrap.runtime().settings, "LOTUS_TOOL_FOLDERS", [str(tmp_path)])
    assert {card.name for card in bootstrap.tool_cards()} >= files


def test_a_tool_keeps_finds_and_forgets_a_memory(workers: Workers):
    text = "The orchard gate opens with 2468 turns."
    answer(workers, "memory", "remember", text=text, kind="fact")
    found = answer(workers, "memory", "recall", query="orchard gate")
    assert text in found
    memory_id = found[1:].split(",")[0]
    assert "reads otherwise" in refusal(workers, "memory", "forget", memory_id=memory_id, text="Something else.")
    answer(workers, "memory", "forget", memory_id=memory_id, text=text)
    assert answer(workers, "memory", "recall", query="orchard gate") == "Nothing was found."


def test_a_secret_is_not_remembered_and_stays_in_no_row(workers: Workers):
    secret = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    refusal(workers, "memory", "remember", text=f"The token is {secret}")
    assert workers.rows("SELECT 1 FROM commands AS t WHERE t::text LIKE %s", f"%{secret}%") == []


def test_a_tool_that_is_not_there_is_refused(workers: Workers):
    assert "there is no tool nosuch" in refusal(workers, "reasoning", "nosuch")
