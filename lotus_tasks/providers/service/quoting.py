"""Answers by quoting: the sentences of the recalled texts that match a question best. Pure and deterministic."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

from lotus_tasks.providers.models import Recollection

QUOTES = 3
"""At most so many sentences are quoted."""

_WORD = re.compile(r"\w+(?:['’]\w+)?", re.UNICODE)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]»”’]*\s+(?=[^\sa-z])|(?<=[。！？])")
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+)")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_NOT_AN_END = re.compile(r"(?<![\w'’])(?:(?i:e\.g|i\.e|etc|vs|cf|approx|no|nr|mr|mrs|ms|dr|prof|st|inc|ltd)|[A-Z])\.$")
"""An abbreviation or an initial, whose full stop ends no sentence."""

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
    """A sentence, word for word, and the memory it is from. ``direct``: it shares words with the question."""

    text: str
    number: int
    direct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    text: str
    number: int
    position: int
    terms: tuple[str, ...]
    setting: frozenset[str]
    rank: float


def quote(question: str, memories: Sequence[Recollection], *, limit: int = QUOTES) -> list[Quote]:
    """The best sentences for ``question``, best first; empty only when ``memories`` hold no text.

    A sentence is worth the rarity (inverse sentence frequency) of the question's words in it, counted half when they stand
    in its heading, its source or the sentence before, more for words in the question's order and for looking like the kind of
    thing asked for (a place, a date, a number). The recall's own order decides between equals. A question never answers.
    """
    sentences = [sentence for memory in memories for sentence in _sentences_of(memory, len(memories))]
    if not sentences:
        return []
    asked = _terms(question)
    weights = _rarity(set(asked), sentences)
    scored = sorted(
        (
            (_score(sentence, question, asked, weights, before), sentence)
            for before, sentence in _with_predecessor(sentences)
        ),
        key=lambda pair: (-pair[0], pair[1].number, pair[1].position),
    )
    best_score = scored[0][0]
    if best_score <= 0:
        top = min(sentences, key=lambda sentence: (sentence.number, sentence.position))
        return [Quote(text=top.text, number=top.number, direct=False)]
    chosen: list[_Sentence] = []
    for score, sentence in scored:
        if len(chosen) == limit or score < 0.7 * best_score:
            break
        if not any(_alike(sentence, other) for other in chosen):
            chosen.append(sentence)
    return [Quote(text=sentence.text, number=sentence.number, direct=True) for sentence in chosen]


def split_sentences(text: str) -> list[str]:
    """The sentences of prose or Markdown. Headings are left out; a line that ends in a colon keeps what it introduces."""
    found: list[str] = []
    for block in _blocks(text):
        start = 0
        for match in _SENTENCE_END.finditer(block):
            piece = block[start : match.end()].strip()
            if piece and not _NOT_AN_END.search(piece):
                found.append(piece)
                start = match.end()
        rest = block[start:].strip()
        if rest:
            found.append(rest)
    return _keep_introductions(found)


def _blocks(text: str) -> Iterable[str]:
    """Paragraphs joined to one line, list items, table rows and code lines each by themselves."""
    paragraph: list[str] = []
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            yield from _flush(paragraph)
        elif fenced or line.lstrip().startswith("|") or " | " in line:
            yield from _flush(paragraph)
            if line.strip(" |-:"):
                yield f"`{line.strip()}`" if fenced else line.strip().strip("|").strip()
        elif not line.strip() or line.startswith("#"):
            yield from _flush(paragraph)
        elif _MARKUP.match(line):
            yield from _flush(paragraph)
            paragraph.append(_MARKUP.sub("", line).strip())
        else:
            paragraph.append(line.strip())
    yield from _flush(paragraph)


def _flush(paragraph: list[str]) -> Iterable[str]:
    if paragraph:
        yield " ".join(paragraph)
        paragraph.clear()


def _keep_introductions(sentences: list[str]) -> list[str]:
    kept: list[str] = []
    for sentence in sentences:
        if kept and kept[-1].endswith(":"):
            kept[-1] = f"{kept[-1]} {sentence}"
        else:
            kept.append(sentence)
    return kept


def _sentences_of(memory: Recollection, count: int) -> list[_Sentence]:
    headings = " ".join(line for line in memory.text.splitlines() if line.startswith("#"))
    setting = frozenset(_terms(f"{memory.source} {headings}"))
    return [
        _Sentence(
            text=text,
            number=memory.number,
            position=position,
            terms=_terms(text),
            setting=setting,
            rank=1 - (memory.number - 1) / max(count, 1),
        )
        for position, text in enumerate(split_sentences(memory.text))
    ]


def _with_predecessor(sentences: Sequence[_Sentence]) -> Iterable[tuple[_Sentence | None, _Sentence]]:
    before: _Sentence | None = None
    for sentence in sentences:
        yield (before if before is not None and before.number == sentence.number else None), sentence
        before = sentence


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
    score += 0.1 * sentence.rank * (score > 0)
    return score * (0.25 if _only_asks(sentence.text, question) else 1.0)


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
