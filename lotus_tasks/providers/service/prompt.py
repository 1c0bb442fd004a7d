"""Composes the prompt for a context size: what memory and history bring is cut by worth, never blindly."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lotus_tasks.origins import OUTSIDE, Origin, least_trusted
from lotus_tasks.providers.models import CompletionRequest, FailureKind, Message, ModelRefusal, Recollection, Role, Tool
from lotus_tasks.providers.service.toolfit import fitting
from lotus_tasks.values import day_of, source_title

REPLY_TOKENS = 1024
"""Kept free for the reply where the request names no max_tokens."""

LEAST_ANSWER_TOKENS = 128
"""What is left of a tool's answer at least."""

_CUT = "\n[the rest was cut to fit the model]"

_MESSAGE_TOKENS = 4
"""What the markers around one message cost, about."""

_PREAMBLE = (
    "What memory holds about this, most relevant first. Quote it where it answers, with its number in brackets like [1]; "
    "if it doesn't answer, say so."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """``messages`` and ``tools`` ready to send; ``offered`` are the memories in it, ``left_out_…`` is what didn't fit.

    ``reply_tokens``: what the model has room to answer with; None where the request doesn't bound it.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    left_out_tools: tuple[Tool, ...]
    reply_tokens: int | None
    offered: tuple[Recollection, ...]
    left_out_memories: int
    left_out_turns: int
    tokens: int

    @property
    def origin(self) -> Origin:
        """The least trusted thing in it."""
        return least_trusted([*(one.origin for one in self.messages), *(one.origin for one in self.tools)])


def estimate_tokens(text: str) -> int:
    """About how many tokens ``text`` is, rather too many than too few.

    English runs at about 4 characters a token (OpenAI's rule of thumb), code and markup near 3; other scripts at up to one
    token a character. No tokenizer is asked, since every model has its own.
    """
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain * 10 // 32) + (len(text) - plain)


def compose(request: CompletionRequest, *, context_tokens: int) -> Prompt:
    """The prompt for a model that holds ``context_tokens``.

    System prompt and question (its message and what follows it) always go in; of what tools answered, the longest is cut where it
    must be. Then come the tools, or those that fit the question; they leave a quarter of the room to what else is waiting. Then
    memories by score and earlier turns from the latest back share what is left, memories first, up to two thirds of it while
    turns are waiting. Raises ModelRefusal when what must go in doesn't fit.
    """
    system, history, live = _parts(request)
    reply = min(request.max_tokens or REPLY_TOKENS, context_tokens // (2 if request.max_tokens else 4))
    called = {call.name for message in live for call in message.tool_calls}
    kept = sum(_tool_cost(tool) for tool in request.tools if tool.name in called)
    for_live = context_tokens - reply - _cost(system)
    # The answers of tools give way to the tools that were called, as far as half of the room.
    live = _shorten_answers(live, for_live - min(kept, max(for_live, 0) // 2))
    room = for_live - _cost(live)
    if room < 0:
        raise _too_long(system, live, reply, context_tokens)
    history_cost = sum(map(_message_cost, history))
    waiting = history_cost + sum(estimate_tokens(_render(memory)) + 1 for memory in request.memories)
    tools = fitting(
        request.tools, request.question, room=room - min(waiting, room // 4), cost=_tool_cost, called=called
    )
    tool_cost = sum(map(_tool_cost, tools))
    room -= tool_cost
    for_memories = room - min(history_cost, room // 3)
    offered, memory_cost = _best_memories(request.memories, for_memories)
    turns = _latest_turns(history, room - memory_cost)
    messages = (*_with_memories(system, offered), *turns, *live)
    return Prompt(
        messages=messages,
        tools=tools,
        left_out_tools=tuple(tool for tool in request.tools if tool not in tools),
        reply_tokens=request.max_tokens and min(request.max_tokens, reply + max(0, room - memory_cost - _cost(turns))),
        offered=offered,
        left_out_memories=len(request.memories) - len(offered),
        left_out_turns=len(history) - len(turns),
        tokens=_cost(messages) + tool_cost,
    )


def _too_long(system: tuple[Message, ...], live: tuple[Message, ...], reply: int, context_tokens: int) -> ModelRefusal:
    """What must go in is more than the model holds: of that, what is the most is named."""
    whose = "question" if _cost(live) > _cost(system) else "system prompt"
    advice = "shorten the question or choose" if whose == "question" else "choose"
    return ModelRefusal(
        FailureKind.CONTEXT_EXCEEDED,
        f"{whose} too long for the model",
        f"the question and the system prompt are about {_cost(system) + _cost(live)} tokens, which with {reply} kept for the "
        f"reply is more than the model's {context_tokens}; {advice} a model with more context (`--model`)",
    )


def _parts(request: CompletionRequest) -> tuple[tuple[Message, ...], tuple[Message, ...], tuple[Message, ...]]:
    system = tuple(message for message in request.messages if message.role is Role.SYSTEM)
    turns = [message for message in request.messages if message.role is not Role.SYSTEM]
    asked = [index for index, message in enumerate(turns) if message.role is Role.USER]
    # What follows the question may hold a word to the model that a user's message carries.
    itself = [index for index in asked if turns[index].content.startswith(request.question)]
    last_user = max(itself or asked, default=None)
    if last_user is None:
        # Nobody said whose words a question without a message is.
        return system, tuple(turns), (Message(role=Role.USER, content=request.question, origin=OUTSIDE),)
    return system, tuple(turns[:last_user]), tuple(turns[last_user:])


def _shorten_answers(live: tuple[Message, ...], room: int) -> tuple[Message, ...]:
    """Tools' answers cut so that all of ``live`` fits ``room``, the longest first, none below what is worth reading."""
    answers = [message for message in live if message.role is Role.TOOL]
    over = _cost(live) - room
    if over <= 0 or not answers:
        return live
    sizes = sorted((_message_cost(message) for message in answers), reverse=True)
    most = sizes[0]
    while most > LEAST_ANSWER_TOKENS and sum(max(0, size - most) for size in sizes) < over:
        most = max(LEAST_ANSWER_TOKENS, most * 9 // 10)
    return tuple(_cut(message, most) if message.role is Role.TOOL else message for message in live)


def _cut(message: Message, most_tokens: int) -> Message:
    content = message.content
    if _message_cost(message) <= most_tokens:
        return message
    while content and _MESSAGE_TOKENS + estimate_tokens(content) + estimate_tokens(_CUT) > most_tokens:
        content = content[: len(content) * 9 // 10]
    return dataclasses.replace(message, content=f"{content}{_CUT}")


def _best_memories(memories: Sequence[Recollection], room: int) -> tuple[tuple[Recollection, ...], int]:
    spent = estimate_tokens(_PREAMBLE) + _MESSAGE_TOKENS
    chosen: list[Recollection] = []
    for memory in sorted(memories, key=lambda memory: (-memory.score, memory.number)):
        cost = estimate_tokens(_render(memory)) + 1
        if spent + cost <= room:
            chosen.append(memory)
            spent += cost
    if not chosen:
        return (), 0
    return tuple(sorted(chosen, key=lambda memory: memory.number)), spent


def _latest_turns(history: Sequence[Message], room: int) -> tuple[Message, ...]:
    kept: list[Message] = []
    for message in reversed(history):
        room -= _message_cost(message)
        if room < 0:
            break
        kept.append(message)
    # A tool's result without the call it answers is refused by every vendor, and a reply without its question misleads.
    while kept and kept[-1].role is not Role.USER:
        kept.pop()
    return tuple(reversed(kept))


def _with_memories(system: tuple[Message, ...], memories: Sequence[Recollection]) -> tuple[Message, ...]:
    parts = [message.content for message in system]
    if memories:
        parts.append("\n".join([_PREAMBLE, *map(_render, memories)]))
    if not parts:
        return ()
    # One system message: several vendors take only one.
    origin = least_trusted([*(message.origin for message in system), *(memory.origin for memory in memories)])
    return (Message(role=Role.SYSTEM, content="\n\n".join(parts), origin=origin),)


def _render(memory: Recollection) -> str:
    happened = datetime.fromisoformat(memory.happened_at) if memory.happened_at else None
    if memory.source.startswith("conversation:"):
        # The model speaks with the user: "what you said" would be its own words.
        told = source_title(memory.source, happened).replace("what you said", "what the user said")
    else:
        told = memory.source + (f", {memory.happened_at}" if memory.happened_at else "")
    ended = f"; no longer holds since {day_of(memory.valid_to)}" if memory.valid_to else ""
    return f"[{memory.number}] ({told}{ended}) {memory.text}"


def _cost(messages: Sequence[Message]) -> int:
    return sum(map(_message_cost, messages))


def _message_cost(message: Message) -> int:
    calls = sum(estimate_tokens(call.name) + estimate_tokens(str(dict(call.arguments))) for call in message.tool_calls)
    # 1 000 tokens an image: between OpenAI's 85 (low detail) and Anthropic's ~1 600 (1.15 megapixels).
    return _MESSAGE_TOKENS + estimate_tokens(message.content) + calls + 1000 * len(message.images)


def _tool_cost(tool: Tool) -> int:
    return estimate_tokens(repr(tool))
