"""What perception is about: sources, what was read from them, and the chunks they are cut into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lotus_tasks.origins import Origin
from lotus_tasks.values import CommandId, PerceptId

TextKind = Literal["text", "markdown"]

LARGEST_FILE_BYTES = 10_000_000
"""A larger file is no note: 10 MB of text is about four thousand pages."""


MOST_CHUNKS = 4000
"""What one file may cost: up to 880,000 words, more than War and Peace has, and minutes of embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSource:
    """The bytes of a source, as they were at ``read_at``. ``source``: an absolute path, or a URI such as ``stdin:3f2a…``."""

    source: str
    origin: Origin
    content: bytes
    modified_at: datetime | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A source's text: line ends are LF, and there is no NUL in it."""

    source: str
    origin: Origin
    kind: TextKind
    text: str
    content_hash: str
    size_bytes: int
    modified_at: datetime | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A source in which there is nothing to read. ``reason`` is one clause for a person.

    ``withdraws``: its content has changed, so what an older version said no longer holds.
    """

    source: str
    reason: str
    content_hash: str = ""
    size_bytes: int = 0
    modified_at: datetime | None = None
    read_at: datetime
    withdraws: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document: ``heading`` is the path of headings above it ("Boat › Keys"), or empty."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Percept:
    """What is kept of a source. ``settled``: every command that its capture started has succeeded or is still to end."""

    id: PerceptId
    source: str
    status: str
    content_hash: str
    chunker: int
    chunk_count: int
    follow_ups: Sequence[CommandId]
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPage:
    """Some files of a folder in order. ``after``: where the next page begins, None at the end. ``ignored``: count by reason."""

    files: Sequence[str]
    after: str | None
    ignored: dict[str, int]
