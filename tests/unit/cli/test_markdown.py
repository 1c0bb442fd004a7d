"""What Markdown looks like on a terminal while it comes, and when it is whole."""

from __future__ import annotations

import io
import os
import re

import pytest
from terminal import ScreenModel

from lotus_tasks.cli import markdown as markdown_module
from lotus_tasks.cli import screen as screen_module
from lotus_tasks.cli.markdown import MarkdownScreen

COLUMNS, LINES = 40, 12


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (markdown_module, screen_module):
        monkeypatch.setattr(module.shutil, "get_terminal_size", lambda: os.terminal_size((COLUMNS, LINES)))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def screen() -> MarkdownScreen:
    return MarkdownScreen(out=io.StringIO(), live=True)


def sent(screen: MarkdownScreen) -> str:
    return screen.out.getvalue()  # type: ignore[attr-defined]


def shown(screen: MarkdownScreen) -> list[str]:
    model = ScreenModel(COLUMNS)
    model.feed(sent(screen).replace("\n", "\r\n"))
    return model.text.splitlines()


def stream(screen: MarkdownScreen, text: str) -> None:
    for piece in re.findall(r"\s*\S+|\s+$", text):
        screen.write(piece)
        screen.flush()


def test_plain_text_is_appended_and_nothing_is_taken_back():
    one = screen()
    stream(
        one, "The key hangs there. [1]\nSee ~/notes, snake_case and a|b as 3 * 4.".replace("*", "x").replace("|", "/")
    )
    one.finish(one.shown)
    assert "\x1b" not in sent(one)
    assert shown(one)[0] == "The key hangs there. [1]"


def test_a_streamed_text_looks_as_the_whole_text_does():
    text = (
        "# Title\n\nSome **bold** words that are longer than a row of it, and `code`.\nA second line.\n\n"
        "1. one\n2. two\n   - deeper\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('x')\n```\n\nThe end.\n"
    )
    streamed, whole = screen(), screen()
    stream(streamed, text)
    streamed.finish(text)
    whole.finish(text)
    assert shown(streamed) == shown(whole)
    assert "A second line." in shown(whole)
    assert not any("**" in row or "```" in row for row in shown(whole))


def test_complete_blocks_are_not_written_again():
    one = screen()
    stream(one, "**First** block.\n\nSecond one is\n\n- third\n- fourth\n")
    assert sent(one).count("First") == 2  # as it came, and rendered once its asterisks were seen
    assert sent(one).count("Second") == 1


def test_a_block_higher_than_the_screen_is_whole_at_the_end():
    one = screen()
    text = "**List**\n\n" + "\n".join(f"- item {n} of it" for n in range(40))
    stream(one, text)
    one.finish(text)
    rows = shown(one)
    assert [rows.count(f" • item {n} of it") for n in range(40)] == [1] * 40


def test_a_restarted_text_takes_the_place_of_the_rendered_one():
    one = screen()
    stream(one, "**Wrong** answer\n\n- with a list")
    one.restart()
    stream(one, "Right answer")
    one.finish("Right answer")
    assert shown(one) == ["Right answer"]


def test_a_notice_stands_above_the_rendered_text():
    one = screen()
    stream(one, "**Bold** text")
    with one.stand_aside():
        one.out.write("· a notice\n")
    stream(one, " goes on")
    one.finish("**Bold** text goes on")
    assert shown(one) == ["· a notice", "Bold text goes on"]


def test_what_follows_a_broken_off_rendering_stands_on_a_line_of_its_own():
    one = screen()
    stream(one, "**Bold** text")
    one.break_off()
    one.out.write("run cancelled\n")
    assert shown(one) == ["Bold text", "run cancelled"]


def test_markdown_can_not_drive_the_terminal_nor_hide_where_a_link_leads():
    one = screen()
    text = "**x** \x1b[2J\x1b]8;;http://evil\x07 [bank](http://evil.example) <b>tag</b>"
    stream(one, text)
    one.finish(text)
    letters = "".join(shown(one))
    assert "\x1b]" not in sent(one)
    assert "\x1b[2J" not in sent(one)
    assert "http://evil.example" in letters
    assert "<b>tag</b>" in letters
