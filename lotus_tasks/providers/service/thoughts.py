"""Tells a model's thinking from its answer where it writes both into one text.

The same text gives the same answer and the same thoughts, whatever the pieces in which it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from lotus_tasks.providers.models import Delta, RecastDelta, TextDelta, ThoughtDelta

_HARMONY_ENDS = ("<|channel|>final", "<|start|>assistant", "<|end|>", "<|return|>", "<|call|>")
_OPENINGS: dict[str, tuple[str, ...]] = {
    "<think>": ("</think>", "</thinking>"),  # DeepSeek R1, Qwen 3 and most others
    "<thinking>": ("</thinking>", "</think>"),
    "<thought>": ("</thought>",),  # EXAONE
    "<seed:think>": ("</seed:think>",),  # Seed-OSS
    "◁think▷": ("◁/think▷",),  # Kimi
    "[THINK]": ("[/THINK]",),  # Magistral
    "<|begin_of_thought|>": ("<|end_of_thought|>",),  # OpenThinker
    "<|START_THINKING|>": ("<|END_THINKING|>",),  # Command
    "<|channel>thought": ("<channel|>",),  # Gemma
    "<|channel|>analysis": _HARMONY_ENDS,  # gpt-oss: https://cookbook.openai.com/articles/openai-harmony
    "<|channel|>commentary": _HARMONY_ENDS,
}
"""What begins a thought, and what ends it. Those in lower case stand for any case."""
_ANSWERS = frozenset({"<|channel|>final"})
"""What begins the answer: it ends a thought, and needs none to have begun."""
_WRAPPERS = frozenset(
    {
        *_HARMONY_ENDS,
        "<|message|>",
        "<|constrain|>json",
        "<|begin_of_solution|>",
        "<|end_of_solution|>",
        "<|START_RESPONSE|>",
        "<|END_RESPONSE|>",
    }
)
"""What such a model writes around both. Dropped once it has shown that it is one."""
_CLOSINGS = frozenset(end for ends in _OPENINGS.values() for end in ends) - _WRAPPERS
_MARKERS = tuple(sorted({*_OPENINGS, *_CLOSINGS, *_ANSWERS, *_WRAPPERS}))
_LONGEST = max(map(len, _MARKERS))
_NAMED = frozenset({"<think>", "<thinking>", "<thought>", "<seed:think>", "◁think▷", "[THINK]"})
"""Openings that a sentence may name. Behind a sentence's end, within its line, they count only when they are closed."""
_NAMED_ENDS = frozenset(end for opening in _NAMED for end in _OPENINGS[opening])
_SENTENCE_ENDS = ".!?…。！？"
_OPENING_QUOTES = "\"'“„‘‚«‹([{*_"
_CLOSING_QUOTES = "\"'”“’»)]}*_"
_GOING_ON = ",;:.!?…-)\"'”’»"
"""What follows a mark at once where the sentence that names it goes on."""
_SPECIAL = re.compile(r"[\n`~<◁\[]")
_RUN = re.compile(r"`+|~+")
_TAIL = 4
"""So many characters of a line say whether a sentence has ended."""
_FENCE = 3
"""Characters that open a code fence (CommonMark 0.31, 4.5)."""


class _Mode(Enum):
    ANSWER = auto()
    THOUGHT = auto()
    HELD = auto()


@dataclass(slots=True)
class _Line:
    """Where in the answer's Markdown the reading is."""

    blank: bool = True
    ticks: int = 0
    fence: str = ""
    fence_ends: bool = False
    mentions: int = 0
    tail: str = ""

    @property
    def in_sentence(self) -> bool:
        """Whether a mark here would stand within a sentence: behind a word and a space, or in quotation marks."""
        if self.blank or not self.tail:
            return False
        if self.tail[-1].isspace():
            return self.tail.rstrip().rstrip(_CLOSING_QUOTES)[-1:] not in [*_SENTENCE_ENDS]
        return self.in_quotes

    @property
    def in_quotes(self) -> bool:
        """Whether the line's last characters open a quotation, or set what follows off."""
        before = self.tail.rstrip(_OPENING_QUOTES)
        return before != self.tail and (not before or before[-1].isspace())

    @property
    def in_code(self) -> bool:
        return bool(self.fence or self.ticks)

    def _saw(self, text: str) -> None:
        tail = self.tail + text
        words = tail.rstrip()
        self.tail = words[-_TAIL:] + (" " if len(words) < len(tail) else "")

    def plain(self, text: str) -> None:
        self._saw(text)
        if text.strip(" \t>"):  # a quotation's mark stands before a fence, too
            self.blank = self.fence_ends = False

    def run(self, run: str) -> None:
        """A run of backticks or tildes."""
        self._saw(run)
        if self.fence:
            self.fence_ends = self.blank and run.startswith(self.fence)
        elif self.blank and len(run) >= _FENCE:
            self.fence = run
        elif run[0] == "`":
            self.ticks = 0 if self.ticks == len(run) else self.ticks or len(run)
        self.blank = False

    def end(self) -> None:
        """The line is over. What was quoted within it is, too: a stray backtick must not hide a thought for good."""
        self.fence = "" if self.fence_ends else self.fence
        self.blank, self.ticks, self.fence_ends = True, 0, False
        self.mentions, self.tail = 0, ""


class ThoughtSplitter:
    """One reply's text, as it comes: ``feed`` each piece, then ``finish``.

    Thoughts stand between the marks of ``_OPENINGS``. A closing mark that nothing opened makes all before it a thought: many
    chat templates write the opening into the prompt. A mark in a code fence, between backticks or within a sentence, which names
    it, is text, closed or not. A thought that is never closed lasts to the end. White space before the answer is dropped.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._mode = _Mode.ANSWER
        self._ends: tuple[str, ...] = ()
        self._held = ""
        self._line = _Line()
        self._lead = ""
        self._said = False
        self._thinks = False

    def feed(self, text: str) -> Iterator[Delta]:
        """What can be told of the text so far."""
        self._pending += text
        yield from _joined(self._read(last=False))

    def finish(self) -> Iterator[Delta]:
        """The rest: no more text comes."""
        yield from _joined(self._read(last=True))
        if self._mode is _Mode.HELD:
            given_back, self._held, self._mode = self._held, "", _Mode.ANSWER
            yield from self._say(given_back)
        if self._lead and not self._thinks:
            yield TextDelta(self._lead)
        self._lead = ""

    def _read(self, *, last: bool) -> Iterator[Delta]:
        while self._pending:
            before = self._pending
            if self._mode is _Mode.ANSWER:
                yield from self._read_answer(last=last)
            else:
                yield from self._read_thought(last=last)
            if self._pending == before:
                return

    def _read_answer(self, *, last: bool) -> Iterator[Delta]:
        """One plain stretch, line's end, run of ticks, or mark."""
        found = _SPECIAL.search(self._pending)
        plain = len(self._pending) if found is None else found.start()
        if plain:
            self._line.plain(self._pending[:plain])
            yield from self._say(self._take(plain))
        elif self._pending[0] == "\n":
            self._line.end()
            yield from self._say(self._take(1))
        elif run := _RUN.match(self._pending):
            if run.end() < len(self._pending) or last:
                self._line.run(run[0])
                yield from self._say(self._take(run.end()))
        elif self._line.in_code:
            self._line.plain(self._pending[0])
            yield from self._say(self._take(1))
        else:
            yield from self._read_mark(last=last)

    def _read_mark(self, *, last: bool) -> Iterator[Delta]:
        mark = next((one for one in _MARKERS if _is(self._pending[: len(one)], one)), "")
        if not mark:
            if last or not self._may_become_a_mark():
                self._line.plain(self._pending[0])
                yield from self._say(self._take(1))
            return
        is_named = self._names(mark, last=last) if mark in _NAMED | _NAMED_ENDS and self._said else False
        if is_named is None:
            yield ThoughtDelta("")  # a sign of life
        elif is_named:
            self._line.mentions += 1 if mark in _NAMED else -bool(self._line.mentions)
            self._line.plain(mark)
            yield from self._say(self._take(len(mark)))
        elif mark in _OPENINGS:
            self._open(mark)
        elif mark in _CLOSINGS or (mark in _ANSWERS and not self._thinks):
            self._take(len(mark))
            yield from self._recast()
        elif self._thinks or (mark in _HARMONY_ENDS and not self._said):
            self._thinks = True
            self._take(len(mark))
        else:
            self._line.plain(mark)
            yield from self._say(self._take(len(mark)))

    def _names(self, mark: str, *, last: bool) -> bool | None:
        """Whether a sentence of the answer names the mark that comes now; None where the rest of its line must be seen."""
        after = self._pending[len(mark) :]
        if mark in _NAMED_ENDS:
            if self._line.mentions or (self._line.in_sentence and self._line.in_quotes):
                return True
            return _goes_on(after, last=last, at_end=True) if self._line.in_sentence else False
        if not self._line.in_sentence:
            return False
        line, line_end, _ = after.partition("\n")
        if _first(line, _OPENINGS[mark])[1]:
            return True
        return bool(line.strip()) or not line_end if line_end or last else None

    def _may_become_a_mark(self) -> bool:
        size = len(self._pending)
        return size < _LONGEST and any(_is(self._pending, one[:size]) for one in _MARKERS)

    def _open(self, mark: str) -> None:
        taken = self._take(len(mark))
        self._ends = _OPENINGS[mark]
        if mark in _NAMED and self._said and not self._line.blank:
            self._mode, self._held = _Mode.HELD, taken
            return
        self._mode, self._thinks = _Mode.THOUGHT, True
        if not self._said:
            self._lead = ""

    def _read_thought(self, *, last: bool) -> Iterator[Delta]:
        """The thought up to its end, or as far as no end can have begun."""
        marks = (*self._ends, "<|message|>") if self._ends is _HARMONY_ENDS else self._ends
        at, mark = _first(self._pending, marks)
        if mark and self._mode is _Mode.HELD:
            is_named = _goes_on(self._pending[at + len(mark) :], last=last, at_end=False)
            if is_named is None:
                yield ThoughtDelta("")
                return
            if is_named:
                yield from self._give_back(at + len(mark))
                return
        if not mark:
            at = len(self._pending) if last else len(self._pending) - _begun(self._pending, marks)
        yield from self._think(self._take(at))
        self._take(len(mark))
        if mark and mark != "<|message|>":
            if self._mode is _Mode.HELD:
                yield ThoughtDelta(self._held.partition(">")[2])
                self._held = ""
            self._mode, self._thinks = _Mode.ANSWER, True

    def _give_back(self, size: int) -> Iterator[Delta]:
        """What was held, and ``size`` characters more, are the answer's."""
        text, self._held, self._mode = self._held + self._take(size), "", _Mode.ANSWER
        if "\n" in text:
            self._line.end()
        self._line.plain(text.rpartition("\n")[2])
        yield from self._say(text)

    def _recast(self) -> Iterator[Delta]:
        self._thinks, self._lead, self._line = True, "", _Line()
        if self._said:
            self._said = False
            yield RecastDelta()

    def _say(self, text: str) -> Iterator[Delta]:
        if not self._said:
            self._lead += text
            if not text.strip():
                return
            text = self._lead.lstrip() if self._thinks else self._lead
            self._said, self._lead = True, ""
        yield TextDelta(text)

    def _think(self, text: str) -> Iterator[Delta]:
        if self._mode is _Mode.HELD:
            self._held += text
            text = ""  # a sign of life
        yield ThoughtDelta(text)

    def _take(self, count: int) -> str:
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken


def _goes_on(after: str, *, last: bool, at_end: bool) -> bool | None:
    """Whether a sentence goes on with ``after``; None where that is still to come, ``at_end`` where nothing does."""
    words = after.lstrip(" \t")
    if not words:
        return at_end if last else None
    return words[0] in _GOING_ON if len(words) == len(after) else words[0].islower()


def _is(text: str, mark: str) -> bool:
    return text == mark or text.lower() == mark


def _first(text: str, marks: tuple[str, ...]) -> tuple[int, str]:
    """Where the first of ``marks`` stands, and which it is; (-1, "") where none does."""
    lower = text.lower() if len(text.lower()) == len(text) else text
    found = [(at, mark) for mark in marks if (at := (lower if mark.islower() else text).find(mark)) >= 0]
    return min(found, default=(-1, ""))


def _begun(text: str, marks: tuple[str, ...]) -> int:
    """The length of the end of ``text`` that may be the beginning of one of ``marks``."""
    longest = max(map(len, marks)) - 1
    return next(
        (size for size in range(min(longest, len(text)), 0, -1) if any(_is(text[-size:], one[:size]) for one in marks)),
        0,
    )


def _joined(deltas: Iterator[Delta]) -> Iterator[Delta]:
    """Neighbours of one kind as one: the pieces are the model's, not the reading's."""
    kept: TextDelta | ThoughtDelta | None = None
    for delta in deltas:
        if isinstance(kept, TextDelta) and isinstance(delta, TextDelta):
            kept = TextDelta(kept.text + delta.text)
        elif isinstance(kept, ThoughtDelta) and isinstance(delta, ThoughtDelta):
            kept = ThoughtDelta(kept.text + delta.text)
        else:
            if kept is not None:
                yield kept
            kept = delta if isinstance(delta, TextDelta | ThoughtDelta) else None
            if kept is None:
                yield delta
    if kept is not None:
        yield kept
