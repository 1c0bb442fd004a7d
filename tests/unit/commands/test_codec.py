"""Commands and results as JSON, and back."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Literal

import pytest

from lotus_tasks import commands
from lotus_tasks.commands.codec import Command, absent, read, read_command, result_class, write
from lotus_tasks.errors import InvalidInput
from lotus_tasks.values import RunId


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    weight: float = 1.5
    note: str | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    done: bool
    at: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Build(Command[Built]):
    verb: ClassVar[str] = "test.build"
    text: str
    count: int = 3
    colour: Colour = Colour.RED
    way: Literal["slow", "quick"] = "slow"
    run_id: RunId | None = None
    at: datetime | None = None
    parts: tuple[Part, ...] = ()
    shares: Mapping[str, float] | None = None
    more: Mapping[str, object] | None = None
    loud: bool = False


WHOLE = Build(
    text="a",
    count=7,
    colour=Colour.BLUE,
    way="quick",
    run_id=RunId(uuid.UUID(int=5)),
    at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    parts=(Part(name="x", weight=2), Part(name="y", note="n")),
    shares={"a": 0.5},
    more={"anything": [1, {"b": None}]},
    loud=True,
)


def test_what_is_written_is_json_and_reads_back_as_it_was():
    assert read(Build, json.loads(json.dumps(write(WHOLE)))) == WHOLE


def test_a_commands_fields_without_a_value_are_not_written_and_a_results_are():
    assert write(Build(text="a")) == {
        "text": "a", "count": 3, "colour": "red", "way": "slow", "parts": [], "loud": False,
    }  # fmt: skip
    assert write(Built(done=True, at=None)) == {"done": True, "at": None, "reason": None}
    assert read(Built, {"done": True, "at": None}) == Built(done=True, at=None)
    assert write(Part(name="x")) == {"name": "x", "weight": 1.5}


def test_what_is_unknown_missing_or_null_is_no_fault_of_a_stored_row():
    assert read(Build, {"text": "a", "gone": 1, "count": None, "parts": None, "run_id": None}) == Build(text="a")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "the field 'text' is missing: it is text"),
        ({"text": None}, "the field 'text' is missing: it is text"),
        ({"text": {"a": 1}}, "the field 'text' is text, not dict"),
        ({"text": 7}, "the field 'text' is text, not int"),
        ({"count": "many"}, "the field 'count' is a whole number, not str"),
        ({"count": 1.5}, "the field 'count' is a whole number, not float"),
        ({"count": True}, "the field 'count' is a whole number, not bool"),
        ({"colour": "green"}, "the field 'colour' is one of red, blue, not this text"),
        ({"colour": ["red"]}, "the field 'colour' is one of red, blue, not list"),
        ({"way": "fast"}, "the field 'way' is one of slow, quick, not this text"),
        ({"run_id": "r"}, "the field 'run_id' is a UUID, not this text"),
        ({"run_id": 5}, "the field 'run_id' is text, not int"),
        ({"at": "soon"}, "the field 'at' is an ISO 8601 moment, not this text"),
        ({"parts": "abc"}, "the field 'parts' is a list, not str"),
        ({"parts": ["a"]}, "the field 'parts.0' is an object, not str"),
        (
            {"parts": [{"name": "a"}, {"name": "b", "weight": "much"}]},
            "the field 'parts.1.weight' is a number, not str",
        ),
        ({"parts": [{}]}, "the field 'parts.0.name' is missing: it is text"),
        ({"shares": {"a": "b"}}, "the field 'shares.a' is a number, not str"),
        ({"shares": []}, "the field 'shares' is an object, not list"),
        ({"loud": "yes"}, "the field 'loud' is true or false, not str"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_field_and_what_it_should_be(payload, said):
    with pytest.raises(InvalidInput) as refused:
        read(Build, {"text": "a"} | payload if payload else payload)
    assert str(refused.value) == said


def test_what_is_no_object_at_all_is_refused():
    with pytest.raises(InvalidInput, match="what Build is read from is an object, not list"):
        read(Build, [])


def classes() -> list[type]:
    """Every class in the commands' files."""
    files = [
        importlib.import_module(f"{commands.__name__}.{one.name}") for one in pkgutil.iter_modules(commands.__path__)
    ]
    return sorted(
        {
            one
            for file in files
            for _, one in inspect.getmembers(file, dataclasses.is_dataclass)
            if one.__module__.startswith(commands.__name__)
        },
        key=lambda one: (one.__module__, one.__name__),
    )


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_every_class_is_frozen_slotted_and_has_types_that_json_is_known_for(cls):
    assert cls.__dataclass_params__.frozen
    assert "__slots__" in vars(cls)
    with pytest.raises(InvalidInput):
        read(cls, "no object")
    if issubclass(cls, Command):
        assert cls.verb.count(".") <= 1
        assert dataclasses.is_dataclass(result_class(cls))


def test_every_verb_has_one_class():
    verbs = [cls.verb for cls in classes() if issubclass(cls, Command)]
    assert len(verbs) == len(set(verbs))


PLANTED = {
    'Recall(qury="where?")': 'Unexpected keyword argument "qury"',
    "Recall()": 'Missing named argument "query"',
    'Recall(query="where?", k="many")': 'Argument "k" to "Recall" has incompatible type "str"; expected "int"',
    "Remember()": 'Missing named argument "items"',
    'Told(texts="a")': 'Unexpected keyword argument "texts"',
    'ask("", Recall(query="a")).memoriess': '"Recalled" has no attribute "memoriess"',
    'ask("", Forget(ids=("a",))).support': '"Forgotten" has no attribute "support"',
    "Answer(run_id=RunId(uuid4()), approved=True)": 'Missing named argument "steps"',
}


def test_mypy_finds_a_missing_or_misspelt_field(tmp_path):
    planted = tmp_path / "planted.py"
    imports = """
from uuid import uuid4
from lotus_tasks.commands.memory import Forget, Remember, Told
from lotus_tasks.commands.reasoning import Answer
from lotus_tasks.commands.recall import Recall
from lotus_tasks.spine.submission import ask
from lotus_tasks.values import RunId
"""
    planted.write_text(imports + "\n".join(PLANTED) + "\n", encoding="utf-8")
    arguments = ["--strict", "--cache-dir", str(tmp_path / "cache"), "--follow-imports=silent", str(planted)]
    found = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments], capture_output=True, text=True, timeout=200, check=False
    )
    lines = [line for line in found.stdout.splitlines() if ": error: " in line]
    first = imports.count("\n") + 1
    for number, said in enumerate(PLANTED.values(), first):
        assert [line for line in lines if f"planted.py:{number}: " in line and said in line], (
            found.stdout + found.stderr
        )
    assert len(lines) == len(PLANTED), found.stdout


def test_a_command_reads_the_form_that_its_rows_once_had():
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Renamed(Command[Built]):
        verb: ClassVar[str] = "test.renamed"
        names: tuple[str, ...]

        @classmethod
        def upgraded(cls, payload: Mapping[str, object]) -> Mapping[str, object]:
            return payload if "names" in payload else {"names": [payload.get("name")]}

    assert read_command(Renamed, {"name": "a"}).names == ("a",)
