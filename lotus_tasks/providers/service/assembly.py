"""Puts the pieces of a stream together into one reply."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from lotus_tasks.providers.models import (
    Delta,
    FailureKind,
    ModelRefusal,
    ModelUnavailable,
    NoticeDelta,
    ProviderName,
    RecastDelta,
    StopDelta,
    StopReason,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageDelta,
)
from lotus_tasks.values import join_surrogates, replace_surrogates


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


class Reply:
    """The reply of one call as far as it has come."""

    def __init__(self, provider: ProviderName) -> None:
        self._provider = provider
        self._texts: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._thoughts: list[str] = []
        self._was_call = False
        self.notice = ""
        self.usage: Usage | None = None
        self.stop_reason: StopReason | None = None

    def add(self, delta: Delta) -> str:
        """Take a piece; returns the text in it, for the reader's screen."""
        match delta:
            case TextDelta(text):
                return self._take(text)
            case NoticeDelta(text):
                taken = self._take(text)
                self.notice += taken
                return taken
            case ToolCallDelta():
                call = self._calls.setdefault(delta.index, _Call())
                call.id = call.id or delta.id
                call.name = call.name or delta.name
                call.signature = call.signature or delta.signature
                call.arguments += delta.arguments
            case UsageDelta(usage):
                self.usage = usage
            case StopDelta(reason):
                self.stop_reason = reason
            case ThoughtDelta(text):
                self._thoughts.append(text)
            case RecastDelta():
                self._thoughts += self._texts
                self._texts.clear()
        return ""

    def _take(self, text: str) -> str:
        """The piece as it is kept, shown and counted. A vendor's JSON may name half a character."""
        taken = replace_surrogates(text)
        self._texts.append(taken)
        return taken

    @property
    def spoken(self) -> str:
        """Everything the model said so far, but for its thoughts."""
        return "".join(self._texts)

    @property
    def written(self) -> str:
        """Everything the model wrote so far, thoughts included: what is paid for."""
        return "".join([*self._thoughts, *self._texts])

    @property
    def text(self) -> str:
        """The text so far; none where what was said turned out to be a call."""
        return "" if self._was_call else self.spoken

    def turn_into_call(self) -> None:
        """What was said is a call of a tool, in words."""
        self._was_call = True
        self.stop_reason = StopReason.TOOL_CALLS

    @property
    def has_begun(self) -> bool:
        """Whether the model said or thought anything."""
        return bool(self._texts or self._thoughts or self._calls)

    def finish(self) -> tuple[ToolCall, ...]:
        """The tool calls of a reply that is whole.

        Raises ModelUnavailable: cut (no stop reason came), empty (neither text nor tool calls, be there thoughts or not);
        ModelRefusal: the vendor's content filter left nothing.
        """
        if self.stop_reason is None:
            raise self._broken(FailureKind.CUT, "cut mid-stream", "the stream ended before the model was done")
        calls = _with_own_ids([self._parse(index, call) for index, call in sorted(self._calls.items())])
        if not calls and not self.text.strip():
            if self.stop_reason is StopReason.FILTERED:
                said = f"{self._provider}: its content filter kept it from answering"
                raise ModelRefusal(FailureKind.FILTERED, "stopped by its content filter", said)
            if "".join(self._thoughts).strip():
                raise self._broken(FailureKind.EMPTY, "thoughts without an answer", "it thought, but gave no answer")
            raise self._broken(FailureKind.EMPTY, "empty reply", "the reply was empty")
        return calls

    def _parse(self, index: int, call: _Call) -> ToolCall:
        """The call. Arguments that are no JSON object are the model's fault, not the server's: it is told, and tries again."""
        try:
            arguments = json.loads(join_surrogates(call.arguments) or "{}")
        except (ValueError, RecursionError):
            arguments = None
        well = isinstance(arguments, dict)
        return ToolCall(
            id=call.id or f"call_{index}",
            name=call.name or "unnamed",
            arguments=arguments if well else {},
            signature=call.signature,
            malformed="" if well else call.arguments,
        )

    def _broken(self, kind: FailureKind, summary: str, what: str) -> ModelUnavailable:
        return ModelUnavailable(kind, summary, f"{self._provider}: {what}")


def _with_own_ids(calls: list[ToolCall]) -> tuple[ToolCall, ...]:
    """The calls, each with an id that no other has: an answer to a call names it."""
    taken: set[str] = set()
    own: list[ToolCall] = []
    for number, call in enumerate(calls):
        found = replace(call, id=f"{call.id}_{number}") if call.id in taken else call
        taken.add(found.id)
        own.append(found)
    return tuple(own)
