"""What consolidation would change, and why. Pure: it plans; the plan is applied in one transaction, or shown and dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lotus_tasks.memory.models import PERSISTENT_KINDS, Draft, Kind, Memory, Statement, digest
from lotus_tasks.memory.ports import Floats
from lotus_tasks.memory.service.facts import read_facts
from lotus_tasks.memory.service.grounding import NUMBER, denials
from lotus_tasks.memory.text import terms
from lotus_tasks.origins import least_trusted
from lotus_tasks.values import MemoryId

MAX_LOSS: Final = 0.25
"""A rewrite that would drop a larger share of the words it touches is refused."""
SIMILAR: Final = 0.85
"""Cosine from which two texts are looked at as one thing said twice."""
STATING_KINDS: Final[tuple[Kind, ...]] = ("note", "preference", "fact", "turn")
MERGEABLE_KINDS: Final[tuple[Kind, ...]] = ("note", "preference", "fact")
SUMMARY_TURNS: Final = 8
"""A conversation with fewer turns needs no summary."""
SUMMARY_QUOTES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """``dropped`` says nothing that ``kept`` doesn't; its wording is kept with it."""

    kept: MemoryId
    dropped: MemoryId
    wording: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Two memories that look alike but aren't merged, and why."""

    memory_id: MemoryId
    other: MemoryId
    reason: str


@dataclass(slots=True, kw_only=True)
class Plan:
    """One round of consolidation."""

    examined: list[MemoryId] = field(default_factory=list)
    statements: dict[MemoryId, list[Statement]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    summaries: list[Draft] = field(default_factory=list)


def plan_round(memories: Sequence[Memory], alike: Mapping[MemoryId, Sequence[tuple[Memory, float]]]) -> Plan:
    """Plan for memories nobody examined yet; ``alike`` are the nearest others of each, with their cosines."""
    plan = Plan(examined=[memory.id for memory in memories])
    gone: set[MemoryId] = set()
    for memory in memories:
        if memory.kind in MERGEABLE_KINDS:
            _plan_merges(plan, memory, alike.get(memory.id, ()), gone)
        if memory.kind in STATING_KINDS and memory.id not in gone:
            found = list(read_facts(memory.text, memory.speaker))
            if found:
                plan.statements[memory.id] = found
    return plan


def _plan_merges(plan: Plan, memory: Memory, others: Sequence[tuple[Memory, float]], gone: set[MemoryId]) -> None:
    for other, cosine in others:
        if memory.id in gone or other.id in gone or other.id == memory.id or cosine < SIMILAR:
            continue
        if any({memory.id, other.id} == {one.memory_id, one.other} for one in plan.refusals):
            continue
        if (
            other.kind not in MERGEABLE_KINDS
            or (other.kind in PERSISTENT_KINDS) != (memory.kind in PERSISTENT_KINDS)
            or memory.valid_to != other.valid_to
        ):
            continue
        kept, dropped = _richer_first(memory, other)
        lost = loss(dropped.text, kept.text)
        if lost > MAX_LOSS:
            reason = f"merging would drop {lost:.0%} of its words (at most {MAX_LOSS:.0%} may go)"
            plan.refusals.append(Refusal(memory_id=dropped.id, other=kept.id, reason=reason))
        elif lost > 0 or not same_claims(dropped.text, kept.text):
            reason = "it says something the other doesn't: a word, a number or a negation"
            plan.refusals.append(Refusal(memory_id=dropped.id, other=kept.id, reason=reason))
        else:
            gone.add(dropped.id)
            reason = f"all its words are in {str(kept.id)[:8]} (cosine {cosine:.2f})"
            plan.merges.append(Merge(kept=kept.id, dropped=dropped.id, wording=dropped.text, reason=reason))


def loss(before: str, after: str) -> float:
    """The share of the words of ``before`` that ``after`` lacks."""
    had = set(terms(before))
    return len(had - set(terms(after))) / len(had) if had else 0.0


def same_claims(one: str, other: str) -> bool:
    """Whether two texts hold the same numbers and deny as often."""
    return _claims(one) == _claims(other)


def _claims(text: str) -> tuple[list[str], int]:
    return sorted(NUMBER.findall(text)), denials(text)


def _richer_first(one: Memory, other: Memory) -> tuple[Memory, Memory]:
    """The memory with more words first; of equals, the older."""
    rank = {memory.id: (-len(set(terms(memory.text))), memory.no) for memory in (one, other)}
    first, second = sorted((one, other), key=lambda memory: rank[memory.id])
    return first, second


def summarise(thread: str, turns: Sequence[Memory], vectors: Mapping[MemoryId, Floats]) -> Draft | None:
    """A conversation's stretch in its own words: the turns nearest to what all of it is about, in order. Nothing is made up."""
    known = [turn for turn in turns if turn.id in vectors]
    if len(known) < SUMMARY_TURNS:
        return None
    matrix = np.stack([vectors[turn.id] for turn in known])
    centre = matrix.mean(axis=0)
    chosen = sorted(np.argsort(-(matrix @ centre), kind="stable")[:SUMMARY_QUOTES].tolist())
    quotes = [
        f"{known[index].speaker}: {known[index].text}" if known[index].speaker else known[index].text
        for index in chosen
    ]
    last = max(turn.position for turn in turns)
    return Draft(
        text="\n".join(quotes),
        key=f"summary/{digest(thread).hex()}/{last}",
        kind="summary",
        origin=least_trusted(turn.origin for turn in turns),
        source=known[0].source,
        happened_at=known[-1].happened_at,
        provenance={
            "conversation": thread,
            "from": min(turn.position for turn in turns),
            "to": last,
            "derived_from": [str(known[index].id) for index in chosen],
            "by": "rules",
        },
    )
