"""`events emit` publishes what is declared, and says what it should have been otherwise."""

from __future__ import annotations

import uuid

import pytest

from lotus_tasks.cli.events import make_event
from lotus_tasks.errors import InvalidInput
from lotus_tasks.events import MemoryStored, PerceptCaptured

ID = "00000000-0000-0000-0000-000000000007"


def test_fields_become_what_the_event_declares():
    assert make_event("memory.stored", ("source=a=b", "count=3")) == MemoryStored(source="a=b", count=3)
    assert make_event("percept.captured", (f"percept_id={ID}", "source=/x")) == PerceptCaptured(
        percept_id=uuid.UUID(ID), source="/x"
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("memory.vanished", (), "nobody declares an event 'memory.vanished'"),
        ("memory.stored", (), "has the fields source=… count=…"),
        ("memory.stored", ("source=x", "count=1", "more=1"), "has the fields"),
        ("memory.stored", ("source", "count=1"), "has the fields"),
        ("memory.stored", ("source=x", "count=many"), "count=many: this is no whole number"),
        ("percept.captured", ("percept_id=7", "source=x"), "percept_id=7: this is no id"),
    ],
)
def test_anything_else_is_refused_with_the_reason(name, fields, reason):
    with pytest.raises(InvalidInput, match=reason):
        make_event(name, fields)
