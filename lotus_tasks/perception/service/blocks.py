"""Markdown to blocks: readable text under its path of headings, as CommonMark parses it (markdown-it-py)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from lotus_tasks.perception.service.sentences import MOST_CHARACTERS, pack, split_lines, split_long

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_CALLOUT = re.compile(r"\A\[!\w+\][+-]?[ \t]*")
_TAG = re.compile(r"<!--.*?-->|<[^<>]*>", re.DOTALL)
_SEPARATOR = " › "
_LONGEST_HEADING = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a document that belongs together. ``split`` cuts it where it is too long for one chunk.

    ``leads``: it announces the next block ("You need:"), so that the two stay together where they fit.
    """

    heading: str
    text: str
    split: Callable[[str], list[str]] = split_long
    leads: bool = False


def markdown_blocks(text: str) -> Iterator[Block]:
    """The blocks of a Markdown text in their order. Headings are no blocks: they are the path of those below them."""
    front = _FRONT_MATTER.match(text)
    if front and ":" in front[1]:
        # With its fences, so that whoever reads the piece knows it for what it is, whatever its keys are.
        yield Block(heading="", text=f"---\n{front[1].strip()}\n---", split=split_lines)
        text = text[front.end() :]
    path: list[tuple[int, str]] = []
    bare: Block | None = None  # a heading with nothing below it yet
    for node in SyntaxTreeNode(_parser().parse(text)).children:
        if node.type == "heading":
            if bare is not None and not int(node.tag[1:]) > path[-1][0]:
                yield bare
            level = int(node.tag[1:])
            path = [*(entry for entry in path if entry[0] < level), (level, _title(node))]
            bare = Block(heading=_join(path[:-1]), text=path[-1][1]) if path[-1][1] else None
        elif block := _block(node, _join(path)):
            bare = None
            yield block
    if bare is not None:
        yield bare


def _join(path: Sequence[tuple[int, str]]) -> str:
    return _SEPARATOR.join(title for _, title in path if title)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _title(node: SyntaxTreeNode) -> str:
    title = " ".join(_inline_of(node).split())
    return title if len(title) <= _LONGEST_HEADING else title[: _LONGEST_HEADING - 1].rstrip() + "…"


def _block(node: SyntaxTreeNode, heading: str) -> Block | None:
    text = _text(node)
    if not text.strip():
        return None
    if node.type in ("fence", "code_block"):
        return Block(heading=heading, text=text, split=_split_code)
    if node.type in ("bullet_list", "ordered_list"):
        items = [_text(item) for item in _marked(node)]
        return Block(heading=heading, text=text, split=lambda _whole: pack(items, "\n", split=split_long))
    if node.type == "table":
        return Block(heading=heading, text=text, split=_split_table)
    leads = node.type == "paragraph" and text.endswith(":") and len(text) < MOST_CHARACTERS // 3
    return Block(heading=heading, text=text, leads=leads)


def _text(node: SyntaxTreeNode | _Item) -> str:
    """A node as readable text: emphasis and addresses go, what is said stays."""
    if isinstance(node, _Item):
        body = "\n".join(part for child in node.children if (part := _text(child)))
        indented = body.replace("\n", "\n" + " " * len(node.marker))
        return f"{node.marker}{indented}"
    return _TEXTS.get(node.type, _all)(node)


def _all(node: SyntaxTreeNode) -> str:
    return "\n".join(part for child in node.children if (part := _text(child)))


def _quotation(node: SyntaxTreeNode) -> str:
    """A quotation; of a callout (``> [!note] Keys``, as Obsidian and GitHub write it) the title stands before what it is of."""
    first = node.children[0] if node.children else None
    inline = first.children[0] if first is not None and first.type == "paragraph" and first.children else None
    if inline is None or not _CALLOUT.match(inline.content):
        return _all(node)
    end = next((at for at, child in enumerate(inline.children) if child.type in _BREAKS), len(inline.children))
    title = _CALLOUT.sub("", _inline(inline.children[:end])).strip()
    said = [_inline(inline.children[end + 1 :]).strip(), *(_text(child) for child in node.children[1:])]
    body = "\n".join(part for part in said if part)
    if not (title and body):
        return title or body
    return f"{title} {body}" if title.endswith((":", ".", "!", "?")) else f"{title}: {body}"


def _code(node: SyntaxTreeNode) -> str:
    code = node.content.rstrip("\n")
    return f"```{node.info.strip() if node.type == 'fence' else ''}\n{code}\n```" if code.strip() else ""


def _list(node: SyntaxTreeNode) -> str:
    return "\n".join(_text(item) for item in _marked(node))


def _table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    return "\n".join(" | ".join(_inline_of(cell) for cell in row.children) for row in rows)


def _html(node: SyntaxTreeNode) -> str:
    return "\n".join(line.strip() for line in _TAG.sub(" ", node.content).splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class _Item:
    marker: str
    children: Sequence[SyntaxTreeNode]


def _marked(node: SyntaxTreeNode) -> list[_Item]:
    first = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    return [
        _Item("- " if first is None else f"{first + number}. ", item.children)
        for number, item in enumerate(node.children)
    ]


def _inline_of(node: SyntaxTreeNode) -> str:
    return "".join(_inline(child.children) for child in node.children if child.type == "inline").strip()


def _inline(nodes: Sequence[SyntaxTreeNode]) -> str:
    parts = []
    for node in nodes:
        match node.type:
            case "text":
                parts.append(node.content)
            case "code_inline":
                parts.append(f"`{node.content}`")
            case "softbreak" | "hardbreak":
                parts.append("\n" if node.type == "hardbreak" else " ")
            case "image":
                parts.append(node.content)
            case "html_inline":
                parts.append("\n" if node.content.lower().startswith("<br") else "")
            case _:
                parts.append(_inline(node.children))
    return "".join(parts)


_BREAKS = ("softbreak", "hardbreak")

_TEXTS: dict[str, Callable[[SyntaxTreeNode], str]] = {
    "fence": _code,
    "code_block": _code,
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
    "blockquote": _quotation,
    "html_block": _html,
    "hr": lambda _rule: "",
    "paragraph": _inline_of,
    "heading": _inline_of,
}
"""How a node reads, by its type; any other is what its children say."""


def _split_code(text: str) -> list[str]:
    """Code in pieces, each fenced like the whole."""
    fence, _, rest = text.partition("\n")
    body = rest.rpartition("\n")[0]
    return [f"{fence}\n{piece}\n```" for piece in split_lines(body)]


def _split_table(text: str) -> list[str]:
    """Rows in pieces, each below the table's head."""
    head, _, body = text.partition("\n")
    pieces = split_lines(body)
    return [f"{head}\n{piece}" for piece in pieces] if len(head) < MOST_CHARACTERS // 4 else split_lines(text)
