"""What the user is asked before a tool runs, and what they have said yes to for good.

A tool asks where it may change something, where what its server says of it is no longer what the user knows, and, once the run
has read others' or private text, where its call would carry text to a destination that they haven't said yes to for good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lotus_tasks.destinations import UNNAMED, host_of
from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import MODEL, USER, Origin, is_others_text, tool_origin
from lotus_tasks.reasoning.models import Pin, Run, Trust
from lotus_tasks.reasoning.service.summarising import clip

_SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a call meets. ``reasons``: why the user is asked, one clause each; none where it runs at once.

    ``destination``: where it may carry text, and nowhere else; "" where nothing binds it. ``lasting``: whether their yes can be
    for that destination for good: it isn't where the tool may change something, too.
    """

    reasons: Sequence[str] = ()
    destination: str = ""
    lasting: bool = False


def gate(run: Run, card: ToolCard, arguments: Mapping[str, Any], origin: Origin) -> Gate:
    """What this call meets. ``origin``: the least trusted thing that the run's model has seen."""
    others, private = is_others_text(origin), has_private_text(run)
    reasons: list[str] = []
    if card.change:
        reasons.append(f"what its server says of it has changed: {card.change}")
    if card.asks:
        reasons.append("it may change something")
    elif card.asks_after_outside_text and others:
        reasons.append("text that others may have written was read")
    destination = _destination(card, arguments)
    if not destination or not (others or private) or _is_the_users_own(run, card, arguments):
        return Gate(reasons=reasons)
    lasting = not reasons and destination != UNNAMED
    if destination not in run.trust.destinations or not lasting:
        read = " and ".join(["text that others may have written"] * others + ["private text"] * private)
        reasons.append(f"it can carry text out, after {read} was read")
    return Gate(reasons=reasons, destination=destination, lasting=lasting)


def has_private_text(run: Run) -> bool:
    """Whether the model has seen more than what was typed just now: memories, files, earlier turns, tools' answers."""
    return (
        bool(run.history or run.summary or run.options.attachments)
        or any(step.kind == "recall" and step.result.get("memories") for step in run.steps)
        or any(step.kind == "act" and step.command_id is not None and step.origin != MODEL for step in run.steps)
    )


def as_pinned(card: ToolCard, trust: Trust) -> ToolCard:
    """The card, with what has changed in it since the user's yes: what a server says only now is vouched for by nobody."""
    pin = trust.pins.get(card.name)
    if not card.server or pin is None or pin.digest == card.digest:
        return card
    return replace(card, described_by=tool_origin(card.server), change=what_changed(pin, card))


def newly_met(cards: Sequence[ToolCard], trust: Trust) -> list[ToolCard]:
    """The tools of servers that the user trusts, met for the first time: naming the server in mcp.toml was their yes."""
    return [card for card in cards if card.vouched and card.name not in trust.pins]


def what_changed(pin: Pin, card: ToolCard) -> str:
    """How what a server says of a tool differs from what the user knows, for a person."""
    found: list[str] = []
    if pin.description != card.description:
        found.append(f"its description was {_quoted(pin.description)} and is {_quoted(card.description)}")
    if dict(pin.parameters) != dict(card.parameters):
        before, now = (_properties(one) for one in (pin.parameters, card.parameters))
        changes = {
            "new": [name for name in now if name not in before],
            "gone": [name for name in before if name not in now],
            "other than before": [name for name in now if name in before and now[name] != before[name]],
        }
        told = [f"{what}: {', '.join(names)}" for what, names in changes.items() if names]
        found.append(f"its arguments ({clip('; '.join(told), _SHOWN_CHARACTERS) or 'what is said of them'})")
    return "; ".join(found) or "its title, its hints, or what no model is shown of it"


def _destination(card: ToolCard, arguments: Mapping[str, Any]) -> str:
    if card.address_argument:
        return host_of(arguments.get(card.address_argument))
    return card.sends_to


def _is_the_users_own(run: Run, card: ToolCard, arguments: Mapping[str, Any]) -> bool:
    """Whether the user typed the whole address: then it carries nothing but their own words."""
    address = arguments.get(card.address_argument) if card.address_argument else None
    typed = [run.question] if run.options.origin == USER else []
    typed += [turn.question for turn in run.history if turn.question_origin == USER]
    return isinstance(address, str) and bool(address.strip()) and any(address.strip() in text for text in typed)


def _properties(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    found = parameters.get("properties")
    return found if isinstance(found, Mapping) else {}


def _quoted(text: str) -> str:
    return json.dumps(clip(" ".join(text.split()), _SHOWN_CHARACTERS), ensure_ascii=False)
