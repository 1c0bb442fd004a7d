"""The small values every room shares: ids and the clock."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import NewType

RunId = NewType("RunId", uuid.UUID)
CommandId = NewType("CommandId", uuid.UUID)
ConversationId = NewType("ConversationId", uuid.UUID)
MemoryId = NewType("MemoryId", uuid.UUID)
PerceptId = NewType("PerceptId", uuid.UUID)

_COMMANDS = uuid.UUID("6d1f4d0e-7c1b-5f6e-9f6a-5b1a2c3d4e5f")
"""Namespace of command ids (RFC 9562, version 5)."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def derive_command_id(key: str) -> CommandId:
    """The command id that belongs to ``key``: the same key always names the same command (RFC 9562, version 5)."""
    return CommandId(uuid.uuid5(_COMMANDS, key))


def join_surrogates(text: str) -> str:
    """``text`` with each pair of surrogates as the one character that it stands for: JSON may name the two apart."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def replace_surrogates(text: str) -> str:
    """``text`` with each lone surrogate replaced by U+FFFD: JSON can name one, but no UTF-8 can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def day_of(moment: datetime) -> str:
    """The local day for a person, such as ``3 May 2026``."""
    local = moment.astimezone()
    return f"{local.day} {local:%b %Y}"


def short(name: object) -> str:
    """The first 8 characters of an id: enough wherever a person names one."""
    return str(name)[:8]


def counted(number: int, noun: str) -> str:
    """As in "1 memory" and "2 memories"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def source_title(source: str, moment: datetime | None, *, speaker: str | None = None) -> str:
    """A memory's source for a person: a conversation is named by what was said when, anything else is itself.

    ``speaker`` "lotus" is LOTUS; anyone else in a conversation with it is the user.
    """
    if not source.startswith("conversation:"):
        return source
    said = "what LOTUS said" if speaker == "lotus" else "what you said"
    if moment is None:
        return said
    local = moment.astimezone()
    year = "" if local.year == utc_now().astimezone().year else f" {local.year}"
    return f"{said} on {local.day} {local:%b}{year}, {local:%H:%M}"
