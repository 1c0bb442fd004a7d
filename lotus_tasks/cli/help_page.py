"""The pages of ``--help``, at any width of the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from lotus_tasks.cli.terminal import columns_of

_WIDEST = 80
_NARROW = 60
"""Below it, what an option means stands below it: beside it there would be room for a word a row."""
_NARROW_COLUMN = 6


class HelpPage(click.HelpFormatter):
    """Click's own is never narrower than 50 columns, whatever the terminal is."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        fitting = min(columns_of(sys.stdout), max_width or _WIDEST) - 2
        super().__init__(indent_increment, width or max(fitting, 20), max_width)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names and what they mean."""
        super().write_dl(rows, min(col_max, _NARROW_COLUMN) if self.width < _NARROW else col_max, col_spacing)
