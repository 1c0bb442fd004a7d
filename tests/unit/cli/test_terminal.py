"""What text becomes where it meets a terminal: it drives nothing, and its lines end between words."""

from __future__ import annotations

import io
import json
import sys

import click
import psycopg
import pytest
from click.testing import CliRunner
from prompt_toolkit.data_structures import Size

from lotus_tasks.cli import _explain, cli, command_tree
from lotus_tasks.cli.command_tree import commands_of
from lotus_tasks.cli.documents import json_text
from lotus_tasks.cli.terminal import TerminalText, guard_terminals, one_line, printable, say_row, text_width, wrap
from lotus_tasks.errors import Permanent

HOSTILE = "a\x1b]52;c;aGk=\x07b\x9b2Jc\x1b]0;title\x07d\u202eevil\u202c\u2066x\u2069\re\x7f"
OBEYED = [chr(n) for n in range(0xA0) if chr(n) not in "\n\t" and not 0x20 <= n < 0x7F] + list(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def encoding(self) -> str:
        return "utf-8"


def stdout_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> FakeTerminal:
    """In the test itself: pytest puts a stream of its own there after the fixtures."""
    monkeypatch.setenv("COLUMNS", "40")
    fake = FakeTerminal()
    monkeypatch.setattr(sys, "stdout", fake)
    guard_terminals()
    return fake


@pytest.mark.parametrize("character", OBEYED, ids=ascii)
def test_no_character_that_a_terminal_obeys_is_printable(character: str):
    assert printable(f"a{character}b") == "ab"


@pytest.mark.parametrize("text", ["Grüße, 世界", "שלום\u200f", "👩‍👩‍👧", "e\u0301", "a\tb\nc", "soft\u00adhyphen"])
def test_text_of_any_language_stays_as_it_is(text: str):
    assert printable(text) == text


def test_whatever_is_written_to_a_terminal_is_filtered(monkeypatch: pytest.MonkeyPatch):
    terminal = stdout_is_a_terminal(monkeypatch)
    click.echo(HOSTILE)
    print(HOSTILE)
    sys.stdout.write(HOSTILE)
    assert not any(character in terminal.getvalue() for character in OBEYED)


def test_a_pipe_gets_the_text_unharmed(monkeypatch: pytest.MonkeyPatch):
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    guard_terminals()
    click.echo(HOSTILE)
    assert pipe.getvalue() == f"{HOSTILE}\n"


def test_json_escapes_what_a_terminal_obeys_and_reads_back_as_it_was():
    text = json_text({HOSTILE: [HOSTILE, "\u2028", "\ud83d"]})
    assert not any(character in text for character in OBEYED)
    assert json.loads(text) == {HOSTILE: [HOSTILE, "\u2028", "\ud83d"]}


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("short", ["short"]),
        ("one two three four five", ["one two", "three four", "five"]),
        ("· one two three four", ["· one two", "  three", "  four"]),
        ("[1] one two three", ["[1] one two", "    three"]),
        ("  deep one two three", ["  deep one", "  two three"]),
        ("a verylongwordthatfitsnowhere b", ["a", "verylongwordthatfitsnowhere b"]),
        ("鍵は青い扉の後ろ", ["鍵は青い扉", "の後ろ"]),
        ("", [""]),
    ],
)
def test_a_line_ends_between_words(line: str, rows: list[str]):
    assert wrap(line, 11).split("\n") == rows


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_word_that_fits_into_a_row_is_whole_wherever_it_stands(columns: int):
    words = ["a", "source", "conversation:" + "0" * (columns - 20), "x" * columns, "鍵", "🎉" * (columns // 4), "end"]
    for hang in range(columns):
        rows = wrap(" ".join(words), columns, hang=hang).split("\n")
        assert " ".join(" ".join(rows).split()) == " ".join(words)
        assert all(text_width(row) <= columns for row in rows)
        assert set(words) <= {word for row in rows for word in row.split()}


def test_a_terminal_gets_wrapped_lines_and_a_prompt_stays_open(monkeypatch: pytest.MonkeyPatch):
    terminal = stdout_is_a_terminal(monkeypatch)
    click.echo("· LOTUS waits for your yes to write_file: `manage.py runs approve`")
    sys.stdout.write("a prompt that has no end yet and is longer than the row ")
    rows = terminal.getvalue().split("\n")
    assert rows[:2] == ["· LOTUS waits for your yes to", "  write_file: `manage.py runs approve`"]
    assert rows[-1].endswith("row ")


def test_a_row_is_one_line_whatever_is_in_a_name(monkeypatch: pytest.MonkeyPatch):
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    say_row("indexed", "two\nlines\r\u2028.md", "")
    assert pipe.getvalue() == "indexed  two\\nlines\\r\\u2028.md\n"


def test_a_rows_last_cell_goes_on_below_itself(monkeypatch: pytest.MonkeyPatch):
    terminal = stdout_is_a_terminal(monkeypatch)
    say_row("8d951b78", "L4", "a text that is longer than the rest of the row")
    first, second, *_ = terminal.getvalue().split("\n")
    assert first.startswith("8d951b78  L4  a text that")
    assert second.startswith(" " * 14 + second.strip()[0])


def test_line_ends_are_written_out():
    assert one_line("a\nb\x85c") == "a\\nb\\x85c"


def test_a_guarded_terminal_is_guarded_once(monkeypatch: pytest.MonkeyPatch):
    terminal = stdout_is_a_terminal(monkeypatch)
    guard_terminals()
    assert isinstance(sys.stdout, TerminalText)
    assert sys.stdout.stream is terminal


def test_what_is_typed_at_the_prompt_is_shown_by_the_same_rule(monkeypatch: pytest.MonkeyPatch):
    from lotus_tasks.cli.chat_prompt import _PromptOutput

    out = stdout_is_a_terminal(monkeypatch)
    prompt = _PromptOutput(out, lambda: Size(rows=24, columns=80))
    prompt.write(HOSTILE)
    prompt.write("\r\n")
    prompt.flush()
    assert out.getvalue() == printable(HOSTILE) + "\r\n"


@pytest.mark.parametrize("error", [Permanent(HOSTILE), ZeroDivisionError(HOSTILE), click.UsageError(HOSTILE)])
def test_an_error_is_shown_by_the_same_rule_and_piped_as_it_is(monkeypatch: pytest.MonkeyPatch, error: Exception):
    pipe, terminal = io.StringIO(), FakeTerminal()
    monkeypatch.setenv("LOTUS_HOME", "/nonexistent")
    for stream in (pipe, terminal):
        monkeypatch.setattr(sys, "stderr", stream)
        guard_terminals()
        assert _explain(error) in {1, 2}
    assert "\x1b]52;c;aGk=\x07b\x9b2Jc" in pipe.getvalue()
    assert "aGk=" in terminal.getvalue()
    assert not any(character in terminal.getvalue() for character in OBEYED)


@pytest.mark.parametrize("columns", [40, 50, 60, 80])
def test_every_help_page_fits_its_terminal(columns: int):
    """But for an option's choices, which are one word, and what `completion` shows to be copied."""
    paths = ["", *(path for path, _ in commands_of(command_tree.read()) if path != "completion")]
    for path in paths:
        page = CliRunner().invoke(cli, [*path.split(), "--help"], env={"COLUMNS": str(columns)}).output
        assert "Usage: manage.py" in page, path
        longer = [line for line in page.splitlines() if text_width(line) > columns]
        assert all(line.endswith("]") and " " not in line[line.index("[") :] for line in longer), (path, longer)


def test_a_row_of_one_cell_goes_on_below_its_text(monkeypatch: pytest.MonkeyPatch):
    terminal = stdout_is_a_terminal(monkeypatch)
    say_row("    what you said on 26 Nov, 16:42 · L1 · 1de99a31")
    assert terminal.getvalue().splitlines() == ["    what you said on 26 Nov, 16:42 · L1", "    · 1de99a31"]


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.DataCorrupted('invalid page in block 0 of relation "base/16384/16385"'),
        psycopg.errors.UndefinedFile('could not open file "base/16384/16385": No such file or directory'),
    ],
    ids=["an overwritten page", "a missing file"],
)
def test_what_a_running_postgresql_finds_damaged_is_told_with_what_to_restore(error, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LOTUS_HOME", str(tmp_path))
    assert _explain(error) == 1
    said = capsys.readouterr().err
    assert said.startswith("lotus: PostgreSQL: its data folder")
    assert "is damaged" in said
    assert "restore your newest dump" in said
