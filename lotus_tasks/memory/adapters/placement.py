"""Where a memory stands: its segment (a sitting of a conversation, a heading of a document) and its position in the thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from lotus_tasks.memory.models import Draft
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import utc_now

SITTING_GAP: Final = timedelta(hours=6)
"""A conversation that rests longer goes on in a new segment."""


class Placement:
    """Where drafts stand: the number of the segment, and the position in the thread."""

    def __init__(self, segments: list[int | None], positions: list[int]) -> None:
        self.segments = segments
        self.positions = positions

    @classmethod
    def find(cls, conn: Connection, drafts: Sequence[Draft]) -> Placement:
        """The places of drafts; segments that don't exist yet are made."""
        sql = queries.load("memory")
        threads = sorted({draft.thread for draft in drafts if draft.thread is not None})
        if not threads:
            return cls([None] * len(drafts), [draft.position or 0 for draft in drafts])
        ends = {row["thread"]: row for row in conn.execute(sql.thread_ends, {"threads": threads}).fetchall()}
        open_ends = {thread: _End.of(ends.get(thread)) for thread in threads}
        places = [open_ends[draft.thread].place(draft) if draft.thread is not None else None for draft in drafts]
        wanted = {
            (str(draft.thread), place[0]) for draft, place in zip(drafts, places, strict=True) if place is not None
        }
        columns = {"threads": [thread for thread, _ in wanted], "keys": [key for _, key in wanted]}
        rows = conn.execute(sql.upsert_segments, columns).fetchall()
        numbers = {(row["thread"], row["key"]): int(row["no"]) for row in rows}
        return cls(
            [
                None if place is None else numbers[str(draft.thread), place[0]]
                for draft, place in zip(drafts, places, strict=True)
            ],
            [draft.position or 0 if place is None else place[1] for draft, place in zip(drafts, places, strict=True)],
        )


class _End:
    """The end of a thread while drafts are added to it."""

    def __init__(self, position: int, key: str | None, last_at: datetime | None) -> None:
        self._position = position
        self._key = key
        self._last_at = last_at

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> _End:
        return cls(-1, None, None) if row is None else cls(row["position"], row["key"], row["last_at"])

    def place(self, draft: Draft) -> tuple[str, int]:
        """The segment's key and the position of ``draft``, which becomes the new end."""
        at = draft.happened_at or utc_now()
        self._position = draft.position if draft.position is not None else self._position + 1
        if draft.segment is not None:
            self._key = draft.segment
        elif self._key is None or self._last_at is None or abs(at - self._last_at) > SITTING_GAP:
            self._key = f"sitting {at:%Y-%m-%dT%H:%M:%SZ}"
        self._last_at = at
        return self._key, self._position
