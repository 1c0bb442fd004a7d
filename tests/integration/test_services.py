"""The embedded services that every integration test stands on."""

from __future__ import annotations

import psycopg
import pytest
from stack import Services

pytestmark = pytest.mark.smoke


def test_postgres_keeps_rows_within_a_test(services: Services) -> None:
    with psycopg.connect(services.runtime.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE left_behind (x int)")
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_the_next_test_finds_a_clean_database(services: Services) -> None:
    with psycopg.connect(services.runtime.database_url) as connection:
        assert connection.execute("SELECT to_regclass('left_behind')").fetchone() == (None,)
        assert connection.execute("SELECT count(*) > 0 FROM schema_migrations").fetchone() == (True,)


def test_valkey_refuses_to_forget_and_listens_on_its_socket_only(services: Services) -> None:
    with services.redis() as client:
        assert client.config_get("maxmemory-policy", "appendonly", "port") == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "port": "0",
        }
