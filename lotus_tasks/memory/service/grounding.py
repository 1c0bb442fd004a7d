"""Whether a text that a model wrote says only what its sources say: names, numbers and denials may not be new.

The check is by words, so it errs on the side of refusing: a capital letter makes a name, and in a script without capitals every
word may be one. What a model says of things with its sources' own names and numbers is not looked into.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from lotus_tasks.language.sentences import sentences_and_lines
from lotus_tasks.memory.text import FUNCTION_WORDS, STOP_WORDS, terms, words

MAX_NEW_WORDS: Final = 0.5
"""A retelling with a larger share of words that are in no source is the model's own story."""
NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NEGATIONS: Final = frozenset(
    """not no never none nobody nothing cannot without nicht kein keine nie ohne pas jamais no nunca sin non mai senza
    niet geen nooit nao""".split()  # noqa: SIM905 - one word a line would be pages
)
_NUMBER_WORDS: Final = frozenset(
    """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
    twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen zwei drei vier funf sechs
    sieben acht neun zehn elf zwolf hundert tausend""".split()  # noqa: SIM905 - one word a line would be pages
)
_OPENERS: Final = frozenset(
    """additionally after afterwards all also although another at before besides both during each earlier even every everyone
    finally first following furthermore given here however in initially last later likewise many meanwhile moreover most
    nevertheless next nobody now once one originally otherwise overall participants people previously regarding several since
    someone sometimes soon speakers still such then therefore though throughout thus today together two under until upon user
    users various what when whenever while yet zuerst danach dann spater heute""".split()  # noqa: SIM905 - one word a line would be pages
)
"""Words that begin a sentence, and therefore with a capital, without naming anything."""
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")


def denials(text: str) -> int:
    """How often a text denies."""
    return sum(word in _NEGATIONS or word.endswith("n't") for word in words(text))


def invented(text: str, sources: Iterable[str]) -> str:
    """What a text says that none of its sources does, as a reason to refuse it; "" where it says nothing of its own."""
    told = "\n".join(sources)
    known = set(terms(told))
    numbers = set(NUMBER.findall(unicodedata.normalize("NFKC", told)))
    strange = sorted(set(NUMBER.findall(unicodedata.normalize("NFKC", text))) - numbers)
    if strange:
        return f"the number {strange[0]} is in none of its sources"
    for word in _names(text):
        if not known.issuperset(terms(word)):
            return f"the name or number {word!r} is in none of its sources"
    if denials(text) and not denials(told):
        return "it denies something, and none of its sources does"
    said = set(terms(text))
    new = len(said - known) / len(said) if said else 1.0
    return f"{new:.0%} of its words are in none of its sources" if new > MAX_NEW_WORDS else ""


def _names(text: str) -> Iterator[str]:
    """The words of a text that may be names, and those that hold or are numbers."""
    for sentence in sentences_and_lines(unicodedata.normalize("NFKC", text)):
        first = True
        for found in _TOKEN.finditer(sentence):
            word = found.group()
            folded = words(word)[0] if words(word) else ""
            capital = word[0].isupper()
            common = folded in STOP_WORDS or folded in FUNCTION_WORDS or (first and folded in _OPENERS)
            caseless = not any(char.islower() or char.isupper() for char in word)
            shouted = capital and len(word) > 1 and word.isupper()
            numeric = folded in _NUMBER_WORDS or any(char.isdigit() for char in word)
            if numeric or ((capital or caseless) and (not common or shouted)):
                yield word
            first = False
