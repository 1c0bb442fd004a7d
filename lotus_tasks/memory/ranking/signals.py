"""The signals by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "words": ("words", "words_best"),
    "words_beside": ("words_beside", "words_around", "words_around_best", "words_before"),
    "segment": ("segment_words", "segment_score", "segment_score_best", "segment_peak"),
    "meaning": ("meaning", "segment_meaning"),
    "meaning_beside": ("meaning_before", "meaning_beside", "meaning_around"),
    "tokens": ("tokens", "tokens_beside", "tokens_around"),
    "speaker": ("speaker", "other_speaker", "own_words"),
    "date": ("date",),
    "time": ("says_when",),
    "form": ("length", "is_question", "asks", "answers", "answers_words"),
}
"""The signals by what they look at; a group can be turned off as one, and `recall --explain` shows their shares."""
SIGNALS: Final = tuple(name for names in GROUPS.values() for name in names)
SURVEY_SIGNALS: Final = tuple(name for name in SIGNALS if name not in {*GROUPS["meaning_beside"], *GROUPS["tokens"]})
"""Those that are known of every memory before any vector is fetched."""
