"""A document to chunks: what belongs together stays together, and each is small enough to be embedded whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lotus_tasks.perception.models import Chunk, Document
from lotus_tasks.perception.service.blocks import Block, markdown_blocks
from lotus_tasks.perception.service.sentences import MOST_CHARACTERS, MOST_WORDS, count_words

CHUNKER = 2
"""Grows with a change that cuts differently: an unchanged source is then read anew."""

LARGEST_MARKDOWN = 3_000_000
"""Beyond so many characters Markdown is cut as plain text: no one writes that by hand, and parsing it takes minutes."""

_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


def chunk(document: Document) -> list[Chunk]:
    """The document's chunks in their order: none longer than MOST_CHARACTERS (a fence or a table's head is added to that)."""
    if document.kind == "markdown" and len(document.text) <= LARGEST_MARKDOWN:
        blocks: Iterable[Block] = markdown_blocks(document.text)
    else:
        blocks = _plain_blocks(document.text)
    return list(_fill(blocks))


def _plain_blocks(text: str) -> Iterator[Block]:
    for paragraph in _PARAGRAPHS.split(text):
        if cleaned := paragraph.strip("\n").rstrip():
            yield Block(heading="", text=cleaned, leads=cleaned.endswith(":") and len(cleaned) < MOST_CHARACTERS // 3)


def _fill(blocks: Iterable[Block]) -> Iterator[Chunk]:
    """Blocks under one heading, joined until the next wouldn't fit."""
    held: list[Block] = []
    for block in blocks:
        if held and (block.heading != held[0].heading or not _fits(held, block)):
            lead = held[-1:] if _goes_along(held, block) else []
            yield _chunk(held[: len(held) - len(lead)])
            held = lead
        if _fits([], block):
            held.append(block)
            continue
        *whole, last = block.split(block.text)
        if held:
            yield _chunk(held)
        for piece in whole:
            yield Chunk(heading=block.heading, text=piece)
        held = [Block(heading=block.heading, text=last, split=block.split)]
    if held:
        yield _chunk(held)


def _goes_along(held: list[Block], block: Block) -> bool:
    """Whether the last block held announces this one, so that it belongs into the next chunk."""
    last = held[-1]
    return last.leads and last.heading == block.heading and len(held) > 1 and _fits([last], block)


def _fits(held: list[Block], block: Block) -> bool:
    characters = sum(len(part.text) + 2 for part in held) + len(block.text)
    return characters <= MOST_CHARACTERS and sum(count_words(part.text) for part in (*held, block)) <= MOST_WORDS


def _chunk(held: list[Block]) -> Chunk:
    return Chunk(heading=held[0].heading, text="\n\n".join(part.text for part in held))
