"""A web page's readable text: what a person would read of it, without menus, scripts and what is hidden from view."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from lotus_tasks.errors import InvalidInput

_LEFT_OUT = (
    "script, style, noscript, template, svg, canvas, iframe, object, embed, audio, video, nav, aside, button, select, input, "
    "textarea, dialog, [hidden], [aria-hidden=true], body > header, body > footer, "
    "[role=navigation], [role=banner], [role=contentinfo]"
)
_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])", re.IGNORECASE
)
"""Inline styles that hide a text from the reader: the place where a page whispers to machines."""
_MAIN = ("main", "[role=main]", "article")
_ENOUGH_CHARACTERS = 200
"""A main part shorter than this is a shell around something else: then the whole body is read."""
_BLOCKS = frozenset({
    "address", "article", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tr", "ul",
})  # fmt: skip
_APART = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "table", "ul", "ol", "dl", "figure"})
_MARKS = {**{f"h{level}": "#" * level + " " for level in range(1, 7)}, "li": "- "}
_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")
_BLANK_LINES = re.compile(r"\n{3,}")
DEEPEST = 1000
"""Twice what browsers build. 100 000 levels keep the parser busy for minutes."""
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_RAW = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style", "textarea", "title")}
"""What may hold tags that are none."""
_SHALLOW = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
    "p", "li", "dt", "dd", "td", "th", "tr", "thead", "tbody", "tfoot", "option", "optgroup", "html", "head", "body",
})  # fmt: skip
"""Elements without an end, or which the next of their kind ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it reads. Headings and list items are marked as in Markdown."""

    title: str
    text: str


def read_page(html: str) -> Page:
    """The readable text of an HTML document, however broken. Raises InvalidInput for one that no reader could have meant."""
    if _depth(html) > DEEPEST:
        raise InvalidInput("the page nests its elements too deeply to be read")
    tree = LexborHTMLParser(html)
    heading = tree.css_first("title")
    title = _SPACE.sub(" ", heading.text()).strip() if heading is not None else ""
    body = tree.body
    if body is None:
        return Page(title=title, text="")
    for node in body.css(_LEFT_OUT):
        node.decompose()
    for node in body.css("[style]"):
        if _UNSEEN.search(node.attributes.get("style") or ""):
            node.decompose()
    for selector in _MAIN:
        parts = body.css(selector)
        if len(parts) == 1 and len(text := _render(parts[0])) >= _ENOUGH_CHARACTERS:
            return Page(title=title, text=text)
    return Page(title=title, text=_render(body))


def _depth(html: str) -> int:
    """How deep the elements nest, rather too deep than too flat: the parser's time grows with depth times length."""
    opened: list[str] = []
    deepest = position = 0
    while (tag := _TAG.search(html, position)) is not None:
        position = tag.end()
        name = tag[2].lower()
        if tag[1]:
            if opened and opened[-1] == name:
                opened.pop()
        elif name in _RAW:
            end = _RAW[name].search(html, position)
            if end is None:
                break
            position = end.end()
        elif name not in _SHALLOW:
            opened.append(name)
            deepest = max(deepest, len(opened))
    return deepest


def _render(root: LexborNode) -> str:
    """Depth first, without recursion: a page may nest deeper than Python's stack."""
    lines = _Lines()
    stack: list[_Visit] = [_Visit(node=root)]
    while stack:
        visit = stack.pop()
        lines.breaks(visit.breaks)
        node = visit.node
        if node is None:
            lines.text(visit.said, verbatim=visit.verbatim)
        elif node.tag == "-text":
            lines.text(node.text_content or "", verbatim=visit.verbatim)
        else:
            lines.mark(_MARKS.get(node.tag or "", ""))
            stack.extend(reversed(_inside(node, verbatim=visit.verbatim)))
    return str(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """``breaks`` line ends, then a node or what is ``said``."""

    node: LexborNode | None = None
    said: str = ""
    breaks: int = 0
    verbatim: bool = False


def _inside(node: LexborNode, *, verbatim: bool) -> list[_Visit]:
    tag = node.tag or ""
    if tag == "br":
        return [_Visit(breaks=1)]
    verbatim = verbatim or tag == "pre"
    children = [
        _Visit(node=child, breaks=_breaks(child), verbatim=verbatim)
        for child in node.iter(include_text=True)
        if child.tag not in {"-comment", "_comment", "-doctype"}
    ]
    if tag in {"td", "th"}:
        return [*children, _Visit(said=" | ")]
    return [*children, _Visit(breaks=_breaks(node))]


def _breaks(node: LexborNode) -> int:
    return 2 if node.tag in _APART else 1 if node.tag in _BLOCKS else 0


class _Lines:
    """Text as it is put together: breaks beside each other are one, and a mark stays with the text it is for."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks = 0
        self._mark = ""

    def breaks(self, count: int) -> None:
        """``count`` line ends before what comes next; 2 leave an empty line."""
        if not self._mark:
            self._breaks = max(self._breaks, count)

    def mark(self, mark: str) -> None:
        """What stands before the text to come."""
        self._mark = mark or self._mark

    def text(self, text: str, *, verbatim: bool) -> None:
        """A piece of text; white space counts only where it is ``verbatim``."""
        if not verbatim:
            text = _SPACE.sub(" ", text)
            if self._breaks or self._mark or not self._pieces:
                text = text.lstrip(" ")
        if not text:
            return
        if self._pieces:
            self._pieces.append("\n" * self._breaks)
        self._pieces += (self._mark, text)
        self._breaks, self._mark = 0, ""

    def __str__(self) -> str:
        lines = [line.rstrip() for line in "".join(self._pieces).split("\n")]
        return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
