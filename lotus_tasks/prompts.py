"""What a model is asked with. Each part says where its text comes from: none can be made without.

These are the parts of a ``providers.complete`` payload. Whoever asks a model builds them, so that the type checker finds a text
that was forgotten; providers read a part without an origin as others' text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lotus_tasks.origins import Origin, least_trusted, read_origin


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMessage:
    """A chat message. ``origin``: the least trusted of all that stands in it, its tool calls included."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    origin: Origin
    tool_calls: Sequence[Mapping[str, Any]] = ()
    tool_call_id: str | None = None

    @property
    def payload(self) -> dict[str, Any]:
        """The message as JSON."""
        message: dict[str, Any] = {"role": self.role, "content": self.content, "origin": self.origin}
        if self.tool_calls:
            message["tool_calls"] = [dict(call) for call in self.tool_calls]
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTool:
    """A tool as the model is told of it. ``origin``: who wrote its name, description and schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    origin: Origin

    @property
    def payload(self) -> dict[str, Any]:
        """The tool as JSON."""
        described = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {**described, "origin": self.origin}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """All that a model is shown. ``memories``: as memory.recall gives them, each with its ``origin``."""

    messages: Sequence[PromptMessage]
    memories: Sequence[Mapping[str, Any]] = ()
    tools: Sequence[PromptTool] = ()

    @property
    def origin(self) -> Origin:
        """The least trusted thing in it."""
        return least_trusted(
            [
                *(message.origin for message in self.messages),
                *(read_origin(memory.get("origin")) for memory in self.memories),
                *(tool.origin for tool in self.tools),
            ]
        )

    @property
    def payload(self) -> dict[str, Any]:
        """Its fields of a ``providers.complete`` payload."""
        return {
            "messages": [message.payload for message in self.messages],
            "memories": list(self.memories),
            "tools": [tool.payload for tool in self.tools],
        }
