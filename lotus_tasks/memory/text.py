"""Text as memory reads it: the terms of BM25, the text that is embedded, and which of its tokens carry meaning.

Terms are language-neutral: Unicode words, compatibility forms and accents unified, case folded; words in Latin letters are
stemmed (Snowball, English); scripts that put no space between words are cut into character pairs. Nothing but the commonest
English function words is left out, so a rare word of any language is always found by that word.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import snowballstemmer

LEXICON_VERSION: Final = "4"
"""Changes whenever the same text would be read otherwise (terms, cues, days, whether it only asks): all are then read anew."""

# Scripts whose words aren't separated: Thai, Lao, Myanmar, Khmer, kana, Han, Hangul (whose particles stick to the word).
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
# Marks that belong to words although `\w` doesn't know them: Hebrew and Arabic points, Indic vowel signs.
_MARKS: Final = "\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_MARKS}])+(?:'(?:[^\W_{_UNSPACED}]|[{_MARKS}])+)*")
_RUN: Final = re.compile(rf"[{_UNSPACED}]")
_LATIN: Final = re.compile(r"[a-z]+")
# What a text may leave out without being another text: Latin accents, Hebrew points, Arabic vowels and tatweel.
_ACCENTS: Final = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u0640\u064b-\u065f\u0670]")
_CLITIC: Final = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")
_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "＇": "'"})

STOP_WORDS: Final = frozenset(
    """a an and are as at be been but by did do does for from had has have he her him his how i if in into is it its me my no
    not of on or our she so than that the their them then there these they this those to was we were what when where which who
    whom whose why will with would you your about can could should may might am being just also any some more most very ca wo
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""English words that say nothing about a text's subject; they are neither indexed nor asked for."""

FUNCTION_WORDS: Final = frozenset(
    """aber als auch auf aus bei das dem den der des die ein eine einem einen einer er es fur haben hat hatte ich ihr im ist
    kann mein meine mit nach nicht oder sich sie sind uber um und uns von vor wann war warum was welche welcher wem
    wen wer wie wir wird wo zu zum zur au aux avec ce ces cette comment dans de du elle elles en est et il ils je la
    le les leur ma mes mon nous ou par pas pour pourquoi qu quand que quel quelle quels qui sa ses son sont sur ta tes
    toi tu un une vous al como con cual cuando del donde el ella ellos era eres es esta este estos fue ha hay la las
    lo los mi mis muy nos para pero por porque quien quienes se ser si sin sobre son su sus te tiene un una unos y ya
    yo che chi ci come cosa da dei delle di dov dove e gli ho i il io mia mio nei nel nella non per perche piu quale
    quali quando questa questo sei sono tra aan als ben bij dat de deze die dit een en het hij hoe ik je kan met mijn
    naar niet of om op te uit van voor waar wanneer wat welke wie wij ze zijn ao com da das do dos e em essa esse eu
    foi isso mais meu minha na nas no nos o onde os ou pela pelo quem qual tem um uma voce
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""Function words of other languages (accents removed). They are indexed, but weigh little in a question."""

_EMPTY_PIECES: Final = STOP_WORDS | {"s", "t", "d", "m", "ll", "re", "ve"}
_local = threading.local()


def words(text: str) -> list[str]:
    """The words of a text in order, case folded and without accents; a run of unspaced script is one word."""
    return [word for word, _ in _scan(text)]


def terms(text: str) -> list[str]:
    """The terms of a text in order. An all-capitals word in mixed-case text is never a stop word (IT, WHO, US)."""
    found: list[str] = []
    for word, shouted in _scan(text):
        if _RUN.match(word):
            found.extend(word[at : at + 2] for at in range(max(len(word) - 1, 1)))
            continue
        plain = _CLITIC.sub("", word)
        for part in plain.split("'"):
            if part in STOP_WORDS:
                if shouted and len(part) > 1:
                    found.append(part.upper())
            elif part:
                found.append(stem(part))
    return found


def count_terms(text: str) -> dict[str, int]:
    """How often a text holds each of its terms."""
    return dict(Counter(terms(text)))


def embedding_text(text: str, speaker: str | None) -> str:
    """What is embedded of a memory."""
    return f"{speaker}: {text}" if speaker else text


def is_content_piece(piece: str) -> bool:
    """Whether a WordPiece token carries meaning: no special token, no punctuation, no stop word."""
    if piece.startswith("##"):
        return len(piece) > 2
    return piece not in _EMPTY_PIECES and any(char.isalnum() for char in piece) and not piece.startswith("[")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of a folded word; words that aren't plain Latin letters are their own."""
    if len(word) < 3 or not _LATIN.fullmatch(word):
        return word
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        # A stemmer keeps its state between calls, so each thread has its own.
        stemmer = _local.stemmer = snowballstemmer.stemmer("english")
    stemmed: str = stemmer.stemWord(word)
    return stemmed


def _scan(text: str) -> Iterator[tuple[str, bool]]:
    unified = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    mixed = any(char.islower() for char in unified)
    for found in _WORD.finditer(unified):
        word = found.group()
        yield _fold(word), mixed and word.isupper()


@lru_cache(maxsize=50_000)
def _fold(word: str) -> str:
    folded = word.casefold()
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", folded)))
