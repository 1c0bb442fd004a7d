"""What commands show on terminals of 40, 60 and 80 columns: no word that fits into a row is broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from stack import Lotus
from terminal import ScreenModel, on_terminal

from lotus_tasks.cli.terminal import text_width
from tests.commands import ENDED
from tests.modelserver.handle import ModelServerHandle

PLAIN = (
    "The anchor lies in the forward locker beside the winch handle, and the spare impeller is wrapped in a yellow cloth "
    "underneath it. Straßenbahnhaltestelle 🎉🎉 and https://example.com/a/long/address end it."
)
COMMANDS = [
    ["status"],
    ["doctor"],
    ["memory", "list"],
    ["memory", "stats"],
    ["recall", "anchor"],
    ["perceived"],
    ["runs", "list"],
    ["conversations", "list"],
    ["schedule", "list"],
    ["providers", "list"],
    ["inbox", "show", "nosuch"],
    ["runs", "list", "--status", "nosuch"],
]


HEADS = {
    "name",
    "state",
    "pid",
    "up",
    "restarts",
    "address",
    "detail",
    "waiting",
    "oldest",
    "workers",
    "model",
    "of",
    "is",
}
"""Of the tables of `status`, which has none of them where a table doesn't fit."""


ASKS = [["ask", "--no-stream", "where is the anchor?"], ["ask", "where is the anchor?"]]


def on_rows(lotus: Lotus, commands: list[list[str]], columns: int, file: Path) -> list[str]:
    """The rows that a terminal shows of each command."""
    file.write_text(json.dumps(commands))
    with on_terminal(lotus, str(file), columns=columns, draws=True, program=["-m", "tests.commands"]) as terminal:
        assert terminal.read_to_end(within_s=120) == 0
        sent = re.split(rf"\r?\n{ENDED}\d+\r?\n", terminal.raw)[0::2]
    screens = []
    for raw in sent[: len(commands)]:
        screen = ScreenModel(columns)
        screen.feed(raw)
        screens.append(screen.text)
    return screens


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_no_word_that_fits_into_a_row_is_broken(lotus: Lotus, model: ModelServerHandle, columns: int, tmp_path: Path):
    model.script(reply=PLAIN)
    (tmp_path / "an anchor.md").write_text(f"{PLAIN} {tmp_path.name}\n")
    lotus.run("ingest", str(tmp_path))
    lotus.run("schedule", "add", "every weekday at 8:00", "ask", "what of the anchor?", "--name", f"anchor-{columns}")
    wide = on_rows(lotus, COMMANDS, 2000, tmp_path / "commands.json")
    narrow = on_rows(lotus, COMMANDS, columns, tmp_path / "commands.json")
    for arguments, all_, rows in zip(COMMANDS, wide, narrow, strict=True):
        words = {word for word in all_.split() if text_width(word) <= columns and word.isalpha()} - HEADS
        shown = set(rows.split())
        assert words, arguments
        assert words - shown == set(), (arguments, rows)
    for rows in on_rows(lotus, ASKS, columns, tmp_path / "commands.json"):
        assert {word for word in PLAIN.split() if text_width(word) <= columns} - set(rows.split()) == set(), rows
