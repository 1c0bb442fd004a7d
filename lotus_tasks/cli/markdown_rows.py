"""Markdown as rows of a terminal. Imported once there is Markdown to show: rich takes a tenth of a second."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown

STYLE = re.compile(r"\x1b\[[\d;]*m")
"""What sets colours and weight."""

_CODE_THEME = "ansi_dark"
"""The terminal's own colours."""


class _LeftHeading(Heading):
    """A heading as a bold line: rich centres it in a box."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The text, bold."""
        text = self.text
        text.justify = "left"
        text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield text


class _Block(Markdown):
    """Some blocks of Markdown, already parsed."""

    elements: ClassVar = {**Markdown.elements, "heading_open": _LeftHeading}

    def __init__(self, tokens: Sequence[Token]) -> None:
        super().__init__("", code_theme=_CODE_THEME, hyperlinks=False)
        self.parsed = list(tokens)


@dataclass(slots=True)
class Renderer:
    """Renders a growing text. Complete blocks are rendered once for a width of the terminal."""

    _parser: MarkdownIt = field(
        default_factory=lambda: MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    )
    _settled: list[str] = field(default_factory=list)
    _settled_text: str = ""
    _columns: int = 0

    def rows(self, text: str, size: os.terminal_size, *, whole: bool = False) -> list[str]:
        """The rows that show ``text``. Until it is ``whole``, no more of its last block than the screen holds: the end."""
        if size.columns != self._columns or not text.startswith(self._settled_text):
            self._settled, self._settled_text, self._columns = [], "", size.columns
        rest = text[len(self._settled_text) :]
        tokens = self._parser.parse(rest)
        starts = [n for n, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0]
        if len(starts) > 1 and (start := tokens[starts[-1]].map) is not None:
            lines = rest.splitlines(keepends=True)
            for begin, end in pairwise(starts):  # each by itself, as they are when they come one by one
                self._settled = _joined(self._settled, self._render(tokens[begin:end]))
            self._settled_text += "".join(lines[: start[0]])
            tokens = tokens[starts[-1] :]
        last = self._render(tokens)
        if not whole:
            last = last[-max(1, size.lines - 2) :]
        return _joined(self._settled, last)

    def _render(self, tokens: Sequence[Token]) -> list[str]:
        for token in tokens:
            for child in token.children or ():
                if child.type == "softbreak":
                    child.type = "hardbreak"  # a line's end stays one, as in a pipe
        out = io.StringIO()
        # One column is left free: terminals don't agree on how wide every character is.
        console = Console(file=out, width=max(2, self._columns - 1), force_terminal=True, legacy_windows=False)
        console.print(_Block(tokens))
        rows = ["" if not STYLE.sub("", row).strip() else row.rstrip() for row in out.getvalue().split("\n")]
        while rows and not rows[-1]:
            rows.pop()
        while rows and not rows[0]:
            rows.pop(0)
        return rows


def _joined(above: Sequence[str], below: Sequence[str]) -> list[str]:
    return [*above, "", *below] if above and below else [*above, *below]
