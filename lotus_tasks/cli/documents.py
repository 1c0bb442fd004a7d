"""JSON on stdout: ids as text, moments in ISO 8601."""

from __future__ import annotations

import json
from datetime import datetime

import click


def print_json(document: object) -> None:
    """One JSON document, for people and scripts alike."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
