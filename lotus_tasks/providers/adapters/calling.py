"""Which pieces of tool calls belong to the same call, where a server's indices and ids don't say so alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lotus_tasks.providers.adapters.reading import mapping, text
from lotus_tasks.providers.models import ToolCallDelta


@dataclass(slots=True, eq=False)
class _Slot:
    index: Any
    id: str = ""
    name: str = ""
    arguments: str = ""


class CallPieces:
    """Gives every call of a reply a number of its own.

    An id decides first: servers exist that give all calls index 0. A piece without an id belongs to the latest call of its index,
    unless that one is whole and the piece names a function: then it begins another. So does a piece with a new id, if it names a
    function; else its server makes up an id for each piece.
    """

    def __init__(self) -> None:
        self._slots: list[_Slot] = []

    def __len__(self) -> int:
        return len(self._slots)

    def read(self, piece: Any, *, index: Any = None) -> ToolCallDelta:
        """One piece of a reply's ``tool_calls``; ``index`` where it names none. Raises ValueError for one of another shape."""
        call = mapping(piece, "a tool call")
        function = mapping(call.get("function"), "a tool call's function")
        name, arguments = text(function.get("name"), "a tool's name"), _arguments(function.get("arguments"))
        given, call_id = call.get("index"), _id(call.get("id"))
        slot = self._slot_of(index if given is None else given, call_id, name, arguments)
        slot.id, slot.name = slot.id or call_id, slot.name or name
        slot.arguments += arguments
        return ToolCallDelta(index=self._slots.index(slot), id=call_id, name=name, arguments=arguments)

    def _slot_of(self, index: Any, call_id: str, name: str, arguments: str) -> _Slot:
        same_id = next((slot for slot in reversed(self._slots) if call_id and slot.id == call_id), None)
        if same_id is not None and not (name and arguments and _is_whole(same_id.arguments)):
            return same_id
        latest = next((slot for slot in reversed(self._slots) if index is None or slot.index == index), None)
        if latest is None or self._begins(latest, call_id, name):
            latest = _Slot(index=index)
            self._slots.append(latest)
        return latest

    @staticmethod
    def _begins(latest: _Slot, call_id: str, name: str) -> bool:
        """Whether a piece begins another call than ``latest``, the one before at its index."""
        if not name or not latest.name:
            return False
        other_id = bool(call_id and latest.id and call_id != latest.id)
        return other_id or _is_whole(latest.arguments) or name != latest.name


def _is_whole(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), Mapping)
    except (ValueError, RecursionError):
        return False


def _arguments(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    return text(value, "a tool call's arguments")


def _id(value: Any) -> str:
    return str(value) if isinstance(value, int) else text(value, "a tool call's id")
