"""Forgetting is asked of every module in one transaction: what is to go, and what of it each one held.

A module names its part in its manifest (``forgets``); the spine's own part is here: commands and events.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection

BLANK: Final = "[forgotten]"
"""What stands where a forgotten text stood."""
_SHORTEST_QUOTE: Final = 12
"""A text shorter than this is not looked for inside sentences: it would be found everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What is to be forgotten: memories, every text of theirs (former ones, too), the chunks they were read from, as
    (percept, number), their conversations, and the source, where all of it goes.
    """

    memory_ids: Sequence[UUID] = ()
    texts: Sequence[str] = ()
    chunks: Sequence[tuple[UUID, int]] = ()
    conversations: Sequence[str] = ()
    source: str | None = None

    def quotes(self) -> Iterator[Mapping[str, str]]:
        """Parameters for the queries that look for a text and blank it: as text, and as it stands in JSON."""
        return (quote(text) for text in self.texts)


@dataclass(slots=True, kw_only=True)
class Traces:
    """How many rows of each sort were removed or blanked, and the runs among them, whose streams in Redis are to go, too."""

    removed: dict[str, int] = field(default_factory=dict)
    runs: list[UUID] = field(default_factory=list)

    def add(self, sort: str, count: int) -> None:
        """``count`` more rows of ``sort``."""
        self.removed[sort] = self.removed.get(sort, 0) + count

    def take(self, other: Traces) -> None:
        """Those of another part as well."""
        for sort, count in other.removed.items():
            self.add(sort, count)
        self.runs += other.runs


Forgetter = Callable[[Connection, Gone], Traces]
"""A module's part. Runs in the transaction of the forgetting; takes every text of ``Gone`` out of the module's own tables."""


def forget(conn: Connection, gone: Gone) -> Traces:
    """The spine's part: commands that are done, and events."""
    sql = queries.load("outbox")
    found = Traces()
    for one in gone.quotes():
        found.add("commands", conn.execute(sql.forget_in_commands, one).rowcount)
        conn.execute(sql.forget_in_events, one)
    return found


def quote(text: str) -> Mapping[str, str]:
    """What to look for, and what to put there. A short text is looked for as the whole of a text only."""
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    given = {"text": text, "blank": BLANK, "plain": " ".join(unicodedata.normalize("NFC", text).split())}
    if len(text) >= _SHORTEST_QUOTE:
        patterns = {"pattern": f"%{like(text)}%", "json_pattern": f"%{like(in_json)}%"}
        return {**given, "json_text": in_json, "json_blank": BLANK, **patterns}
    old, new = f'"text": "{in_json}"', f'"text": "{BLANK}"'
    patterns = {"pattern": like(text), "json_pattern": f"%{like(old)}%"}
    return {**given, "json_text": old, "json_blank": new, **patterns}


def is_long(text: str) -> bool:
    """Whether a text is looked for inside others."""
    return len(text) >= _SHORTEST_QUOTE


def like(text: str) -> str:
    """``text`` as a pattern of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
