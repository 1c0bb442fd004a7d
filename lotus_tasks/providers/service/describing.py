"""Tools for models that can't call any: described in the prompt, and called by an answer that is one JSON object.

Strictly that: anything else is the answer, for the user's eyes. A model that half-remembers the form gets no tool run.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from enum import Enum, auto

from lotus_tasks.origins import least_trusted
from lotus_tasks.providers.models import CompletionRequest, Message, Role, Tool, ToolCall

_HOW = """\
You can use tools. To use one, answer with one JSON object and nothing else, no word before or after it:
{"tool": "its name", "arguments": {"name": "value"}}
Its answer comes in the next message; then use another one, or answer in plain words. The tools:"""
_FENCED = re.compile(r"^```(?:json)?\s*\n(.*?)\n?\s*```$", re.DOTALL)
_FENCE = "```"


class Wording(Enum):
    """How a model is told of the tools."""

    CALLS = auto()
    WORDS = auto()
    NONE = auto()


def worded(request: CompletionRequest, wording: Wording) -> CompletionRequest:
    """The request as a model of that wording gets it."""
    match wording:
        case Wording.WORDS:
            return describe_tools(request)
        case Wording.NONE:
            return dataclasses.replace(request, tools=())
        case Wording.CALLS:
            return request


def describe_tools(request: CompletionRequest) -> CompletionRequest:
    """The same request for a model that knows no tools: they, and what they answered, are told in words."""
    told = "\n".join([_HOW, *map(_describe, request.tools)]) if request.tools else ""
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    system = [message for message in request.messages if message.role is Role.SYSTEM]
    rest = [_retell(message, names) for message in request.messages if message.role is not Role.SYSTEM]
    head = Message(
        role=Role.SYSTEM,
        content="\n\n".join(filter(None, (*(one.content for one in system), told))),
        origin=least_trusted([*(one.origin for one in system), *(tool.origin for tool in request.tools)]),
    )
    return dataclasses.replace(request, messages=(head, *rest), tools=())


def read_call(text: str, tools: Sequence[Tool]) -> tuple[ToolCall, ...]:
    """The call that ``text`` is, or none: one object with exactly the keys ``tool`` (a known one) and ``arguments``."""
    bare = text.strip()
    fenced = _FENCED.match(bare)
    try:
        found = json.loads(fenced[1] if fenced else bare)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, dict) or set(found) != {"tool", "arguments"} or not isinstance(found["arguments"], dict):
        return ()
    if found["tool"] not in [tool.name for tool in tools]:
        return ()
    return (ToolCall(id="call_0", name=found["tool"], arguments=found["arguments"]),)


class HeldBack:
    """Keeps from the reader's screen what may turn out to be a call."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._kept = ""
        self._open = False

    def write(self, text: str) -> None:
        """Pass it on, once it is clear that this is no call."""
        self._kept += text
        begun = self._kept.lstrip()
        if self._open or (begun and not begun.startswith("{") and not _FENCE.startswith(begun[: len(_FENCE)])):
            self.release()

    def restart(self) -> None:
        """What came so far was no part of the answer."""
        self._kept = ""
        self._open = False

    def release(self) -> None:
        """It was none: show it."""
        self._open = True
        self._write(self._kept)
        self._kept = ""


def _describe(tool: Tool) -> str:
    schema = json.dumps(dict(tool.parameters), ensure_ascii=False, separators=(",", ":"))
    return f"- {tool.name}: {tool.description}\n  arguments, as a JSON Schema: {schema}"


def _retell(message: Message, names: dict[str, str]) -> Message:
    if message.role is Role.TOOL:
        name = names.get(message.tool_call_id or "", "the tool")
        return Message(role=Role.USER, content=f"{name} answered:\n{message.content}", origin=message.origin)
    if message.tool_calls:
        calls = [json.dumps({"tool": call.name, "arguments": dict(call.arguments)}) for call in message.tool_calls]
        content = "\n".join(filter(None, (message.content, *calls)))
        return dataclasses.replace(message, content=content, tool_calls=())
    return message
