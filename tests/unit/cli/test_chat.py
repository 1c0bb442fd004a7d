"""The lines of a chat, and what completes them."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from lotus_tasks.cli.chat import Chat, describe_commands, lines_of_stdin
from lotus_tasks.cli.chat_prompt import HISTORY_FILE, CommandCompleter, lines_at_prompt
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.runtime import Runtime


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def talk(tmp_path: Path) -> Chat:
    places = dict.fromkeys(("redis_url", "broker_url", "chroma_url", "gateway_url", "flower_url"), "")
    nowhere = f"postgresql:///lotus?host={tmp_path}"
    return Chat(
        runtime=Runtime(home=tmp_path, database_url=nowhere, supervisor_socket=tmp_path / "supervisor.sock", **places)
    )


def typed(keys: str, home: Path) -> list[str]:
    """What the prompt gives for these keys."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return list(lines_at_prompt(home, describe_commands(), lambda _name: {}))


def completed(text: str) -> list[str]:
    completer = CommandCompleter(describe_commands(), {"provider": {"offline": "", "openai": ""}}.get)
    return [one.text for one in completer.get_completions(Document(text), CompleteEvent())]


def test_lines_of_a_pipe_join_where_one_ends_with_a_backslash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", Stdin("one\r\ntwo\\\nthree\nlast ✓\\".encode()))
    assert list(lines_of_stdin()) == ["one", "two\nthree", "last ✓"]


def test_bytes_that_are_no_text_do_not_end_the_chat(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"\xff\nnext\n"))
    assert list(lines_of_stdin()) == ["\ufffd", "next"]


def test_enter_sends_and_ctrl_d_leaves(tmp_path: Path):
    assert typed("one\rtwo\r\x04", tmp_path) == ["one", "two"]


def test_alt_enter_and_a_trailing_backslash_begin_a_new_line(tmp_path: Path):
    assert typed("one\x1b\rtwo\\\rthree\r\x04", tmp_path) == ["one\ntwo\nthree"]


def test_ctrl_c_empties_the_line(tmp_path: Path):
    assert typed("wrong\x03right\r\x04", tmp_path) == ["right"]


def test_history_is_kept_for_its_owner_only(tmp_path: Path):
    typed("one\r\x04", tmp_path)
    file = tmp_path / HISTORY_FILE
    assert "+one" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_commands_and_what_follows_them_are_completed():
    assert completed("/re") == ["remember", "recall"]
    assert completed("/provider o") == ["offline", "openai"]
    assert completed("/provider of") == ["offline"]
    assert completed("where is /re") == []


def test_provider_model_and_new_change_what_is_asked(talk: Chat):
    assert talk.take("/provider offline")
    assert talk.take("/model small")
    assert (talk.provider, talk.model) == ("offline", "small")
    assert talk.take("/provider")
    assert talk.provider is None


def test_a_model_that_no_provider_had_at_the_last_look_is_told_at_once(talk: Chat, monkeypatch, capsys):
    seen = [{"name": "ollama", "detail": "", "models": ["llama3.2:latest", "qwen3"]}]
    monkeypatch.setattr(Chat, "_providers", lambda _: seen)
    for name in ("qwen3", "llama3.2", "nosuch", ""):
        assert talk.take(f"/model {name}")
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "asks qwen3",
        "asks llama3.2",
        "asks nosuch, which no provider had at the last look; /model alone goes back",
        "asks the model of the provider",
    ]


def test_a_file_waits_for_the_next_question(talk: Chat, tmp_path: Path):
    (tmp_path / "a note.txt").write_text("hello")
    talk.take(f"/file '{tmp_path / 'a note.txt'}'")
    assert [file.text for file in talk.attachments] == ["hello"]


def test_quit_ends_and_an_empty_line_does_not(talk: Chat):
    assert talk.take("")
    assert not talk.take("/quit")


@pytest.mark.parametrize("line", ["/fly", "/remember", "/open", "/file"])
def test_a_command_that_can_not_be_is_refused(talk: Chat, line: str):
    with pytest.raises(InvalidInput):
        talk.take(line)


def test_without_a_database_nothing_is_offered(talk: Chat):
    assert talk.choices("open") == {}


def test_the_menu_of_completions_offers_no_text_that_drives_the_terminal():
    hostile = "a title \x1b]0;owned\x07\u202e\x9b2J\nsecond"
    completer = CommandCompleter({"open": ""}, lambda _name: {"8d951b78": hostile, "model\x1b[2J": "x"})
    (offered,) = completer.get_completions(Document("/open "), CompleteEvent())
    assert offered.text == "8d951b78"
    assert offered.display_meta_text == "a title ]0;owned2J\\nsecond"
