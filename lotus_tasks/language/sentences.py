"""Where a sentence ends, by rules for Latin, Cyrillic, Greek, Arabic, Indic and East Asian writing.

A full stop ends no sentence after an abbreviation, an initial, the number of a list item or a German ordinal ("am 4. Februar"),
nor before a small letter, unless the writer begins sentences with small letters.
"""

from __future__ import annotations

import re
from typing import Final

_END: Final = re.compile(
    r"(?:(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)"  # Latin, Cyrillic, Greek …
    r"|[。！？｡]+[」』”’）]*"  # Chinese and Japanese put no space after it
    r"|[؟۔।॥։።፧]+)\s*"  # Arabic, Urdu, Devanagari, Armenian, Ethiopic
)
_SHORT: Final = re.compile(
    r"(?:(?<![\w'’])(?:e\.g|i\.e|cf|vs|ca|approx|st|dr|prof|mrs?|ms|mx|rev|hon|gen|col|capt|lt|sgt"  # before what they belong to
    r"|hr|fr|frl|bzw|d\.\s?h|z\.\s?b|u\.\s?a|vgl|evtl|ggf|s\.\s?o|mme|mlle|m\.\s?e|sra|srta|sig|dott|ing|dipl|tel)"
    r"|(?:^|[\s(.])[^\W\d_]|(?:^|\n)\s*\d{1,3})\.$",  # an initial; the number of a list item
    re.IGNORECASE,
)
_BEFORE_NUMBER: Final = re.compile(
    r"(?<![\w'’])(?:nos?|nr|num|vol|pp?|figs?|art|ch|chap|sec|tab|eq|abb|kap|ziff|str)\.$", re.IGNORECASE
)
_CAN_END: Final = re.compile(r"(?<![\w'’])(?:etc|usw|usf|inc|ltd|co|corp|dept|al|jr|sr|ave|blvd|a\.m|p\.m)\.$", re.IGNORECASE)
_ORDINAL: Final = re.compile(
    r"(?<!\w)(?:am|dem|den|der|die|das|des|vom|zum|zur|im|bis|seit|ab|beim|eine?n?|jede[nrs]?|unser)\s+\d{1,2}\.$", re.IGNORECASE
)
_MONTH: Final = re.compile(
    r"(?:jan|jän|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez|led|úno|bře|dub|kvě|čer|srp|zář|říj|lis|pro)\w*\b", re.IGNORECASE
)
_DAY: Final = re.compile(r"(?<![\w.,])\d{1,2}\.$")
_LETTER: Final = re.compile(r"[^\W\d_]")
_LOOK_BACK: Final = 40
"""Characters: the longest thing before a full stop that is looked for, and how far a sentence's first letter is."""


def split_sentences(text: str) -> list[str]:
    """The sentences, each with the space after it: joined, they are the text again."""
    sentences: list[str] = []
    begin = 0
    small = _begins_small(text, 0)
    for end in _END.finditer(text):
        tail = text[max(begin, end.end() - _LOOK_BACK) : end.end()]
        if not tail.strip() or _goes_on(tail.rstrip(), text[end.end() : end.end() + 12], small=small):
            continue
        sentences.append(text[begin : end.end()])
        begin = end.end()
        small = _begins_small(text, begin)
    if begin < len(text):
        sentences.append(text[begin:])
    return sentences


def sentences_and_lines(text: str) -> list[str]:
    """The sentences without the space around and within them; a line's end is a sentence's end, too."""
    pieces = (" ".join(piece.split()) for line in text.splitlines() for piece in split_sentences(line))
    return [piece for piece in pieces if piece]


def first_sentence(text: str) -> str:
    """The first of `sentences_and_lines`, or nothing."""
    return next(iter(sentences_and_lines(text)), "")


def _goes_on(tail: str, after: str, *, small: bool) -> bool:
    """Whether a sentence goes on after its ``tail``; ``small``: it began with a small letter."""
    if after[:1].islower() and not small:
        return True
    if not tail.endswith("."):
        return False
    if after[:1].isdigit() and _BEFORE_NUMBER.search(tail):
        return True
    if _CAN_END.search(tail):
        return not after[:1].isupper()
    return bool(_SHORT.search(tail) or _ORDINAL.search(tail) or (_DAY.search(tail) and _MONTH.match(after)))


def _begins_small(text: str, begin: int) -> bool:
    letter = _LETTER.search(text, begin, begin + _LOOK_BACK)
    return letter is not None and letter[0].islower()
