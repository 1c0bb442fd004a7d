"""The embedded services that every integration test stands on."""

from __future__ import annotations

import psycopg
import pytest
import redis
from stack import Services

from lotus_tasks.local.reachable import ask_redis

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


def test_a_redis_that_takes_no_more_is_noticed_though_it_answers(services: Services) -> None:
    assert ask_redis(services.runtime.redis_url)
    with services.redis() as client:
        client.config_set("maxmemory", "1")
        try:
            assert client.ping()
            with pytest.raises(redis.RedisError, match="maxmemory"):
                ask_redis(services.runtime.redis_url)
        finally:
            client.config_set("maxmemory", "0")
