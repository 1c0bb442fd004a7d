"""Recall must find the evidence: a floor on a corpus of our own, and every group of signals must be worth its place."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterator

import pytest

from lotus_tasks.memory.adapters.assembly import MemoryParts, assemble, choose_embedder
from lotus_tasks.memory.models import Draft, Recollection
from lotus_tasks.memory.ranking import GROUPS
from lotus_tasks.origins import USER
from lotus_tasks.spine.database import Database
from tests.integration.memory.corpus import FACTS, NOTES, QUESTIONS, TALK, TRIPS, WORTH, Questions

AT = 3
MARGIN = 0.02


@pytest.fixture(scope="module")
def memory(shared_services) -> Iterator[MemoryParts]:
    shared_services.clean()
    with Database(shared_services.runtime.database_url) as database, shared_services.redis() as client:
        embedder = choose_embedder("minilm", shared_services.home / "models")
        parts = assemble(
            database=database, client=client, chroma_url=shared_services.runtime.chroma_url, embedder=embedder
        )
        parts.remember([Draft(origin=USER, text=text, key=f"note/{number}") for number, text in enumerate(NOTES)])
        parts.remember(
            [
                Draft(
                    origin=USER,
                    text=text,
                    key=f"talk/{number}",
                    kind="turn",
                    thread="talk",
                    segment=str(sitting),
                    speaker=speaker,
                    happened_at=dt.datetime.fromisoformat(f"{date}T12:00:00+00:00"),
                )
                for number, (sitting, date, speaker, text) in enumerate(TALK)
            ]
        )
        parts.remember(
            [
                Draft(
                    origin=USER,
                    text=text,
                    key=f"{name}/{number}",
                    kind="turn",
                    thread="trips",
                    segment=name,
                    speaker=speaker,
                    happened_at=dt.datetime.fromisoformat(f"{date}T12:00:00+00:00"),
                )
                for name, date, turns in TRIPS
                for number, (speaker, text) in enumerate(turns)
            ]
        )
        for date, text in FACTS:
            told = dt.datetime.fromisoformat(f"{date}T12:00:00+00:00")
            parts.remember([Draft(origin=USER, text=text, key=text, kind="fact", happened_at=told)])
        parts.catch_up()
        with parts:
            yield parts


def found(recollection: Recollection, parts: tuple[str, ...]) -> float:
    """The share of the evidence among the first."""
    texts = [one.memory.text for one in recollection.memories[:AT]]
    return statistics.fmean(any(part in text for text in texts) for part in parts)


def recall_at(memory: MemoryParts, *, off: tuple[str, ...] = ()) -> float:
    return statistics.fmean(
        found(memory.recaller.recall(question, count=AT, off=off), parts) for question, parts in QUESTIONS
    )


def rank_quality(memory: MemoryParts, *, questions: Questions = QUESTIONS, off: tuple[str, ...] = ()) -> float:
    """Mean reciprocal rank of the first piece of evidence: it sees what a cut at three doesn't."""
    return statistics.fmean(
        reciprocal_rank(
            [one.memory.text for one in memory.recaller.recall(question, count=20, off=off).memories], parts
        )
        for question, parts in questions
    )


def baseline_quality(memory: MemoryParts, name: str) -> float:
    return statistics.fmean(
        reciprocal_rank([one.text for one in memory.lexicon.by_id(memory.recaller.baseline(question, name, 20))], parts)
        for question, parts in QUESTIONS
    )


def reciprocal_rank(texts: list[str], parts: tuple[str, ...]) -> float:
    first = next((place for place, text in enumerate(texts, 1) if any(part in text for part in parts)), None)
    return 1 / first if first else 0.0


def test_recall_is_above_its_floor(memory):
    missed = [
        (question, [one.memory.text for one in memory.recaller.recall(question, count=AT).memories])
        for question, parts in QUESTIONS
        if found(memory.recaller.recall(question, count=AT), parts) < 1
    ]
    assert recall_at(memory) >= 0.9, missed


def test_exact_words_come_first_whatever_the_vectors_say(memory):
    for words in ("KH-8841-77", "E24", "Ravn IV", "Moustache", "Ersatzreifen", "gasworks"):
        (first,) = memory.recaller.recall(words, count=1).memories
        assert words in first.memory.text


@pytest.mark.parametrize("group", GROUPS)
def test_turning_a_signal_off_finds_less(memory, group):
    already_off, questions = WORTH[group]
    with_it = rank_quality(memory, questions=questions, off=already_off)
    assert rank_quality(memory, questions=questions, off=(*already_off, group)) < with_it - MARGIN


def test_without_vectors_less_is_found(memory):
    # Half the margin: what took a closed memory's place is found with it, also by words alone.
    assert rank_quality(memory, off=("meaning", "meaning_beside", "tokens")) < rank_quality(memory) - MARGIN / 2


def test_what_holds_is_told_before_what_held(memory):
    for question, newer, older in (
        ("Who is my dentist?", "Ahlers", "Brandt"),
        ("Where do I live?", "Marstal", "Kiel"),
        ("Where are the winter tyres?", "dealer's", "garage"),
    ):
        texts = [one.memory.text for one in memory.recaller.recall(question, count=10).memories]
        places = [next(place for place, text in enumerate(texts) if part in text) for part in (newer, older)]
        assert places == sorted(places), question


@pytest.mark.parametrize("baseline", ["bm25", "vectors"])
def test_it_ranks_better_than_one_signal_alone(memory, baseline):
    assert rank_quality(memory) > baseline_quality(memory, baseline)


def test_a_date_that_is_relative_to_today_is_understood(memory):
    recalled = memory.recaller.recall("What happened to Bo last May?", count=1, today=dt.date(2024, 12, 1))
    assert "wrist" in recalled.memories[0].memory.text
