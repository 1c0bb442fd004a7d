"""Tools: what a model may ask LOTUS to do. A module declares functions; their type hints are the schema.

A tool's function takes a :class:`ToolContext` and the arguments by name, and returns a :class:`ToolAnswer`. It runs in its
module's worker as the command ``<module>.use_tool``. It raises Transient or Permanent as any task body does; the model is
told what failed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from lotus_tasks.errors import InvalidInput
from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import USER, Origin, tool_origin
from lotus_tasks.work import CommandSpec, Transaction, Work

MAX_ANSWER_CHARACTERS = 20_000
"""About 5 000 tokens: more of a tool's text than any step needs, less than a small model's context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool's function gets beside its arguments. ``key`` names this very call: the same after a crash."""

    work: Work
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a tool found or did: ``text`` for the model, ``sources`` it came from.

    ``write`` and ``commands`` commit with the tool's success, exactly once; ``after`` runs then, and may be lost. ``origin``:
    whose text this is; None where the tool's declaration says so once for all.
    """

    text: str
    sources: Sequence[str] = ()
    write: Callable[[Transaction], object] | None = None
    after: Callable[[], None] | None = None
    commands: Sequence[CommandSpec] = field(default_factory=tuple)
    origin: Origin | None = None


Function = Callable[..., ToolAnswer]


@dataclass(frozen=True)
class Tool:
    """A declared tool: its function and how it behaves."""

    function: Function
    module: str
    idempotent: bool
    asks: bool
    asks_after_outside_text: bool
    answers_as: Origin
    address_argument: str
    is_offered: Callable[[], bool]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @cached_property
    def card(self) -> ToolCard:
        """The tool as the model sees it; the schema comes from the type hints, the description from the docstring."""
        schema = self._arguments.model_json_schema()
        schema.pop("title", None)
        return ToolCard(
            name=self.name,
            module=self.module,
            description=inspect.getdoc(self.function) or "",
            parameters={**schema, "additionalProperties": False},
            idempotent=self.idempotent,
            asks=self.asks,
            asks_after_outside_text=self.asks_after_outside_text,
            described_by=USER,
            answers_as=self.answers_as,
            address_argument=self.address_argument,
        )

    def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Check the arguments and call the function. Raises InvalidInput naming the argument that is wrong."""
        from pydantic import ValidationError

        try:
            read = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise InvalidInput(f"{self.name}: {faults}") from error
        return shorten(self.function(context, **{name: getattr(read, name) for name in type(read).model_fields}))

    @cached_property
    def _arguments(self) -> Any:
        from typing import get_type_hints

        from pydantic import ConfigDict, create_model

        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {}
        for name, parameter in list(inspect.signature(self.function).parameters.items())[1:]:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[name] = (hints[name], default)
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)


def shorten(answer: ToolAnswer) -> ToolAnswer:
    """The answer, cut where it is too long, and said so."""
    more = len(answer.text) - MAX_ANSWER_CHARACTERS
    if more <= 0:
        return answer
    return replace(answer, text=f"{answer.text[:MAX_ANSWER_CHARACTERS]}\n[cut: {more} characters more]")


class AnyTool(Protocol):
    """A tool, declared or found."""

    @property
    def card(self) -> ToolCard:
        """What reasoning and the model know of it."""

    def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Do it."""


def tool(
    module: str,
    *,
    idempotent: bool = True,
    asks: bool = False,
    asks_after_outside_text: bool = False,
    answers_as: Origin | None = None,
    address_argument: str = "",
    is_offered: Callable[[], bool] = lambda: True,
) -> Callable[[Function], Tool]:
    """Declare a function as a tool of ``module``. ``is_offered``: whether models hear of it, as things are set up now.

    ``answers_as``: the origin of what it answers, and of what it fails with; without it that is text of a tool, others' text.
    ``address_argument``: the argument with the web address that a call carries text to.
    """

    def declare(function: Function) -> Tool:
        return Tool(
            function=function,
            module=module,
            idempotent=idempotent,
            asks=asks,
            asks_after_outside_text=asks_after_outside_text,
            answers_as=tool_origin(function.__name__) if answers_as is None else answers_as,
            address_argument=address_argument,
            is_offered=is_offered,
        )

    return declare
