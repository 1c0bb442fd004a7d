"""What completion looks up in the database, with its own psql."""

from __future__ import annotations

import re

import psycopg
import pytest
from stack import Services

from lotus_tasks.cli.completing import _ask_database
from lotus_tasks.local.home import PROJECT, Home

KINDS = re.findall(r"^-- name: (\w+)$", (PROJECT / "lotus_tasks/sql/completion.sql").read_text(), re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_looked_up(services: Services, kind: str):
    assert _ask_database(Home(services.home), kind) == []


def test_a_model_and_its_provider_are_offered_as_the_health_check_found_them(services: Services):
    facts = (
        '{"providers": [{"name": "ollama", "model": "llama3.2:1b", "models": ["llama3.2:1b", "qwen3"]}, {"name": "x"}]}'
    )
    with psycopg.connect(services.runtime.database_url, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO module_health (name, status, detail, facts, checked_at) VALUES ('providers', 'ok', '', %s, now())",
            (facts,),
        )
    home = Home(services.home)
    assert _ask_database(home, "provider") == [("ollama", "llama3.2:1b"), ("x", "")]
    assert sorted(_ask_database(home, "model")) == [("llama3.2:1b", "ollama"), ("qwen3", "ollama")]
