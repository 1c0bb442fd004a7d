"""Answers by quoting: the passages of recalled texts that answer a question, in recall's order. Pure and deterministic."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.providers.models import Recollection
from lotus_tasks.providers.service.passages import Sentence, passage_around, sentences_of

QUOTES = 3
"""At most so many passages are quoted."""
NEARLY = 0.7
"""A further passage is quoted when its best sentence is worth this share of the first's."""
NEAR_TIE = 0.95
"""Memories whose scores are at least this share of the first's come as near as the first: then the better evidence goes first."""
BETTER = 1.35
"""Evidence worth this many times the first's is better. benchmarks/answers.py sees no difference between 1.2 and 2."""
SHORT_CHARS = 80
"""A passage of fewer may have its subject in the heading alone."""

_WORD = re.compile(r"\w+(?:['’]\w+)?", re.UNICODE)

_STOPWORDS = frozenset(
    """
    a about after again all also am an and any are as at be been before being but by can could did do does doing don't for
    from get got had has have having he her hers him his how i i'd i'll i'm i've if in into is it it's its just me my no not
    now of off on once only or our out over own please said say same she should so some tell than that the their them then
    there these they this those through to too up us very was we were what what's when where where's which while who whom
    who's whose why will with would you your
    """.split()  # noqa: SIM905 - a list of 130 lines says less
)

_CUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"\b(?:when|what (?:date|day|time|year|month)|how long)\b", re.IGNORECASE),
        re.compile(
            r"\d{4}|\d{1,2}[:.]\d{2}|\b\d+ (?:second|minute|hour|day|week|month|year)|\b(?:january|february|march|april|may|june|"
            r"july|august|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
            r"yesterday|tomorrow|morning|evening|spring|summer|autumn|winter|o'clock)\b",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(r"\bhow (?:many|much|old|far|big|tall|often)\b", re.IGNORECASE),
        re.compile(r"\d|\b(?:two|three|four|five|six|seven|ten)\b"),
    ),
    (
        re.compile(r"\bwhere\b", re.IGNORECASE),
        re.compile(
            r"\b(?:in|at|on|behind|under|near|beside|above|below|inside|next to|between|to|from)\b", re.IGNORECASE
        ),
    ),
    (re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE), re.compile(r"(?<=[a-z,;] )[A-Z]\w+|^[A-Z]\w+ [a-z]+s\b")),
    (
        re.compile(r"\b(?:which|what) (?:command|flag|option|setting|variable)\b", re.IGNORECASE),
        re.compile(r"`|--\w|\./|\$ "),
    ),
    (
        re.compile(r"\b(?:why)\b", re.IGNORECASE),
        re.compile(r"\b(?:because|since|so that|in order|due to|therefore)\b", re.IGNORECASE),
    ),
)
"""A question word, and what a sentence that answers it tends to contain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A passage, word for word, and the memory it is from. ``ended_at``: since when it holds no longer."""

    text: str
    number: int
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """A memory's evidence: its best sentence and what that is worth."""

    memory: Recollection
    sentences: Sequence[_Sentence]
    best: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    evidence: Sentence
    terms: tuple[str, ...]
    setting: frozenset[str]
    asks: bool

    @property
    def text(self) -> str:
        return self.evidence.text


def quote(question: str, memories: Sequence[Recollection], *, now: datetime, limit: int = QUOTES) -> list[Quote]:
    """The passages that answer ``question``, in recall's order, what no longer holds last; empty where there is no evidence.

    Where recall's first are a near tie, one with much better evidence goes first.

    Of each memory it is the passage around its best sentence. A sentence is worth the rarity (inverse sentence frequency) of the
    question's words in it, counted half when they stand in its heading, its source or the sentence before, more for words in
    the question's order and for looking like the kind of thing asked for (a place, a date, a number). A question never answers.
    """
    read = [(memory, _read(memory, question)) for memory in memories]
    everything = [sentence for _, sentences in read for sentence in sentences]
    asked = _terms(question)
    weights = _rarity(set(asked), everything)
    scored = [_best_of(memory, sentences, question, asked, weights) for memory, sentences in read if sentences]
    answering = [one for one in scored if not one.sentences[one.best].asks] or scored
    answering.sort(key=lambda one: (_has_ended(one.memory, now), one.memory.number))
    if not answering:
        return []
    first = _first_of(answering, now)
    chosen = [first]
    for one in answering:
        if one is first:
            continue
        if len(chosen) == limit:
            break
        worth = one.score > 0 and one.score >= NEARLY * first.score
        if worth and not any(_alike(one.sentences[one.best], other.sentences[other.best]) for other in chosen):
            chosen.append(one)
    return [
        Quote(
            text=_passage(one),
            number=one.memory.number,
            ended_at=one.memory.valid_to if _has_ended(one.memory, now) else None,
        )
        for one in chosen
    ]


def quote_text(question: str, text: str) -> str:
    """The passage of a text given with ``question`` that has most of its words; "" where no sentence has one."""
    memory = Recollection(number=1, memory_id="", text=text, source="", score=0.0, origin=OUTSIDE)
    sentences = _read(memory, question)
    if not sentences:
        return ""
    asked = _terms(question)
    best = _best_of(memory, sentences, question, asked, _rarity(set(asked), sentences))
    return _passage(best) if set(asked) & set(sentences[best.best].terms) else ""


def _first_of(answering: Sequence[_Scored], now: datetime) -> _Scored:
    """Of those in order the one to quote first: what the user told gives way to nothing, for it may answer in other words."""
    first = answering[0]
    if first.memory.origin == USER:
        return first
    for one in answering[1:]:
        # One whose score is higher stands behind by a rule: it no longer holds, or was asked.
        near = NEAR_TIE * answering[0].memory.score <= one.memory.score <= answering[0].memory.score
        if near and one.score >= BETTER * first.score and not _has_ended(one.memory, now):
            first = one
    return first


def _has_ended(memory: Recollection, now: datetime) -> bool:
    return memory.valid_to is not None and memory.valid_to <= now


def _read(memory: Recollection, question: str) -> list[_Sentence]:
    headings = " ".join(line for line in memory.text.splitlines() if line.startswith("#"))
    setting = frozenset(_terms(f"{memory.source} {memory.heading or ''} {headings}"))
    return [
        _Sentence(evidence=one, terms=_terms(one.text), setting=setting, asks=_only_asks(one.text, question))
        for one in sentences_of(memory.text)
    ]


def _best_of(
    memory: Recollection, sentences: Sequence[_Sentence], question: str, asked: Sequence[str], weights: dict[str, float]
) -> _Scored:
    scores = [
        _score(sentence, question, asked, weights, before)
        for before, sentence in zip([None, *sentences], sentences, strict=False)
    ]
    best = max(range(len(scores)), key=lambda place: (scores[place], not sentences[place].asks, -place))
    return _Scored(memory=memory, sentences=sentences, best=best, score=scores[best])


def _passage(one: _Scored) -> str:
    text = passage_around(
        [sentence.evidence for sentence in one.sentences],
        one.best,
        leave_out=[sentence.asks for sentence in one.sentences],
    )
    subject = (one.memory.heading or "").rpartition(" › ")[2].strip()
    if subject and len(text) < SHORT_CHARS and not set(_terms(subject)) & set(_terms(text)):
        return f"{subject}: {text}"
    return text


def _rarity(asked: set[str], sentences: Sequence[_Sentence]) -> dict[str, float]:
    """Inverse sentence frequency, as in BM25 (Robertson and Zaragoza 2009), of the question's words that occur at all."""
    total = len(sentences)
    counts = {term: sum(1 for sentence in sentences if term in sentence.terms) for term in asked}
    return {term: math.log(1 + (total - count + 0.5) / (count + 0.5)) + 0.1 for term, count in counts.items()}


def _score(
    sentence: _Sentence, question: str, asked: Sequence[str], weights: dict[str, float], before: _Sentence | None
) -> float:
    own = set(sentence.terms)
    near = sentence.setting | (set(before.terms) if before else set())
    score = sum(weight * (1.0 if term in own else 0.5 if term in near else 0.0) for term, weight in weights.items())
    pairs = set(pairwise(sentence.terms))
    score += sum(0.5 * weights[pair[0]] for pair in pairwise(asked) if pair in pairs)
    if score > 0 and any(cue.search(question) and sign.search(sentence.text) for cue, sign in _CUES):
        score *= 1.25
    # Long sentences hold more words by chance.
    score /= 1 + max(0, len(sentence.terms) - 25) / 50
    return score * (0.25 if sentence.asks else 1.0)


def _only_asks(text: str, question: str) -> bool:
    """Whether a sentence is a question, or repeats this one: an example of how to ask it answers nothing."""
    asked = " ".join(_WORD.findall(question.lower()))
    return text.rstrip().endswith("?") or (len(asked) > 12 and asked in " ".join(_WORD.findall(text.lower())))


def _alike(one: _Sentence, other: _Sentence) -> bool:
    """Whether two sentences say the same: Jaccard of their words above 0.7."""
    a, b = set(one.terms), set(other.terms)
    return bool(a or b) and len(a & b) / len(a | b) > 0.7


def _terms(text: str) -> tuple[str, ...]:
    words = (word.lower().replace("’", "'") for word in _WORD.findall(text))
    return tuple(_stem(word.removesuffix("'s")) for word in words if word not in _STOPWORDS)


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    return str(snowballstemmer.stemmer("english").stemWord(word))
