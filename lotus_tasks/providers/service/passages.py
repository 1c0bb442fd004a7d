"""What of a recalled text can be evidence: its sentences, list items, table rows and lines of code. Pure.

A heading, a document's front matter, a table's head and a callout's mark say what a text is about, and state nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lotus_tasks.language.sentences import split_sentences

PASSAGE_CHARS = 320
"""A sentence is quoted with what stands beside it, up to so much."""

_MARKUP = re.compile(r"^\s*(?:>\s?|[-*+]\s+(?:\[[ xX]\]\s+)?|\d+[.)]\s+)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_CALLOUT = re.compile(r"^\s*(?:>\s*)*\[!\w+\][+-]?")
_FRONT_MATTER_LINE = re.compile(r"^(?:[\w-]+:(?:\s.*)?|\s+-?\s*\S.*|-\s+\S.*|)$")
_FRONT_MATTER_ONLY = re.compile(
    r"^(?:title|tags|aliases|created|updated|modified|date|author|category|categories|layout|draft|id|slug):",
    re.IGNORECASE,
)
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{3,}:?\s*(?:\|\s*:?-{3,}:?\s*)*\|?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A piece of evidence, word for word. ``block``: of which paragraph, item or row; ``alone``: a row or a line of code, which
    is quoted without its neighbours.
    """

    text: str
    block: int
    alone: bool = False


def sentences_of(text: str) -> list[Sentence]:
    """The evidence in prose or Markdown, in order. A line that ends in a colon keeps what it introduces."""
    found: list[Sentence] = []
    for number, (block, alone) in enumerate(_blocks(without_front_matter(text))):
        for piece in [block] if alone else _split(block):
            if found and found[-1].text.endswith(":"):
                before = found.pop()
                found.append(Sentence(text=f"{before.text} {piece}", block=before.block))
            else:
                found.append(Sentence(text=piece, block=number, alone=alone))
    return found


def without_front_matter(text: str) -> str:
    """The text without the keys and values that stand before a document, also where a chunk lost the lines around them."""
    lines = text.lstrip("\ufeff\n").splitlines()
    if lines and lines[0].strip() == "---":
        end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() in {"---", "..."}), None)
        if end is not None and all(_FRONT_MATTER_LINE.match(line) for line in lines[1:end]):
            return "\n".join(lines[end + 1 :])
    filled = [line for line in lines if line.strip() and line.strip() != "---"]
    if filled and all(_FRONT_MATTER_LINE.match(line) for line in filled) and _FRONT_MATTER_ONLY.match(filled[0]):
        return ""
    return text


def passage_around(sentences: Sequence[Sentence], place: int, *, leave_out: Sequence[bool]) -> str:
    """The sentence at ``place`` with what stands beside it, nearest first, up to PASSAGE_CHARS; ``leave_out`` names what isn't
    taken along.
    """
    if sentences[place].alone:
        return sentences[place].text
    first = last = place
    length = len(sentences[place].text)
    grows = {-1: True, 1: True}
    while any(grows.values()):
        for step in (1, -1):
            beside = (last if step > 0 else first) + step
            if not grows[step] or not 0 <= beside < len(sentences):
                grows[step] = False
                continue
            one = sentences[beside]
            if one.alone or leave_out[beside] or length + 1 + len(one.text) > PASSAGE_CHARS:
                grows[step] = False
                continue
            length += 1 + len(one.text)
            first, last = min(first, beside), max(last, beside)
    return _joined(sentences[first : last + 1])


def _joined(sentences: Sequence[Sentence]) -> str:
    text = sentences[0].text
    for before, one in pairwise(sentences):
        # Items of a list end without a full stop.
        gap = " " if one.block == before.block or before.text[-1:] in ".!?…:;,。！？" else "; "
        text += gap + one.text
    return text


def _split(block: str) -> list[str]:
    return [piece for sentence in split_sentences(block) if (piece := sentence.strip())]


def _blocks(text: str) -> Iterable[tuple[str, bool]]:
    """Paragraphs joined to one line and list items each by themselves; table rows and code lines, which stand alone."""
    lines = [_CALLOUT.sub("", line) for line in text.splitlines()]
    paragraph: list[str] = []
    fenced = False
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if _FENCE.match(line):
            fenced = not fenced
            yield from _flush(paragraph)
        elif fenced or line.lstrip().startswith("|") or " | " in line:
            yield from _flush(paragraph)
            yield from _alone(line, following, fenced=fenced)
        elif not line.strip() or _HEADING.match(line) or _TABLE_RULE.match(line):
            yield from _flush(paragraph)
        else:
            if _MARKUP.match(line) and not line.lstrip().startswith(">"):
                yield from _flush(paragraph)
            paragraph.append(_MARKUP.sub("", line).strip())
    yield from _flush(paragraph)


def _alone(line: str, following: str, *, fenced: bool) -> Iterable[tuple[str, bool]]:
    """A line of code, or a table's row that is neither its head nor the rule below that."""
    if fenced:
        if line.strip():
            yield f"`{line.strip()}`", True
    elif not _TABLE_RULE.match(line) and not _TABLE_RULE.match(following):
        yield line.strip().strip("|").strip(), True


def _flush(paragraph: list[str]) -> Iterable[tuple[str, bool]]:
    joined = " ".join(line for line in paragraph if line)
    paragraph.clear()
    if joined:
        yield joined, False
