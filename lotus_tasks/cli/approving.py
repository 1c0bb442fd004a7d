"""The user's yes or no to tools that ask first."""

from __future__ import annotations

import json
import select
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lotus_tasks.local.runtime import Runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.spine.submission import ask
from lotus_tasks.values import RunId

SHOWN_CHARACTERS = 4000
"""Of one argument. Nobody reads more in a question; `runs show` has it whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCall:
    """A step that waits, the call as the user reads it, and why it asks. ``destination``: what a yes can be for, for good."""

    seq: int
    call: str
    why: str = ""
    destination: str = ""


def waiting_calls(conn: Connection, run_id: RunId) -> list[WaitingCall]:
    """What a run asks for."""
    rows = conn.execute(queries.load("reasoning").waiting_steps, {"id": run_id}).fetchall()
    return [_waiting(row["seq"], row["detail"]) for row in rows]


def _waiting(seq: int, detail: Mapping[str, Any]) -> WaitingCall:
    why = _visible("; ".join(map(str, detail.get("why") or ())))
    destination = str(detail.get("destination") or "") if detail.get("lasting") else ""
    return WaitingCall(seq=seq, call=describe_call(detail), why=why, destination=_visible(destination))


def describe_call(detail: Mapping[str, Any], *, most: int = SHOWN_CHARACTERS) -> str:
    """``write_file(path="a.md", text="…")``: what would run, with nothing in it that a terminal obeys or that hides text."""
    arguments = ", ".join(f"{name}={_value(value, most)}" for name, value in (detail.get("arguments") or {}).items())
    return _visible(f"{detail.get('tool')}({arguments})")


def send_answer(runtime: Runtime, run_id: RunId, seqs: Sequence[int], *, approved: bool, always: bool = False) -> int:
    """Say yes or no to these steps; returns how many of them still waited. ``always``: the yes is for their destinations, too."""
    from lotus_tasks.commands.reasoning import Answer

    said = Answer(run_id=run_id, approved=approved, always=always, steps=tuple(seqs))
    return ask(runtime.database_url, said).answered


def can_ask() -> bool:
    """Whether a person sits there who sees the question and can answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


Answer = Literal["yes", "always", "no"]


def ask_person(call: WaitingCall, *, look: Callable[[], bool], every_s: float) -> Answer | None:
    """The person's answer; None when the question has settled itself meanwhile. Anything but a yes is a no.

    ``look``, called every ``every_s``, says whether the step still waits; what it raises ends the question.
    """
    why = f"· {call.why}\n" if call.why else ""
    choices = f"[y/N/always for {call.destination}]" if call.destination else "[y/N]"
    sys.stderr.write(f"{why}LOTUS wants to run {call.call}. Allow? {choices} ")
    sys.stderr.flush()
    while not select.select([sys.stdin], [], [], every_s)[0]:
        if not look():
            sys.stderr.write("\n")
            return None
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
    said = line.strip().lower()
    if said in {"a", "always"} and call.destination:
        return "always"
    return "yes" if said in {"y", "yes"} else "no"


def _value(value: object, most: int) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} characters more: see `runs show`)"


def _visible(text: str) -> str:
    """Control and format characters, such as those that turn the direction of writing, written out."""
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} else character
        for character in text
    )
