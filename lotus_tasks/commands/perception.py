"""What is asked of perception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lotus_tasks.commands.codec import Command, absent
from lotus_tasks.values import CommandId


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of a source. A folder's files are commands of their own; ``more``: the command that takes up the rest.

    ``follow_ups``: the commands that follow from a file; it is in memory when those have ended.
    """

    kind: Literal["file", "folder"]
    source: str
    status: str | None = absent()
    reason: str | None = absent()
    chunks: int | None = absent()
    follow_ups: tuple[CommandId, ...] | None = absent()
    commands: tuple[CommandId, ...] | None = absent()
    more: CommandId | None = absent()  # noqa: RUF009 - a field, as dataclasses.field gives it
    ignored: Mapping[str, int] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest(Command[Ingested]):
    """Read a ``path``, absolute, or ``content`` (Base64) given with its ``source``.

    ``after``: a folder's files behind this one. ``gone``: where nothing is there, what it said is withdrawn. ``link_to``: the
    path is a link, kept as what it leads to.
    """

    verb: ClassVar[str] = "perception.ingest"
    path: str | None = None
    source: str | None = None
    content: str | None = None
    after: str | None = None
    gone: bool = absent(default=False)
    link_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptLine:
    """A source that was read, or was to be."""

    source: str
    kind: str
    status: str
    reason: str | None
    chunks: int
    size_bytes: int | None
    captured_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptList:
    """What was read, the latest first."""

    percepts: tuple[PerceptLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPercepts(Command[PerceptList]):
    """What was read: of one status (indexed, pending, skipped, failed), or all."""

    verb: ClassVar[str] = "perception.list"
    status: str | None = None
    limit: int = 1000
