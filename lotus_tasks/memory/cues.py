"""What a text gives away besides its subject: whom and when a question is about, and how a memory is put. Pure and cheap."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from lotus_tasks.memory.dates import TIME_FORMS, TIME_WORDS, Span, find_spans
from lotus_tasks.memory.text import FUNCTION_WORDS, STOP_WORDS, terms, words

ASKS: Final = 1
"""A sentence of it asks something."""
IS_QUESTION: Final = 2
"""It ends by asking."""
HAS_TIME: Final = 4
"""It says when."""
FIRST_PERSON: Final = 8
"""It speaks of its speaker."""

FUNCTION_WORD_WEIGHT: Final = 0.25
OWN_SPEAKERS: Final = frozenset({"user", "me"})
"""Names under which the person who asks is a speaker: a question in the first person names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query as the ranking reads it.

    ``terms`` are weighted; ``names``, the words that name ``speakers`` (both folded), are not among them.
    """

    text: str
    terms: Mapping[str, float]
    speakers: frozenset[str]
    names: frozenset[str]
    spans: Sequence[Span]
    wants_time: bool


def text_cues(text: str) -> int:
    """The flags of a memory's text."""
    flags = 0
    if "?" in text or "？" in text or "؟" in text:
        flags |= ASKS
        if text.rstrip(" \t\n\"'”’»)").endswith(("?", "？", "؟")):
            flags |= IS_QUESTION
    folded = words(text)
    if not _FIRST_PERSON.isdisjoint(folded):
        flags |= FIRST_PERSON
    if not TIME_WORDS.isdisjoint(folded) or TIME_FORMS.search(text):
        flags |= HAS_TIME
    return flags


def read_question(
    text: str, *, speakers: Iterable[str] = (), today: date | None = None, years: tuple[int, int] | None = None
) -> Question:
    """Read a query. ``speakers`` are all the store's, ``years`` its first and last; relative dates need ``today``."""
    named = name_speakers(text, speakers)
    names = frozenset(form for forms in named.values() for form in forms)
    of_names = {term for name in names for term in terms(name)}
    asked = terms(text)
    # Where there is nothing but a name, the name is the subject.
    kept = [term for term in asked if term not in of_names] or asked
    weights: dict[str, float] = {}
    for term in kept:
        weights[term] = weights.get(term, 0.0) + (FUNCTION_WORD_WEIGHT if term in FUNCTION_WORDS else 1.0)
    return Question(
        text=text,
        terms=weights,
        speakers=frozenset(named),
        names=names,
        spans=tuple(find_spans(text, today=today, years=years)),
        wants_time=_asks_when(text),
    )


def name_speakers(text: str, speakers: Iterable[str]) -> dict[str, set[str]]:
    """Which of the speakers (folded) a question names, and by which of its words.

    That is a word of their name, its capitalised short form (Mel for Melanie), or, where the one who asks is a speaker,
    "I" and "my". A name that is also a stop word (Will, May) must be capitalised, and not for beginning the question.
    """
    folded = {word.removesuffix("'s") for word in words(text)}
    named_so = {
        word for word in folded if word not in STOP_WORDS or re.search(rf"[^\W\d_]\W+{word.capitalize()}\b", text)
    }
    short = {found.casefold() for found in _SHORT_FORM.findall(text)} - STOP_WORDS
    named: dict[str, set[str]] = {}
    for speaker in {one.casefold() for one in speakers if one}:
        parts = [part for part in words(speaker) if len(part) > 1]
        if speaker in OWN_SPEAKERS:
            forms = folded & _FIRST_PERSON
        else:
            forms = named_so & set(parts) | {form for form in short for part in parts if part.startswith(form)}
        if forms:
            named[speaker] = forms
    return named


def _asks_when(text: str) -> bool:
    folded = words(text)
    return (
        not _WHEN.isdisjoint(folded[:4])
        or bool(_WHEN_PHRASE.search(" ".join(folded)))
        or "什么时候" in text
        or "いつ" in text
    )


_FIRST_PERSON: Final = frozenset(
    """i me my mine we us our ours myself i'm i've i'd i'll we're we've we'd we'll ich mir mich mein meine wir uns unser unsere
    je moi mon ma mes nous notre nos yo mi mis nosotros nuestro io mio mia noi nostro eu meu minha ik mij mijn wij ons onze
    я мне мой мы
    """.split()  # noqa: SIM905 - one word a line would be pages
)
_SHORT_FORM: Final = re.compile(r"\b[A-Z][a-z]{2,}\b")
_WHEN: Final = frozenset({"when", "wann", "quand", "cuando", "quando", "wanneer", "когда"})
_WHEN_PHRASE: Final = re.compile(
    r"^how long|^(?:in |on )?(?:what|which) (?:day|date|year|month|week|time)\b|^(?:since|until) when|\bhow long ago\b"
)
