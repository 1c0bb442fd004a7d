"""Named SQL from ``lotus_tasks/sql/<module>.sql``.

A query starts at ``-- name: find_run``; a line of description follows. Parameters are psycopg's ``%(name)s``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Queries:
    """The queries of one file, as attributes."""

    def __init__(self, module: str, texts: dict[str, LiteralString]) -> None:
        self._module = module
        self._texts = texts

    def __getattr__(self, name: str) -> LiteralString:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"sql/{self._module}.sql has no query named {name!r}") from None


@cache
def load(module: str) -> Queries:
    """The queries of ``sql/<module>.sql``. Raises FileNotFoundError where there is no such file."""
    text = resources.files("lotus_tasks.sql").joinpath(f"{module}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    # The text ships with the package and no user input reaches it, so it is literal in the sense psycopg asks for.
    return Queries(
        module, {name: cast("LiteralString", body.strip()) for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    )
