"""What is worth a memory, and how it is written down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import MAXYEAR, datetime
from typing import Final

from lotus_tasks.commands.memory import Told
from lotus_tasks.errors import InvalidInput
from lotus_tasks.language.sentences import sentences_and_lines
from lotus_tasks.memory.cues import text_cues
from lotus_tasks.memory.dates import told_span
from lotus_tasks.memory.models import KINDS, Draft, Entry, Kind, digest, plain
from lotus_tasks.memory.text import count_terms, embedding_text, stem, words
from lotus_tasks.origins import read_origin
from lotus_tasks.values import utc_now

MAX_CHARS: Final = 20_000
"""A single memory's text; longer texts are documents, to be ingested."""
ALIKE_KINDS: Final[tuple[Kind, ...]] = ("note", "preference", "fact", "summary")
"""What is not stored twice in other dress. Turns stand in a conversation, chunks in a document: there, each has its place."""
ARTICLES: Final = frozenset({"a", "an", "the"})
_INTERROGATIVE: Final = re.compile(
    r"^(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|am)\b",
    re.IGNORECASE,
)
_REQUEST: Final = re.compile(
    r"^(?:please\s+)?(?:tell|show|give|list|find|explain|summari[sz]e|write|translate|describe|compare|remind|recall|name|help)\b",
    re.IGNORECASE,
)


def entries(drafts: Sequence[Draft]) -> list[Entry]:
    """The drafts with their terms, ready for the store."""
    return [
        Entry(
            draft=draft,
            terms=count_terms(embedding_text(draft.text, draft.caption)),
            cues=text_cues(draft.text),
            told=told_days(draft.text, draft.happened_at or draft.told_at or utc_now()),
            likeness=likeness(draft.text) if draft.kind in ALIKE_KINDS else None,
        )
        for draft in drafts
    ]


def told_days(text: str, at: datetime) -> tuple[int, int] | None:
    """The days that a text written at that moment tells of besides its own: the ordinals of the first and the last."""
    found = told_span(text, at.astimezone().date())
    return (found.first, found.last) if found is not None else None


def likeness(text: str) -> bytes | None:
    """Stands for a text's words in their order, stemmed, without articles; None for a text without words.

    Nothing that carries meaning is left out: two texts that differ in a name, a number, a tense or a "not" are not alike.
    """
    kept = [stem(word) for word in words(text) if word not in ARTICLES]
    return digest("\x1f".join(kept)) if kept else None


def draft_of(told: Told, key: str) -> Draft:
    """The memory that a ``memory.remember`` asks for. Raises InvalidInput naming what is wrong."""
    text = told.text.replace("\x00", "\ufffd").strip()
    if not text:
        raise InvalidInput("there is nothing to remember: the text is empty")
    if len(text) > MAX_CHARS:
        raise InvalidInput(
            f"the text has {len(text):,} characters, a memory holds {MAX_CHARS:,}; "
            f"save it as a file and use `manage.py ingest FILE`"
        )
    kind = next((kind for kind in KINDS if kind == (told.kind or "note")), None)
    if kind is None:
        raise InvalidInput(f"there is no kind of memory named {told.kind!r}; use one of {', '.join(KINDS)}")
    if not 0.0 <= told.importance <= 1.0:
        raise InvalidInput(f"importance {told.importance} is not between 0 and 1")
    return Draft(
        text=text,
        key=told.key or key,
        kind=kind,
        importance=told.importance,
        source=told.source or "user",
        origin=read_origin(told.origin),
        provenance=dict(told.provenance or {}),
        thread=told.conversation_id or told.thread or None,
        segment=told.segment or None,
        position=told.position,
        speaker=told.speaker or None,
        happened_at=moment(told.happened_at, "happened_at"),
        valid_from=moment(told.valid_from, "valid_from"),
        valid_to=moment(told.valid_to, "valid_to"),
    )


def moment(value: object, name: str) -> datetime | None:
    """An ISO 8601 moment; one without a zone is local time. Raises InvalidInput."""
    if value is None or value == "":
        return None
    wrong = f"{name}={value!r} is not a date; write it like 2026-11-23 or 2026-11-23T18:30"
    try:
        found = datetime.fromisoformat(str(value)).astimezone()
    except (ValueError, OverflowError) as error:
        raise InvalidInput(wrong) from error
    if not 1 < found.year < MAXYEAR:  # In another time zone it would be in a year that no calendar here can show.
        raise InvalidInput(wrong)
    return found


def is_question(text: str) -> bool:
    """Whether a text only asks: every sentence of it is a question or a request. What also states something is a turn."""
    sentences = sentences_and_lines(text)
    return bool(sentences) and all(
        sentence.rstrip("\"'»”)").endswith(("?", "？")) or _INTERROGATIVE.match(sentence) or _REQUEST.match(sentence)
        for sentence in sentences
    )


def only_quotes(answer: str, quoted: Sequence[str]) -> bool:
    """Whether an answer says nothing that its memories don't: recalled text is never stored again."""
    sources = " ".join(plain(text) for text in quoted).casefold()
    pieces = [piece.strip(' .!?:;,-–—•*>"“”[]()0123456789') for piece in re.split(r"[.!?\n]+", answer)]
    return bool(sources) and all(plain(piece).casefold() in sources for piece in pieces if piece)
