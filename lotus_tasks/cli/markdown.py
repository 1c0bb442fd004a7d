"""A run's text on a terminal, its Markdown rendered as it comes.

Text without Markdown is shown as any `Screen` shows it, and costs nothing more. At the first sign of Markdown the text is
taken back and shown again in rendered rows. Blocks that are complete stay as they are; the last one is drawn again with each
piece that comes, from the first row that differs.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lotus_tasks.cli.screen import Screen, back
from lotus_tasks.cli.terminal import printable, rows_of

if TYPE_CHECKING:
    from lotus_tasks.cli.markdown_rows import Renderer

_SIGN = re.compile(
    r"[*`|]|~~|\b_|_\b|^ {0,3}(?:#{1,6} |> |[-+] |\d{1,3}[.)] |(?:[-=]{3,}) *$)|^ {4}|\]\(", re.MULTILINE
)
"""What may be Markdown. ``[1]`` is a citation, and text."""
_STYLE = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class MarkdownScreen(Screen):
    """A live `Screen` that renders Markdown. ``flush`` draws what ``write`` was given since."""

    _renderer: Renderer | None = None
    _stays_plain: bool = False
    _drawn: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        """Take a piece of text; plain text is shown at once."""
        if self._renderer is None:
            super().write(text)
        else:
            self.shown += text

    def flush(self) -> None:
        """Draw what came."""
        if self._renderer is None and not self._stays_plain and _SIGN.search(self.shown):
            self._begin()
        if self._renderer is not None:
            self._draw(self._renderer.rows(printable(self.shown), shutil.get_terminal_size()))

    def restart(self) -> None:
        """Take back what was shown; the next text may be plain."""
        super().restart()
        self._renderer, self._stays_plain, self._drawn = None, False, []

    def finish(self, text: str) -> None:
        """Leave ``text``, rendered, and a line's end."""
        if self._renderer is None and (self._stays_plain or not _SIGN.search(text)):
            super().finish(text)
            return
        if not text.startswith(self.shown):
            self.restart()
        if self._renderer is None and not self._begin():
            super().finish(text)
            return
        if self._renderer is not None:
            self._draw(self._renderer.rows(printable(text), shutil.get_terminal_size(), whole=True))
        self._put("\n")
        self.shown = text

    def break_off(self) -> None:
        """No more text comes."""
        if self._renderer is None:
            super().break_off()
        elif self._drawn:
            self._put("\n")

    @contextmanager
    def stand_aside(self) -> Iterator[None]:
        """Room for somebody else's line; where the text has left the screen, its last block is drawn again below it."""
        if self._renderer is None:
            with super().stand_aside():
                yield
            return
        drawn, self._drawn = self._drawn, []
        columns, lines = shutil.get_terminal_size()
        if not drawn or _height(drawn, columns) < lines:
            if drawn:
                self._put(back(_height(drawn, columns)))
            yield
            self._draw(drawn)
        else:
            self._put("\n")
            yield
            self._draw(drawn[-1:])
            self._drawn = drawn

    def _begin(self) -> bool:
        """Rendered from here on; False where the plain text can't be taken back."""
        from lotus_tasks.cli.markdown_rows import Renderer

        if self.shown and not super()._erase():
            self._stays_plain = True
            return False
        self._renderer = Renderer()
        return True

    def _erase(self) -> bool:
        if self._renderer is None:
            return super()._erase()
        columns, lines = shutil.get_terminal_size()
        height = _height(self._drawn, columns)
        if height >= lines:
            return False
        if self._drawn:
            self._put(back(height))
        return True

    def _draw(self, rows: Sequence[str]) -> None:
        """Make the screen show ``rows``, touching nothing above the first that differs."""
        old = self._drawn
        if not rows or rows == old:
            return
        same = next(
            (n for n, (new, was) in enumerate(zip(rows, old, strict=False)) if new != was), min(len(rows), len(old))
        )
        if not old:
            self._put("\n".join(rows))
        elif same == len(old):
            self._put("\n" + "\n".join(rows[same:]))
        elif same == len(old) - 1 and same < len(rows) and rows[same].startswith(old[same]):
            self._put("\n".join([rows[same][len(old[same]) :], *rows[same + 1 :]]))
        else:
            same = min(same, len(rows) - 1)
            columns, lines = shutil.get_terminal_size()
            while same < len(old) and _height(old[same:], columns) >= lines and same < len(rows) - 1:
                same += 1  # what has scrolled away can't be changed any more
            self._put(back(_height(old[same:], columns)) + "\n".join(rows[same:]))
        self._drawn = list(rows)


def _height(rows: Sequence[str], columns: int) -> int:
    return sum(rows_of(_STYLE.sub("", row), columns) for row in rows)
