"""Cutting text where it may be cut: between sentences, else lines, else words, and within a word only where nothing else helps.

Scripts that put no space between words (Chinese, Japanese, Thai …) are measured by their characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from lotus_tasks.language.scripts import UNSPACED
from lotus_tasks.language.sentences import split_sentences

MOST_WORDS = 220
"""What the embedding model sees of a text is 256 tokens: about so many English words (all-MiniLM-L6-v2's model card)."""
MOST_CHARACTERS = 1200
"""A chunk of this length still fits on a screen beside others."""

_UNSPACED = re.compile(f"[{UNSPACED}]")


def count_words(text: str) -> int:
    """How many words a model would see, roughly: those between spaces, and each character of a script without spaces."""
    return len(text.split()) + (0 if text.isascii() else len(_UNSPACED.findall(text)))


def fits(text: str) -> bool:
    """Whether the text is short enough for one chunk."""
    return len(text) <= MOST_CHARACTERS and count_words(text) <= MOST_WORDS


def split_long(text: str) -> list[str]:
    """The text in pieces that fit, cut between sentences where it can be, else lines, else words."""
    return _split(text, (_sentences, _lines, _words))


def split_lines(text: str) -> list[str]:
    """The text in pieces that fit, cut between lines where it can be, else words: for code, tables and logs."""
    return _split(text, (_lines, _words))


def pack(units: Iterable[str], joint: str, *, split: Callable[[str], list[str]]) -> list[str]:
    """Units joined until one more wouldn't fit; a unit that is too long itself is split."""
    packed: list[str] = []
    current = ""
    words = 0
    for unit in units:
        more = count_words(unit)
        if current and len(current) + len(joint) + len(unit) <= MOST_CHARACTERS and words + more <= MOST_WORDS:
            current, words = f"{current}{joint}{unit}", words + more
            continue
        if current:
            packed.append(current)
        if fits(unit):
            current, words = unit, more
        else:
            *whole, current = split(unit)
            packed.extend(whole)
            words = count_words(current)
    if current:
        packed.append(current)
    return [piece.strip("\n").rstrip() for piece in packed]


def _split(text: str, ways: Sequence[tuple[Callable[[str], list[str]], str]]) -> list[str]:
    if fits(text):
        return [text]
    for number, (cut, joint) in enumerate(ways):
        units = cut(text)
        if len(units) > 1:
            rest = ways[number + 1 :]
            return pack(units, joint, split=lambda unit, rest=rest: _split(unit, rest))  # type: ignore[misc]
    return _cut_hard(text)


def _cut_hard(text: str) -> list[str]:
    """Pieces of a text without any gap. A combining mark stays with its letter."""
    length = MOST_WORDS if _UNSPACED.search(text) else MOST_CHARACTERS
    pieces = []
    while len(text) > length:
        end = length
        while end > length // 2 and _belongs_to_former(text, end):
            end -= 1
        pieces.append(text[:end])
        text = text[end:]
    return [*pieces, text] if text else pieces


def _belongs_to_former(text: str, place: int) -> bool:
    return bool(unicodedata.combining(text[place])) or text[place] in "\u200d\ufe0f" or text[place - 1] == "\u200d"


_sentences = (split_sentences, "")
_lines = (lambda text: [line for line in text.splitlines() if line.strip()], "\n")
_words = (str.split, " ")
