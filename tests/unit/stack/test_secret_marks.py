"""A changed secret is seen without being kept."""

from __future__ import annotations

from lotus_tasks.settings import Settings
from lotus_tasks.stack.secret_marks import changed_secrets, mark_secrets


def test_a_new_and_a_removed_key_are_seen_and_an_unchanged_one_is_not() -> None:
    before = Settings(openai_api_key="sk-1", gemini_api_key="g-1")
    marks = mark_secrets(before)
    assert changed_secrets(marks, before) == []
    now = Settings(openai_api_key="sk-1", anthropic_api_key="a-1")
    assert changed_secrets(marks, now) == ["ANTHROPIC_API_KEY", "GEMINI_API_KEY"]


def test_two_starts_with_one_key_mark_it_differently() -> None:
    settings = Settings(openai_api_key="sk-1")
    assert mark_secrets(settings)["OPENAI_API_KEY"] != mark_secrets(settings)["OPENAI_API_KEY"]


def test_a_start_that_marked_nothing_has_nothing_changed() -> None:
    assert changed_secrets({}, Settings(openai_api_key="sk-1")) == []
