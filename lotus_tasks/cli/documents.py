"""JSON on stdout: ids as text, moments in ISO 8601."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime

from lotus_tasks.cli.terminal import bare

_ESCAPED = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys and `json` doesn't escape by itself (it does U+0000 to U+001F), and halves of characters."""


def json_text(document: object, *, indent: int | None = 2) -> str:
    """``document`` as JSON that no terminal obeys and every reader of JSON takes."""
    return escape_json(json.dumps(document, ensure_ascii=False, indent=indent, default=_plain))


def escape_json(text: str) -> str:
    """The same JSON, with what a terminal would obey escaped."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(document: object, *, indent: int | None = 2) -> None:
    """One JSON document, for people and scripts alike. Its lines end where JSON's do, whatever the terminal's width."""
    out = bare(sys.stdout)
    out.write(f"{json_text(document, indent=indent)}\n")
    out.flush()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
