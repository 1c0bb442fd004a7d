"""Text that no UTF-8 can hold, on its way into PostgreSQL and Redis."""

from __future__ import annotations

import uuid

from lotus_tasks.spine.database import strip_nul
from lotus_tasks.spine.streams import TokenWriter
from lotus_tasks.values import CommandId, RunId


class Wire:
    """Encodes what it is given, as Redis's client does."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def xadd(self, _key: str, fields: dict[str, str], **_options: object) -> None:
        self.texts.append(fields["t"].encode().decode())


def test_what_postgresql_refuses_is_replaced_wherever_it_stands():
    assert strip_nul({"a\ud83d": ["b\x00", {"c": "\udc00\U0001f600"}]}) == {
        "a\ufffd": ["b\ufffd", {"c": "\ufffd\U0001f600"}]
    }


def test_a_token_stream_takes_any_text():
    wire = Wire()
    writer = TokenWriter(wire, RunId(uuid.uuid4()), command_id=CommandId(uuid.uuid4()), fence=1)  # type: ignore[arg-type]
    writer.write("hello \ud83d world")
    writer.notice("\udfff")
    assert wire.texts == ["hello \ufffd world", "\ufffd"]
