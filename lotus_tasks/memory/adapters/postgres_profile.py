"""The profile in PostgreSQL, in the caller's transaction."""

from __future__ import annotations

from typing import Any, Final

from lotus_tasks.memory.service.facts import OWNER
from lotus_tasks.memory.service.profile import MAX_KNOWN, PREFERENCE, Known, basis_of, counted, profile_by_rules
from lotus_tasks.origins import MODEL, USER, least_trusted, read_origin
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import MemoryId

RULES: Final = "rules"


class PostgresProfile:
    """Reads what is known of the user, and keeps the text made of it."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._sql = queries.load("memory")

    def known(self) -> list[Known]:
        """The facts of the user that hold, and the preferences that gave none; oldest first."""
        parameters = {"subject_key": OWNER, "preference": PREFERENCE, "count": MAX_KNOWN}
        return [
            Known(
                memory_id=MemoryId(row["memory_id"]),
                predicate=row["predicate"],
                value=row["value"],
                origin=read_origin(row["origin"]),
            )
            for row in self._conn.execute(self._sql.known_of_user, parameters).fetchall()
        ]

    def kept(self) -> dict[str, Any] | None:
        """The profile as it is."""
        return self._conn.execute(self._sql.profile).fetchone()

    def is_current(self) -> bool:
        """Whether the profile says what is known now."""
        known, kept = self.known(), self.kept()
        return kept is None if not known else kept is not None and kept["basis"] == basis_of(known)

    def keep(self) -> bool:
        """Build it anew where what is known has changed, by rules at once. Returns whether it did."""
        known, kept = self.known(), self.kept()
        basis = basis_of(known)
        if not known:
            return kept is not None and self._conn.execute(self._sql.drop_profile).rowcount > 0
        if kept is not None and kept["basis"] == basis:
            return False
        self._save(known, basis, profile_by_rules(known), RULES, f"made of {counted(known)}")
        return True

    def tell(self, text: str, model: str) -> None:
        """A model's text in place of the rules'."""
        known = self.known()
        self._save(known, basis_of(known), text, model, f"{model} told {counted(known)}", asked=True)

    def refuse(self, reason: str) -> None:
        """Keep the rules' text, and say why a model's was not taken."""
        self._conn.execute(self._sql.refuse_profile, {"reason": reason})

    def mark_asked(self) -> None:
        """A model is asked to tell it; what comes of that is final until the facts change."""
        self._conn.execute(self._sql.mark_profile_asked)

    def _save(
        self, known: list[Known], basis: str, text: str, told_by: str, reason: str, *, asked: bool = False
    ) -> None:
        ids = list(dict.fromkeys(one.memory_id for one in known))
        origin = least_trusted((one.origin for one in known), at_best=USER if told_by == RULES else MODEL)
        told: dict[str, Any] = {"text": text, "told_by": told_by, "origin": origin, "basis": basis, "memory_ids": ids}
        told |= {"reason": reason, "asked": asked}
        self._conn.execute(self._sql.save_profile, told)
