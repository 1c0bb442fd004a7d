"""Text as memory reads it: the terms of BM25, and the text that is embedded."""

from __future__ import annotations

import re
import threading
from collections import Counter
from functools import lru_cache
from typing import Final

import snowballstemmer

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_STOP: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "she",
        "so",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)
_local = threading.local()

LEXICON_VERSION: Final = "0"
"""Changes whenever the same text would give other terms: the index is then built anew."""


def terms(text: str) -> list[str]:
    """The terms of a text in order: words in lower case, stemmed, without the commonest."""
    return [
        _stem(word) for word in (found.lower().replace("’", "'") for found in _WORD.findall(text)) if word not in _STOP
    ]


def count_terms(text: str) -> dict[str, int]:
    """How often a text holds each of its terms."""
    return dict(Counter(terms(text)))


def embedding_text(text: str, speaker: str | None) -> str:
    """What is embedded of a memory."""
    return f"{speaker}: {text}" if speaker else text


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        # A stemmer keeps its state between calls, so each thread has its own.
        stemmer = _local.stemmer = snowballstemmer.stemmer("english")
    stem: str = stemmer.stemWord(word.removesuffix("'s"))
    return stem
