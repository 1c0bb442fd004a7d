"""An answer that a model had to break off at its length goes on once. Pure, but for the reader's screen.

The model is shown what it said and told to go on where it stopped. Models like to begin with the last words again, or with the
whole answer: neither reaches the reader twice.
"""

from __future__ import annotations

from dataclasses import replace

from lotus_tasks.origins import USER
from lotus_tasks.providers.models import OFFLINE, Completion, CompletionRequest, Message, Role, StopReason, Usage
from lotus_tasks.providers.service.generations import Generations

GO_ON = "You were cut off. Go on exactly where you stopped: repeat nothing, begin nothing anew, say nothing about it."
LOOKED_AT = 240
"""So many characters of the continuation are held back until it is clear where it goes on."""
LEAST_OVERLAP = 8
"""Fewer equal characters are chance."""
AGAIN = 40
"""A continuation that begins as the answer did, for so many characters, is the answer again."""


def goes_on(completion: Completion, request: CompletionRequest) -> bool:
    """Whether an answer was cut at its model's length, and not at one that the caller set."""
    return (
        completion.stop_reason is StopReason.LENGTH
        and completion.provider != OFFLINE
        and request.max_tokens is None
        and not completion.tool_calls
        and bool(completion.text.strip())
    )


def continuation_of(completion: Completion, request: CompletionRequest) -> CompletionRequest:
    """What the model is asked for the rest; its tools stay named, since what they answered may be in the messages."""
    said = Message(role=Role.ASSISTANT, content=completion.text, origin=completion.origin)
    return replace(request, messages=(*request.messages, said, Message(role=Role.USER, content=GO_ON, origin=USER)))


def joined(first: Completion, rest: Completion) -> Completion:
    """Both as one answer. A continuation that calls a tool is none, and the answer stays cut."""
    if rest.tool_calls:
        return replace(first, usage=_added(first.usage, rest.usage))
    again = begins_again(first.text, rest.text)
    text = rest.text if again else first.text + rest.text[overlap(first.text, rest.text) :]
    return replace(first, text=text, stop_reason=rest.stop_reason, usage=_added(first.usage, rest.usage))


def begins_again(said: str, rest: str) -> bool:
    """Whether the continuation is the answer from its beginning."""
    return len(said) >= AGAIN and rest.lstrip().startswith(said.lstrip()[:AGAIN])


def overlap(said: str, rest: str) -> int:
    """How many characters at the beginning of ``rest`` only repeat the end of ``said``."""
    longest = min(len(said), len(rest), LOOKED_AT)
    return next((n for n in range(longest, LEAST_OVERLAP - 1, -1) if said.endswith(rest[:n])), 0)


class Continuation(Generations):
    """The reader's screen for a continuation of ``said``, which stands there: what comes is shown from where it goes on.

    A continuation that fails is taken back and leaves what was said.
    """

    def __init__(self, screen: Generations, said: str) -> None:
        self._screen = screen
        self._said = said
        self._held = ""
        self._open = False

    def write(self, text: str) -> None:
        """A piece of it, held back until it is clear that it repeats nothing."""
        if self._open:
            self._screen.write(text)
            return
        self._held += text
        if len(self._held) >= LOOKED_AT and not begins_again(self._said, self._held):
            self._release()

    def think(self, text: str) -> None:
        """As on any screen."""
        self._screen.think(text)

    def discard(self) -> None:
        """It failed, or was no answer."""
        self._held = ""
        if self._open:
            self._open = False
            self._screen.discard()
            self._screen.write(self._said)

    def notice(self, text: str) -> None:
        """As on any screen."""
        self._screen.notice(text)

    def finish(self, whole: str) -> None:
        """It is all there, and the answer is ``whole`` now."""
        if whole == self._said:
            self.discard()
            return
        if self._open:
            return
        if begins_again(self._said, self._held):
            self._screen.discard()
            self._screen.write(whole)
        else:
            self._release()

    def _release(self) -> None:
        self._open = True
        self._screen.write(self._held[overlap(self._said, self._held) :])
        self._held = ""


def cut_notice(completion: Completion) -> str | None:
    """One line about an answer that isn't whole; None for one that is."""
    match completion.stop_reason:
        case StopReason.LENGTH:
            return f"{completion.provider}: the answer was cut off at its greatest length"
        case StopReason.FILTERED:
            return f"{completion.provider}: its content filter broke the answer off"
    return None


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        estimated=one.estimated or other.estimated,
    )
