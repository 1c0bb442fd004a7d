"""Consolidation with a model as a user meets it: what is learnt shows, and killed workers only delay it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import Lotus, lotus_home, wait_until

from tests.modelserver.handle import ModelServerHandle, model_server_process

BEES = "Ever since the move to Oslo my sister Anna keeps bees."
PROFILE = "The user lives in Oslo, goes to the dentist Dr. Brandt and has a boat, Miso."
READ = json.dumps([{"n": 1, "subject": "Anna", "predicate": "keeps", "value": "bees"}])


@pytest.fixture(scope="module")
def scribe() -> Iterator[ModelServerHandle]:
    with model_server_process() as server:
        server.script(
            rules=[
                {"contains": "List the lasting facts", "reply": READ},
                {"contains": "Write it as one short paragraph", "reply": PROFILE},
            ]
        )
        yield server


@pytest.fixture(scope="module")
def system(scribe: ModelServerHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lotus, Path]]:
    traps = tmp_path_factory.mktemp("traps")
    settings = {
        "LOTUS_PROVIDERS": "openai,offline",
        "OPENAI_BASE_URL": scribe.openai_url,
        "LOTUS_OPENAI_MODEL": "gpt-4o-mini",
        "LOTUS_CONSOLIDATION_MODEL": "local",
        "LOTUS_TEST_CRASH_AT": str(traps),
    }
    with lotus_home(**settings) as lotus:
        lotus.up()
        yield lotus, traps
        assert lotus.run("down").returncode == 0


def say(lotus: Lotus, *arguments: str) -> str:
    done = lotus.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def learnt(system: tuple[Lotus, Path]) -> tuple[Lotus, Path]:
    """Four memories were consolidated while the workers were killed around every commit."""
    lotus, traps = system
    for text in (BEES, "My dentist is Dr. Brandt.", "I live in Oslo.", "My boat is called Miso."):
        say(lotus, "remember", text)
    for task in ("memory.consolidate", "providers.complete", "memory.take_answers"):
        for point in ("before_finish", "after_finish"):
            (traps / f"{point}@{task}").write_text("0")
    say(lotus, "memory", "consolidate")
    wait_until(lambda: "bees" in lotus.run("memory", "facts", "Anna").stdout, timeout_s=60, what="the fact")
    wait_until(lambda: not list(traps.glob("*@providers.complete")), timeout_s=60, what="the kills of the providers")
    say(lotus, "memory", "consolidate")
    wait_until(lambda: lotus.run("memory", "profile").stdout.strip() == PROFILE, timeout_s=60, what="the profile")
    return system


def test_workers_killed_around_every_commit_only_delay_what_is_learnt(
    learnt: tuple[Lotus, Path], scribe: ModelServerHandle
):
    lotus, traps = learnt
    assert not list(traps.iterdir())
    with lotus.database() as conn:
        assert conn.execute("SELECT count(*) FROM memory_facts WHERE subject = 'Anna'").fetchone() == (1,)
        assert conn.execute("SELECT count(*) FROM memory_changes WHERE action = 'read'").fetchone() == (1,)
        assert conn.execute("SELECT count(*) FROM memory_questions").fetchone() == (0,)
    calls = len(scribe.calls)
    assert "asked" not in say(lotus, "memory", "consolidate")
    assert len(scribe.calls) == calls


def test_what_was_learnt_shows_with_its_evidence(learnt: tuple[Lotus, Path]):
    lotus, _ = learnt
    (fact,) = json.loads(say(lotus, "memory", "facts", "Anna", "--json"))
    assert (fact["value"], fact["told_by"]) == ("bees", "gpt-4o-mini")
    assert "read by gpt-4o-mini" in say(lotus, "memory", "facts", "Anna")
    assert "gpt-4o-mini read in it: Anna · keeps · bees" in say(lotus, "memory", "explain", fact["memory_id"])
    shown = lotus.run("memory", "profile")
    assert shown.stdout.strip() == PROFILE
    assert "in the words of gpt-4o-mini" in shown.stderr
    assert len(json.loads(say(lotus, "memory", "profile", "--json"))["memory_ids"]) == 3


def test_a_dry_run_tells_and_does_nothing(learnt: tuple[Lotus, Path], scribe: ModelServerHandle):
    lotus, _ = learnt
    calls = len(scribe.calls)
    told = say(lotus, "memory", "consolidate", "--dry-run")
    assert "0 memories would be given to a model to read; your profile would stay as it is" in told
    assert len(scribe.calls) == calls
