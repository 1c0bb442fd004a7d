"""Facts by rules: what plain sentences state about someone or something, as subject, predicate and value.

The rules are few and strict: a sentence that isn't clearly a statement gives no fact. Nothing is inferred; the memory that
says it stays, and the fact names it as its evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lotus_tasks.language.sentences import sentences_and_lines
from lotus_tasks.memory.models import Statement
from lotus_tasks.memory.text import stem, words

OWNER: Final = "user"
"""The subject of what the person who runs LOTUS says of themselves."""
MAX_VALUE_CHARS: Final = 120
_NAME: Final = r"(?P<subject>[A-ZÀ-ÖØ-Þ][\w'’-]+(?: [A-ZÀ-ÖØ-Þ][\w'’-]+){0,2})"
_VALUE: Final = r"(?P<value>[^.!?]+?(?:\.[^.!?\s][^.!?]*?)*?)"
_INNER_STOP: Final = re.compile(r"\.(?=\s)")
_STOP: Final = "\u2024"
"""Stands for a full stop within a sentence, an abbreviation's, while rules look for its end (ONE DOT LEADER)."""
_PRONOUNS: Final = frozenset(
    "he she it they this that these those there here what who where when why how him her them you me us one all".split()  # noqa: SIM905 - one word a line would be pages
)
_NOW: Final = r"(?:now |currently |just |recently |still )?"
_BEGAN: Final = r"(?:started|began|begun) (?:working|to work|(?:a|my) (?:new )?job)"
_JOINED: Final = r"joined (?-i:(?=[A-ZÀ-ÖØ-Þ]))(?P<value>[^.!?]+?) as (?:an?|the|their) [^.!?]+?"
_JETZT: Final = r"(?:jetzt |nun |inzwischen |neuerdings |gerade |kürzlich |noch )?"
_BEI: Final = r"bei (?:der |dem |den )?"
_PLACE: Final = r"(?P<value>(?:in|at|behind|under|on|near|next to|inside|above|below|beside|between)\s[^.!?]+?)"
_STANDS: Final = r"(?:is|are|hangs?|lies?|stands?|sits?)"
_PUT: Final = r"(?:kept |stored |hidden |parked )?"
_END: Final = r"\s*[.!]*$"
_NOT_A_VALUE: Final = re.compile(
    r"^(?:not|never|no longer|going to|about to|so|very|too|really|quite|kind of|like|that|what|\w+ing"
    r"|why|how|when|where|because)\b",
    re.IGNORECASE,
)

# (pattern, predicate or None where the sentence names it, whether a subject has one value of it at a time)
_RULES: Final[tuple[tuple[re.Pattern[str], str | None, bool], ...]] = tuple(
    (re.compile(pattern + _END, re.IGNORECASE if first_person else 0), predicate, single)
    for pattern, predicate, single, first_person in (
        (rf"^(?:my name is|i am called|call me|ich heiße|ich heisse) {_VALUE}", "name", True, True),
        (rf"^i {_NOW}live (?:in|at) {_VALUE}", "lives in", True, True),
        (rf"^i(?: have|'ve|’ve)? {_NOW}moved (?:from .+? )?to {_VALUE}", "lives in", True, True),
        (rf"^ich wohne {_JETZT}in {_VALUE}", "lives in", True, True),
        (rf"^ich bin {_JETZT}(?:von .+? )?nach {_VALUE} (?:um)?gezogen", "lives in", True, True),
        (rf"^i {_NOW}work (?:at|for) {_VALUE}", "works at", True, True),
        (rf"^i(?: have|'ve|’ve)? {_NOW}{_BEGAN} (?:at|for|with) {_VALUE}", "works at", True, True),
        (rf"^i(?: have|'ve|’ve)? {_NOW}{_JOINED}", "works at", True, True),
        (rf"^ich arbeite {_JETZT}{_BEI}{_VALUE}", "works at", True, True),
        (
            rf"^ich habe {_JETZT}{_BEI}{_VALUE} (?:zu arbeiten )?(?:angefangen|begonnen)(?: zu arbeiten)?",
            "works at",
            True,
            True,
        ),
        (rf"^i {_NOW}work as (?:an? )?{_VALUE}", "works as", True, True),
        (rf"^i(?: am|'m|’m) allergic to {_VALUE}", "is allergic to", False, True),
        (rf"^i {_NOW}prefer {_VALUE}", "prefers", False, True),
        (rf"^i (?:really |absolutely )?(?:like|love|enjoy) {_VALUE}", "likes", False, True),
        (
            rf"^i (?:really |absolutely )?(?:hate|dislike|can't stand|do(?:n't| not) like|no longer like) {_VALUE}",
            "dislikes",
            False,
            True,
        ),
        (rf"^my (?P<predicate>[\w' -]{{2,40}}?) (?:is|are) {_NOW}(?:called |named )?{_VALUE}", None, True, True),
        (rf"^mein[e]? (?P<predicate>[\w -]{{2,40}}?) (?:ist|heißt|heisst) (?:jetzt )?{_VALUE}", None, True, True),
        (rf"^{_NAME} {_NOW}lives (?:in|at) {_VALUE}", "lives in", True, False),
        (rf"^{_NAME} (?:has )?{_NOW}moved (?:from .+? )?to {_VALUE}", "lives in", True, False),
        (rf"^{_NAME} {_NOW}works (?:at|for) {_VALUE}", "works at", True, False),
        (rf"^{_NAME} (?:has )?{_NOW}{_BEGAN} (?:at|for|with) {_VALUE}", "works at", True, False),
        (rf"^{_NAME} (?:has )?{_NOW}{_JOINED}", "works at", True, False),
        (rf"^{_NAME} arbeitet {_JETZT}{_BEI}{_VALUE}", "works at", True, False),
        (rf"^{_NAME} is allergic to {_VALUE}", "is allergic to", False, False),
        (rf"^{_NAME} (?:likes|loves|enjoys) {_VALUE}", "likes", False, False),
        (rf"^{_NAME} (?:hates|dislikes|no longer likes) {_VALUE}", "dislikes", False, False),
        (rf"^{_NAME}['’]s (?P<predicate>[a-z][\w -]{{1,40}}?) (?:is|are) {_NOW}{_VALUE}", None, True, False),
        (
            rf"^(?P<subject>(?:[Tt]he|[Mm]y|[Oo]ur) [\w' -]{{2,60}}?) {_STANDS} {_NOW}{_PUT}{_PLACE}",
            "place",
            True,
            False,
        ),
    )
)
OPPOSITES: Final = {"likes": "dislikes", "dislikes": "likes"}


def read_facts(text: str, speaker: str | None = None) -> Iterator[Statement]:
    """The statements of a text. First-person sentences are about ``speaker``, or about the owner where no other speaks."""
    owner = OWNER if speaker is None or speaker.casefold() in ("user", "me") else speaker
    seen = set()
    for sentence in sentences_and_lines(text):
        found = None if sentence.endswith("?") else _read_sentence(_INNER_STOP.sub(_STOP, sentence), owner)
        if found is not None and found.key not in seen:
            seen.add(found.key)
            yield found


def _read_sentence(sentence: str, owner: str) -> Statement | None:
    for pattern, predicate, single in _RULES:
        match = pattern.match(sentence)
        if match is None:
            continue
        named = match.groupdict()
        value = named["value"].replace(_STOP, ".").strip(" ,;:\"'“”")
        subject = re.sub(r"^(?:my|our|the) ", "", named.get("subject") or owner, flags=re.IGNORECASE)
        if not value or len(value) > MAX_VALUE_CHARS or _NOT_A_VALUE.match(value):
            continue
        if subject.split("'")[0].casefold() in _PRONOUNS or value.split()[0].casefold() in _PRONOUNS:
            continue
        return Statement(
            subject=subject, predicate=(predicate or named["predicate"]).strip().lower(), value=value, single=single
        )
    return None


def folded(text: str) -> str:
    """The words of a subject, predicate or value, stemmed and without articles: equal for the same thing said differently."""
    return " ".join(stem(word) for word in words(text) if word not in ("a", "an", "the"))


def refines(one: str, other: str) -> bool:
    """Whether one folded value only says more than the other ("in Kiel", "in Kiel near the harbour"): no contradiction."""
    first, second = set(one.split()), set(other.split())
    return first <= second or second <= first
