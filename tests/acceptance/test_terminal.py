"""`ask` on a terminal: the text appears as it comes, is never there twice, and Ctrl-C ends it."""

from __future__ import annotations

import re
import time

import pytest
from stack import Lotus
from terminal import on_terminal

from tests.modelserver.handle import ModelServerHandle

REPLY = "one two three four five six seven eight nine ten"


def test_text_appears_before_the_model_has_ended(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.4)
    with on_terminal(lotus, "ask", "count to ten") as terminal:
        terminal.read_until("one two three")
        assert model.calls[0]["finished_at"] is None
        assert terminal.read_to_end() == 0
        lines = terminal.screen.text.splitlines()
    assert lines[0] == REPLY
    assert lines[1].startswith("openai ")
    assert "\x1b" not in terminal.raw


@pytest.mark.parametrize("columns", [80, 17, 5])
def test_a_text_that_begins_again_is_on_the_screen_once(lotus: Lotus, model: ModelServerHandle, columns: int):
    model.script(reply=REPLY, token_delay_s=0.1)
    model.fault("cut", after_tokens=5)
    with on_terminal(lotus, "ask", "count to ten", columns=columns) as terminal:
        terminal.read_until("four five")
        assert terminal.read_to_end() == 0
        shown = terminal.screen.letters
    assert shown.startswith(REPLY.replace(" ", ""))
    assert shown.count("three") == 1
    assert "\x1b[" in terminal.raw
    assert len(model.calls) == 2


def test_the_text_of_a_killed_worker_is_replaced(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.3)
    with on_terminal(lotus, "ask", "count to ten", columns=17) as terminal:
        terminal.read_until("three")
        lotus.kill("worker-providers")
        model.script(token_delay_s=0.0)
        assert terminal.read_to_end() == 0
        shown = terminal.screen.letters
    assert shown.startswith(REPLY.replace(" ", ""))
    assert shown.count("three") == 1


def test_wide_characters_are_taken_back_whole(lotus: Lotus, model: ModelServerHandle):
    reply = "鍵は青い扉の後ろに 掛かっています 三つ 目の 鈎です"
    model.script(reply=reply, token_delay_s=0.1)
    model.fault("cut", after_tokens=3)
    with on_terminal(lotus, "ask", "どこ?", columns=11) as terminal:
        terminal.read_until("三つ")
        assert terminal.read_to_end() == 0
        shown = terminal.screen.letters
    assert shown.startswith(reply.replace(" ", ""))
    assert shown.count("鍵") == 1


def test_markdown_is_rendered_as_it_comes_and_stands_there_once(lotus: Lotus, model: ModelServerHandle):
    model.script(
        reply="# Where\n\nBehind the **blue** door:\n\n- hook one\n- hook two\n\nThat is all.", token_delay_s=0.1
    )
    model.fault("cut", after_tokens=6)
    with on_terminal(lotus, "ask", "where is the key?", columns=40) as terminal:
        terminal.read_until("Behind the blue")
        assert model.calls[-1]["finished_at"] is None
        assert terminal.read_to_end() == 0
        shown = terminal.screen.text.splitlines()
    assert shown[:8] == ["Where", "", "Behind the blue door:", "", " • hook one", " • hook two", "", "That is all."]
    assert "\x1b[1mblue" in terminal.raw
    assert len(model.calls) == 2


def test_a_long_markdown_answer_leaves_every_row_once(lotus: Lotus, model: ModelServerHandle):
    rows = [f"- item number {n} of the list" for n in range(30)]
    model.script(reply="**List**\n\n" + "\n".join(rows), token_delay_s=0.005)
    with on_terminal(lotus, "ask", "list it", columns=60, lines=10) as terminal:
        assert terminal.read_to_end() == 0
        shown = terminal.screen.text
    assert [shown.count(f"number {n} of") for n in range(30)] == [1] * 30


def test_a_model_can_not_drive_the_terminal(lotus: Lotus, model: ModelServerHandle):
    model.script(reply="safe \x1b[2J\x1b]0;title\x07 and sound")
    with on_terminal(lotus, "ask", "clear the screen") as terminal:
        assert terminal.read_to_end() == 0
        assert terminal.screen.text.splitlines()[0] == "safe [2J]0;title and sound"


def test_no_stream_shows_the_answer_when_it_is_whole(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.1)
    model.fault("cut", after_tokens=5)
    with on_terminal(lotus, "ask", "--no-stream", "count to ten") as terminal:
        assert terminal.read_to_end() == 0
        assert "\x1b" not in terminal.raw
        assert terminal.screen.text.count("three") == 1


def test_follow_shows_a_run_from_its_beginning(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.3)
    run_id = lotus.run("ask", "count to ten", "--detach").stdout.strip()
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"] >= 4, within_s=15)
    with on_terminal(lotus, "runs", "follow", run_id) as terminal:
        terminal.read_until("one two three four")
        assert model.calls[0]["finished_at"] is None
        assert terminal.read_to_end() == 0
        assert terminal.screen.text.splitlines()[0] == REPLY


def test_ctrl_c_leaves_the_text_and_cancels_the_run(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.5)
    with on_terminal(lotus, "ask", "count to ten", columns=200) as terminal:
        terminal.read_until("one two")
        pressed_at = time.time()
        terminal.press(b"\x03")
        assert terminal.read_to_end() == 130
        text = terminal.screen.text
    call = model.wait_for(lambda calls: calls[0]["disconnected_at"], within_s=5)[0]
    assert call["disconnected_at"] - pressed_at < 2.0
    assert text.startswith("one two")
    assert "run cancelled" in text.splitlines()[-1]
    assert "Traceback" not in text
    run_id = re.search(r"retry ([0-9a-f-]+)", text)[1]
    with on_terminal(lotus, "runs", "retry", run_id) as terminal:
        model.script(token_delay_s=0.1)
        assert terminal.read_to_end() == 0
        shown = terminal.screen.text
    assert shown.splitlines()[0] == REPLY
    assert shown.count("one two") == 1


def test_a_timeout_leaves_the_text_and_says_so_on_a_line_of_its_own(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.6)
    with on_terminal(lotus, "ask", "count to ten", "--timeout", "2", columns=200) as terminal:
        assert terminal.read_to_end() == 4
        first, last = terminal.screen.text.splitlines()
    assert REPLY.startswith(first)
    assert last.startswith("lotus: no answer within 2 s")
