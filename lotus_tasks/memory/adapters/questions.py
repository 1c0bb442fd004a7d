"""Asking models, durably: a command to the providers now, its answer taken when it is there, at the latest by the next round.

One question of each kind is open at a time, so a model is never busy with memory alone. A question whose answer fails is asked
again, a few times. Whatever is asked and taken is committed with what follows from it: cut off anywhere, it goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from lotus_tasks.memory.adapters.answers import TAKERS
from lotus_tasks.memory.adapters.postgres_lexicon import memory_of
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.service.profile import basis_of, profile_prompt
from lotus_tasks.memory.service.reading import choose_texts, is_for_a_model, reading_prompt
from lotus_tasks.memory.service.retelling import retelling_prompt
from lotus_tasks.origins import Origin, least_trusted
from lotus_tasks.prompts import Prompt, PromptMessage
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import MemoryId
from lotus_tasks.work import CommandSpec, Transaction

KINDS: Final = ("facts", "summary", "profile")
TEXTS: Final = 20
"""How many texts one question for facts holds."""
QUESTIONS: Final = 3
"""How many questions for facts follow each other in one round."""
TRIES: Final = 3
PAUSE_S: Final = 900
"""How long after a failed answer a question is asked again; four times as long after the next."""
_LOOK: Final = 500
"""How many memories are looked through for those texts."""
_MOST: Final = 10_000
"""How many memories are counted at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked. ``memory_ids``: whose texts are in it; ``origin``: the least trusted of theirs."""

    prompt: str
    origin: Origin
    memory_ids: Sequence[UUID]
    about: str = ""


def count_waiting(conn: Connection, whose: str) -> int:
    """How many memories a model would be given, in this round and in later ones; none where there is no model."""
    if not _is_there(conn, whose):
        return 0
    rows = conn.execute(queries.load("memory").unasked, {"unexamined": True, "count": _MOST}).fetchall()
    return sum(is_for_a_model(memory_of(row)) for row in rows)


def _is_there(conn: Connection, whose: str) -> bool:
    """Whether there is a model to ask, as far as the providers' last health report knows."""
    wanted = {"local": whose == "local"}
    return whose != "none" and conn.execute(queries.load("memory").reading_model, wanted).fetchone() is not None


class Questions:
    """The questions of one store, in the transaction of the command ``cause``. ``whose``: see LOTUS_CONSOLIDATION_MODEL."""

    def __init__(self, tx: Transaction, cause: UUID, whose: str) -> None:
        self._tx = tx
        self._conn = tx.conn
        self._cause = cause
        self._whose = whose
        self._sql = queries.load("memory")

    def take(self) -> Counter[str]:
        """Keep what models have answered. Returns what came of it: facts ``read``, statements ``dropped``, …"""
        done: Counter[str] = Counter()
        self._conn.execute(self._sql.lock_writes)
        for row in self._conn.execute(self._sql.ended_questions).fetchall():
            result = row["result"] or {}
            answered = row["status"] == "succeeded" and result.get("provider") not in (None, "offline")
            text, model = str(result.get("text") or "").strip(), str(result.get("model") or "a model")
            counted = TAKERS[row["kind"]](self._conn, self._cause, row, text, model) if answered else None
            self._conn.execute(self._sql.blank_question, {"command_id": row["command_id"]})
            if counted is None and row["tries"] < TRIES:
                pause_s = PAUSE_S * 4 ** (row["tries"] - 1)
                self._conn.execute(self._sql.put_off_question, {"command_id": row["command_id"], "pause_s": pause_s})
            else:
                self._conn.execute(self._sql.end_question, {"command_id": row["command_id"]})
            done.update(Counter(unanswered=1) if counted is None else counted)
            if counted is not None and row["kind"] == "facts" and row["more"] > 0:
                done["asked"] += self._ask("facts", more=row["more"] - 1) if self._can_ask() else 0
        return done

    def ask(self) -> int:
        """Put what no model was given yet to one, where there is one. Returns how many texts that are."""
        if not self._can_ask():
            return 0
        return sum(self._ask(kind, more=QUESTIONS - 1) for kind in KINDS)

    def _can_ask(self) -> bool:
        return _is_there(self._conn, self._whose)

    def _ask(self, kind: str, *, more: int) -> int:
        row = self._conn.execute(self._sql.open_question, {"kind": kind}).fetchone()
        if row is not None and not row["due"]:
            return 0
        question = self._fresh(kind) if row is None else self._again(row)
        if row is not None:
            self._conn.execute(self._sql.end_question, {"command_id": row["command_id"]})
        if question is None:
            return 0
        message = PromptMessage(role="user", content=question.prompt, origin=question.origin)
        request = {
            **Prompt(messages=[message]).payload,
            "among": "local" if self._whose == "local" else "models",
            "stream": False,
            "temperature": 0,
            "purpose": kind,
            "then": "memory.take_answers",
        }
        spec = CommandSpec(name="providers.complete", key=f"memory.question/{kind}/{self._cause}", payload=request)
        self._tx.submit(spec)
        opened = {"command_id": spec.id, "kind": kind, "about": question.about, "memory_ids": list(question.memory_ids)}
        tries = 1 if row is None else row["tries"] + 1
        self._conn.execute(self._sql.begin_question, {**opened, "tries": tries, "more": more})
        return len(question.memory_ids)

    def _fresh(self, kind: str) -> Question | None:
        """The next question of a kind; what it is about counts as asked from now on."""
        match kind:
            case "facts":
                return self._about_facts(self._memories("unasked", unexamined=False, count=_LOOK))
            case "summary":
                found = self._memories("unasked_summary")
                self._mark(found)
                return self._about_summary(found[0]) if found else None
        profile, kept = PostgresProfile(self._conn), PostgresProfile(self._conn).kept()
        busy = self._conn.execute(self._sql.open_question, {"kind": "facts"}).fetchone() is not None
        if kept is None or kept["asked"] or busy:  # while facts are being read, the profile isn't worth telling
            return None
        profile.mark_asked()
        return self._about_profile()

    def _again(self, row: Mapping[str, Any]) -> Question | None:
        """A question whose answer failed, about what is left of it. Facts come anew from memories that changed meanwhile."""
        match row["kind"]:
            case "facts":
                return self._about_facts(self._memories("memories_by_id", ids=row["memory_ids"]))
            case "summary":
                found = self._memories("memories_by_id", ids=[UUID(row["about"])])
                return self._about_summary(found[0]) if found else None
        question = self._about_profile()
        return question if question is not None and question.about == row["about"] else None

    def _about_facts(self, memories: Sequence[Memory]) -> Question | None:
        choice = choose_texts(memories, TEXTS)
        self._mark(choice.passed)
        if not choice.chosen:
            return None
        return Question(
            prompt=reading_prompt(choice.chosen),
            origin=least_trusted(memory.origin for memory in choice.chosen),
            memory_ids=[memory.id for memory in choice.chosen],
        )

    def _about_summary(self, summary: Memory) -> Question | None:
        told = summary.provenance
        place = {"thread": told["conversation"], "first": int(told["from"]), "last": int(told["to"])}
        turns = self._memories("turns_of_thread", **place)
        prompt = retelling_prompt(turns)
        if prompt is None:
            return None
        return Question(
            prompt=prompt,
            origin=least_trusted(turn.origin for turn in turns),
            memory_ids=[turn.id for turn in turns],
            about=str(summary.id),
        )

    def _about_profile(self) -> Question | None:
        known = PostgresProfile(self._conn).known()
        prompt = profile_prompt(known)
        if prompt is None:
            return None
        ids: list[MemoryId] = list(dict.fromkeys(one.memory_id for one in known))
        origin = least_trusted(one.origin for one in known)
        return Question(prompt=prompt, origin=origin, memory_ids=ids, about=basis_of(known))

    def _mark(self, memories: Sequence[Memory]) -> None:
        self._conn.execute(self._sql.mark_asked, {"ids": [memory.id for memory in memories]})

    def _memories(self, query: str, **parameters: Any) -> list[Memory]:
        return [memory_of(row) for row in self._conn.execute(getattr(self._sql, query), parameters).fetchall()]
