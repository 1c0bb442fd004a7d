"""The schema: ``sql/migrations/NNNN_name.sql``, applied in order, each once, each in one transaction."""

from __future__ import annotations

from importlib import resources
from typing import LiteralString

import psycopg

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.spine.database import Connection, connect, one_line

_LOCK = 0x4C4F545553
"""Advisory lock key ("LOTUS"): two starts never migrate at once."""


def migrations() -> list[tuple[int, str, LiteralString]]:
    """(version, name, SQL) of each migration, in order."""
    found = []
    for file in resources.files("lotus_tasks.sql").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            version, _, name = file.name.removesuffix(".sql").partition("_")
            found.append((int(version), name, file.read_text(encoding="utf-8")))
    return sorted(found)


def migrate(database_url: str) -> int:
    """Bring the schema up to date and return its version.

    Raises ServiceDown where PostgreSQL doesn't answer, ConfigurationError where a migration fails or the database is of a
    newer LOTUS than this one.
    """
    with connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        conn.execute("SET client_min_messages = warning")
        conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations"
            " (version int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        known = migrations()
        done = applied(conn)
        unknown = done - {version for version, _, _ in known}
        if unknown:
            raise ConfigurationError(
                f"the database has schema {max(unknown):04d}, which this LOTUS doesn't know: it was upgraded by a newer one. "
                "Run that version, or restore a backup of this one"
            )
        for version, name, sql in known:
            if version not in done:
                _apply(conn, version, name, sql)
        return known[-1][0]


def applied(conn: Connection) -> set[int]:
    """The versions that this database has."""
    return {row["version"] for row in conn.execute("SELECT version FROM schema_migrations").fetchall()}


def _apply(conn: Connection, version: int, name: str, sql: LiteralString) -> None:
    try:
        with conn.transaction():
            conn.execute(sql)
            conn.execute("INSERT INTO schema_migrations (version, name) VALUES (%s, %s)", (version, name))
    except psycopg.Error as error:
        raise ConfigurationError(f"migration {version:04d}_{name} failed and was undone: {one_line(error)}") from error
