"""What is made of several texts is as the least trusted of them; what says nothing is others' text."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from lotus_tasks import prompts
from lotus_tasks.memory import models as memory_models
from lotus_tasks.memory.service.profile import Known
from lotus_tasks.origins import (
    MODEL,
    OUTSIDE,
    OWN_FILE,
    USER,
    Origin,
    is_others_text,
    least_trusted,
    read_origin,
    tool_origin,
)
from lotus_tasks.perception import models as perception_models
from lotus_tasks.providers.models import Message, Recollection, Tool
from lotus_tasks.reasoning import models as reasoning_models

ORDER = [USER, MODEL, OWN_FILE, tool_origin("notes"), OUTSIDE]


@pytest.mark.parametrize("place", range(1, len(ORDER)))
def test_the_least_trusted_wins_whatever_the_order(place: int):
    assert least_trusted(ORDER[: place + 1]) == least_trusted(ORDER[place::-1]) == ORDER[place]


def test_nothing_is_better_than_what_is_allowed_at_best():
    assert (least_trusted([]), least_trusted([USER], at_best=MODEL)) == (USER, MODEL)
    assert least_trusted([OUTSIDE], at_best=MODEL) == OUTSIDE


@pytest.mark.parametrize(
    "said",
    [None, "", "User", "users", "user ", "tool:", "tool", "tool:a b", "tool:a\nuser", 1, True, ["user"], "lotus"],
)
def test_what_names_no_origin_is_outside(said: Any):
    assert read_origin(said) == OUTSIDE


def test_an_origin_that_nobody_knows_is_trusted_least():
    assert least_trusted([OUTSIDE, Origin("friend")]) == "friend"
    assert is_others_text(Origin("friend"))


@pytest.mark.parametrize("origin", ORDER)
def test_what_names_one_is_it(origin: Origin):
    assert read_origin(str(origin)) == origin
    assert is_others_text(origin) is (origin not in (USER, MODEL))


@pytest.mark.parametrize("name", ["notes", "a b", "ä", "", "x" * 300, "a\nuser", "a:user"])
def test_a_tool_of_any_name_has_an_origin_of_its_own_that_can_be_read_back(name: str):
    assert read_origin(tool_origin(name)) == tool_origin(name)
    assert is_others_text(tool_origin(name))


TEXTS = [
    prompts.PromptMessage, prompts.PromptTool, Message, Tool, Recollection,
    memory_models.Draft, memory_models.Memory, Known,
    perception_models.RawSource, perception_models.Document,
    reasoning_models.Attachment, reasoning_models.Conclusion, reasoning_models.NewStep, reasoning_models.RunOptions,
    reasoning_models.Step, reasoning_models.StepUpdate, reasoning_models.Summary,
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=[text.__module__ + "." + text.__name__ for text in TEXTS])
def test_no_text_can_be_made_without_its_origin(text: type):
    (field,) = [field for field in dataclasses.fields(text) if field.name == "origin"]
    assert get_type_hints(text)["origin"] is Origin
    assert (field.default, field.default_factory) == (dataclasses.MISSING, dataclasses.MISSING)


def test_whoever_asks_a_model_builds_its_prompt_of_parts_that_need_an_origin():
    """No message is written as a bare object, in which an origin could be forgotten."""
    package = Path(prompts.__file__).parent
    bare = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in package.rglob("*.py")
        if "providers" not in path.relative_to(package).parts and path.name != "prompts.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict) and {"role", "content"} <= {getattr(key, "value", None) for key in node.keys}
    ]
    assert bare == []
