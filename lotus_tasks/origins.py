"""Where a text comes from. It is set at the door, travels with the text, and what is made of several texts has the least
trusted of their origins. What says no origin is others' text.

    user                 the person typed it, or it is LOTUS's own words
    model                a model wrote it, having read nothing less trusted
    own_file             a file of the user's: others may have written what is in it
    tool:NAME            a tool, or an MCP server, answered it
    outside              anyone may have written it: a page, a pipe, an event's field
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NewType

Origin = NewType("Origin", str)

USER: Final = Origin("user")
MODEL: Final = Origin("model")
OWN_FILE: Final = Origin("own_file")
OUTSIDE: Final = Origin("outside")

_TOOL: Final = "tool:"
_IS_TOOL: Final = re.compile(r"tool:[\w.-]{1,80}")
_ORDER: Final = (USER, MODEL, OWN_FILE, _TOOL, OUTSIDE)
"""From the most trusted to the least."""


def tool_origin(name: str) -> Origin:
    """The origin of what this tool, or this MCP server, says."""
    return Origin(f"{_TOOL}{re.sub(r'[^a-zA-Z0-9_.-]', '_', name)[:80] or '_'}")


def read_origin(value: object) -> Origin:
    """The origin that ``value`` names, from JSON or a column; what names none is ``outside``."""
    if isinstance(value, str) and (value in _ORDER[:3] or _IS_TOOL.fullmatch(value)):
        return Origin(value)
    return OUTSIDE


def least_trusted(origins: Iterable[Origin], *, at_best: Origin = USER) -> Origin:
    """The least trusted of these and of ``at_best``; of two tools the first."""
    return max((at_best, *origins), key=_rank)


def is_others_text(origin: Origin) -> bool:
    """Whether others may have written it, so that it may try to steer a model."""
    return _rank(origin) > _rank(MODEL)


def _rank(origin: Origin) -> int:
    known = _TOOL if _IS_TOOL.fullmatch(origin) else origin
    return _ORDER.index(known) if known in _ORDER else len(_ORDER)
