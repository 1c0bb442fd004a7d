"""Whether a secret setting is still the one LOTUS was started with, told without keeping it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from lotus_tasks.settings import SECRETS, Settings

_SALT = "salt"


def mark_secrets(settings: Settings, salt: str | None = None) -> dict[str, str]:
    """A salted hash of each secret, by its variable's name; the salt beside them."""
    salt = salt or secrets.token_hex(16)
    marks = {_SALT: salt}
    for field in sorted(SECRETS):
        secret = getattr(settings, field)
        text = secret.get_secret_value() if secret else ""
        marks[field.upper()] = hashlib.blake2b(text.encode(), key=salt.encode(), digest_size=16).hexdigest()
    return marks


def changed_secrets(marks: Mapping[str, str], settings: Settings) -> list[str]:
    """The names of the secrets that are others now than when they were marked."""
    if _SALT not in marks:
        return []
    return [name for name, mark in mark_secrets(settings, marks[_SALT]).items() if marks.get(name) != mark]
