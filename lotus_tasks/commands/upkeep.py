"""What keeps memory in order, and carries it from one LOTUS to another: the index, consolidation, export and import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lotus_tasks.commands.codec import Command, absent


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRewritten:
    """Whether Redis's log is being written anew, and why not."""

    rewritten: bool
    reason: str | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteLog(Command[LogRewritten]):
    """Let Redis write its append-only file anew."""

    verb: ClassVar[str] = "memory.rewrite_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """How many memories were ``embedded``, written to Chroma and removed there; or who does it instead (``left_to``)."""

    embedded: int | None = absent()
    indexed: int | None = absent()
    removed: int | None = absent()
    left_to: str | None = absent()
    degraded: tuple[str, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Command[Indexed]):
    """Bring the vector index up to date."""

    verb: ClassVar[str] = "memory.index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """How many memories wait for their vector now, and the words of how many were read anew."""

    waiting: int
    reread: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindex(Command[Reindexed]):
    """Write every vector anew; with ``words``, index the words anew as well."""

    verb: ClassVar[str] = "memory.reindex"
    words: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAnswers:
    """What came of the models' answers: facts ``read``, statements ``dropped``, texts ``retold``, …; and questions asked anew.

    ``profile``: whether the profile was made anew by rules.
    """

    read: int | None = absent()
    dropped: int | None = absent()
    outdated: int | None = absent()
    not_taken: int | None = absent()
    retold: int | None = absent()
    profile_told: int | None = absent()
    unanswered: int | None = absent()
    asked: int | None = absent()
    profile: int | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeAnswers(Command[TakenAnswers]):
    """Keep what models have answered to consolidation's questions."""

    verb: ClassVar[str] = "memory.take_answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A change of a consolidation."""

    action: str
    reason: str
    memory_id: str | None = absent()
    into: str | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidated(TakenAnswers):
    """What a round did. Of a dry run: what it would do, and how many memories a model would be given (``to_read``)."""

    examined: int = 0
    degraded: tuple[str, ...] = ()
    planned: tuple[PlannedChange, ...] = ()
    moved: int = 0
    remaining: int = 0
    merged: int | None = absent()
    facts: int | None = absent()
    closed: int | None = absent()
    summaries: int | None = absent()
    refused: int | None = absent()
    dry_run: bool | None = absent()
    to_read: int | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidate(Command[Consolidated]):
    """One round of keeping memory in order; with ``dry_run``, only say what would be done."""

    verb: ClassVar[str] = "memory.consolidate"
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage:
    """Memories as `memory export` writes them; none after the last. ``last_no``: where the next page begins."""

    memories: tuple[Mapping[str, object], ...] = ()
    last_no: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Export(Command[ExportPage]):
    """The memories after number ``after_no``, some hundreds."""

    verb: ClassVar[str] = "memory.export"
    after_no: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many memories were ``new``; the others were ``known`` by id or words and stay as they are."""

    new: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Command[Imported]):
    """Write ``memories`` that an export gave. ``lines``: the numbers of their lines, for what can't be read."""

    verb: ClassVar[str] = "memory.import"
    memories: tuple[Mapping[str, object], ...]
    lines: tuple[int, ...] = ()
    insist: bool = False
