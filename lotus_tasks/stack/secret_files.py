"""Passwords and tokens, made at first start: one file each under LOTUS_HOME/secrets, readable by the owner only."""

from __future__ import annotations

import secrets

from lotus_tasks.local.home import Home
from lotus_tasks.local.runtime import write_private

FLOWER_USER = "lotus"


def make_secrets(home: Home) -> None:
    """Makes what isn't there: ``flower`` (the password of user "lotus") and ``gateway`` (the token of the health endpoint)."""
    for name in ("flower", "gateway"):
        path = home.secrets / name
        if not path.exists() or not path.read_text(encoding="ascii").strip():
            write_private(path, secrets.token_urlsafe(24) + "\n")


def read_secret(home: Home, name: str) -> str:
    """One secret's text."""
    return (home.secrets / name).read_text(encoding="ascii").strip()
