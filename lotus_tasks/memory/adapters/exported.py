"""What a line of an export may hold. Anything else is refused before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lotus_tasks.errors import InvalidInput
from lotus_tasks.memory.models import Draft, Kind
from lotus_tasks.memory.service.writing import MAX_CHARS, moment
from lotus_tasks.origins import OUTSIDE, read_origin
from lotus_tasks.values import MemoryId

_MOST_INT: Final = 2_147_483_647


def _moment(value: object) -> object:
    try:
        return moment(value, "it") if isinstance(value, str) else value
    except InvalidInput as error:
        raise ValueError(str(error)) from error


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Place = Annotated[int, Field(ge=0, le=_MOST_INT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ExportedSource(_Part):
    """A place where the memory was met."""

    source: str
    seq: Place = 0
    percept_id: UUID | None = None
    wording: str | None = None
    met_at: Moment


class ExportedFact(_Part):
    """A fact that it states."""

    id: UUID
    subject: str
    predicate: str
    value: str
    subject_key: str
    predicate_key: str
    value_key: str
    single: bool
    told_by: str = "rules"
    origin: str = OUTSIDE
    valid_from: Moment
    valid_to: Moment | None = None
    closed_by: UUID | None = None
    created_at: Moment


class ExportedChange(_Part):
    """What happened to it."""

    action: str
    reason: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    command_id: UUID | None = None
    created_at: Moment


class ExportedMemory(_Part):
    """A line."""

    memory_id: UUID
    text: Annotated[str, Field(max_length=MAX_CHARS, pattern=r"\S")]
    kind: Kind
    source: str = "user"
    origin: str = OUTSIDE
    tier: Annotated[str, Field(pattern="^L[1-4]$")] = "L3"
    importance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    provenance: dict[str, Any] = Field(default_factory=dict)
    thread: str | None = None
    segment: str | None = None
    position: Place = 0
    speaker: str | None = None
    happened_at: Moment | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    created_at: Moment | None = None
    examined: bool = False
    sources: tuple[ExportedSource, ...] = ()
    facts: tuple[ExportedFact, ...] = ()
    changes: tuple[ExportedChange, ...] = ()

    @property
    def draft(self) -> Draft:
        """The memory itself."""
        return Draft(
            text=self.text,
            key=f"import/{self.memory_id}",
            given_id=MemoryId(self.memory_id),
            kind=self.kind,
            importance=self.importance,
            source=self.source,
            origin=read_origin(self.origin),
            provenance=self.provenance,
            thread=self.thread,
            segment=self.segment,
            position=self.position,
            speaker=self.speaker,
            happened_at=self.happened_at,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            told_at=self.created_at,
        )

    def rows(self, parts: Sequence[_Part]) -> list[dict[str, Any]]:
        """Its places, facts or changes as JSON rows."""
        return [{**part.model_dump(mode="json"), "memory_id": str(self.memory_id)} for part in parts]


def read_exported(one: Mapping[str, object], name: str) -> ExportedMemory:
    """The memory of a line. Raises InvalidInput naming the line, the field and what is wrong with it."""
    try:
        return ExportedMemory.model_validate(one)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise InvalidInput(f"{name} is no exported memory: {where}: {fault['msg']}") from None
