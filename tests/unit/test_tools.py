"""Tools declared by functions: schema, checked arguments, bounded answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Literal

import pytest
from pydantic import Field

from lotus_tasks.errors import InvalidInput
from lotus_tasks.origins import OUTSIDE
from lotus_tasks.tools import MAX_ANSWER_CHARACTERS, ToolAnswer, ToolContext, tool

CONTEXT = ToolContext(work=SimpleNamespace(), key="k")


@tool("perception", idempotent=False, asks=True, answers_as=OUTSIDE)
def look(
    context: ToolContext,
    path: Annotated[str, Field(description="where")],
    count: Annotated[int, Field(ge=1, le=9)] = 3,
    kind: Literal["note", "fact"] = "note",
) -> ToolAnswer:
    """Look there."""
    return ToolAnswer(text=f"{context.key} {path} {count} {kind}", sources=[path])


def test_the_type_hints_are_the_schema_and_the_docstring_the_description():
    card = look.card
    assert (card.name, card.module, card.description) == ("look", "perception", "Look there.")
    assert card.parameters["required"] == ["path"]
    assert card.parameters["properties"]["path"] == {"title": "Path", "type": "string", "description": "where"}
    assert card.parameters["properties"]["count"]["maximum"] == 9
    assert card.parameters["properties"]["kind"]["enum"] == ["note", "fact"]
    assert card.parameters["additionalProperties"] is False
    assert (card.idempotent, card.asks, card.asks_after_outside_text, card.answers_as) == (
        False,
        True,
        False,
        OUTSIDE,
    )


def test_the_function_gets_checked_arguments_and_its_defaults():
    assert look.run(CONTEXT, {"path": "a", "count": 2}).text == "k a 2 note"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "path: Field required"),
        ({"path": "a", "count": 10}, "count: Input should be less than or equal to 9"),
        ({"path": "a", "kind": "secret"}, "kind: Input should be 'note' or 'fact'"),
        ({"path": "a", "user": "root"}, "user: Extra inputs are not permitted"),
        ({"path": ["a"]}, "path: Input should be a valid string"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_runs(arguments, fault):
    with pytest.raises(InvalidInput) as caught:
        look.run(CONTEXT, arguments)
    assert str(caught.value) == f"look: {fault}"


def test_a_long_answer_is_cut_and_says_how_much_is_missing():
    @tool("perception")
    def shout(_context: ToolContext) -> ToolAnswer:
        """Shout."""
        return ToolAnswer(text="x" * (MAX_ANSWER_CHARACTERS + 7), sources=["s"], origin=OUTSIDE)

    answer = shout.run(CONTEXT, {})
    assert answer.text.endswith("[cut: 7 characters more]")
    assert (answer.sources, answer.origin) == (["s"], OUTSIDE)
