"""Whether an event starts a run: patterns on its fields, the question they are put into, the loop guard and the rate limit."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lotus_tasks.errors import InvalidInput

DEEPEST = 3
"""A run that an event started, whose own event started a run, …: so many in a row at most."""
LONGEST_FIELD = 500
"""Characters of a field that are put into a question."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(patterns: Mapping[str, str], fields: Mapping[str, Any]) -> bool:
    """Whether every pattern matches its field."""
    return all(
        name in fields and _compiled(glob).fullmatch(str(fields[name])) is not None for name, glob in patterns.items()
    )


def fill(question: str, fields: Mapping[str, Any]) -> str:
    """The question with ``{field}`` replaced by the event's value, on one line and not too long."""

    def value(found: re.Match[str]) -> str:
        return " ".join(str(fields.get(found[1], found[0])).split())[:LONGEST_FIELD]

    return _PLACEHOLDER.sub(value, question)


def refuse_unknown_fields(event: str, known: Sequence[str], patterns: Mapping[str, str], question: str) -> None:
    """Raises InvalidInput where a pattern or the question names a field that the event doesn't have."""
    for name in (*patterns, *_PLACEHOLDER.findall(question)):
        if name not in known:
            raise InvalidInput(f"{event} has no field {name!r}; it has {', '.join(known)}")


def reason_to_hold_back(
    subscription_id: uuid.UUID, *, ancestry: Sequence[uuid.UUID], started: int, per_hour: int
) -> str | None:
    """Why a matching event starts nothing; None where it starts a run.

    ``ancestry``: the subscriptions that led to the run whose work published the event. ``started``: this one's runs of the
    last hour.
    """
    if subscription_id in ancestry:
        return "loop: the event comes from a run that this subscription started"
    if len(ancestry) >= DEEPEST:
        return f"loop: {len(ancestry)} subscriptions have started each other on the way here"
    if started >= per_hour:
        return f"rate limit: {started} runs within the hour"
    return None


@cache
def _compiled(glob: str) -> re.Pattern[str]:
    """``*`` and ``?`` stay within a folder, ``**`` doesn't; everything else is meant literally."""
    return re.compile("".join(_MEANING.get(part, re.escape(part)) for part in _GLOB.findall(glob)), re.DOTALL)
