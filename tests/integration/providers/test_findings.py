"""What was learned of servers' models, in PostgreSQL, for every process and over restarts."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from stack import Services

from lotus_tasks.errors import ServiceDown
from lotus_tasks.providers.adapters.findings import StoredFindings
from lotus_tasks.providers.adapters.openai import OpenAIChatModel
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect
from tests.contract.providers.conftest import PATIENT, ask
from tests.modelserver import model_server_thread
from tests.unit.providers.service.doubles import row

A = row("a", base_url="http://me:secret@127.0.0.1:1/v1")


@pytest.fixture
def conn(services: Services):
    with connect(services.runtime.database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def process(conn):
    """A worker's findings, as a process has them that has just started."""

    @contextmanager
    def statement():
        yield conn

    return lambda: StoredFindings(statement, read_s=0.0)


def test_what_one_process_learns_another_knows_and_one_that_starts_later(process):
    running = process()
    assert running.refused(A, "m") == frozenset()
    process().note_refused(A, "m", {"tools"})
    process().note_refused(A, "m", {"stream_options", "tools"})
    process().note_context(A, "m", 2048)
    for one in (running, process()):
        assert one.refused(A, "m") == {"tools", "stream_options"}
        assert one.context_tokens(A, "m") == 2048


def test_another_model_and_another_server_are_others(process):
    process().note_refused(A, "m", {"tools"})
    assert process().refused(A, "n") == frozenset()
    assert process().refused(row("a", base_url="http://127.0.0.1:2/v1"), "m") == frozenset()
    assert process().context_tokens(A, "m") is None


def test_a_finding_is_forgotten_after_its_time_and_pruned(conn, process):
    process().note_refused(A, "m", {"tools"})
    process().note_context(A, "m", 2048)
    conn.execute(
        "UPDATE provider_findings SET refused_at = now() - interval '8 days', context_at = now() - interval '2 hours'"
    )
    assert process().refused(A, "m") == frozenset()
    assert process().context_tokens(A, "m") is None
    process().note_refused(A, "m", {"system"})
    assert process().refused(A, "m") == {"system"}
    conn.execute(
        "UPDATE provider_findings SET refused_at = now() - interval '8 days', context_at = now() - interval '8 days'"
    )
    conn.execute(queries.load("providers").prune_findings, {"keep_days": 7})
    assert conn.execute("SELECT count(*) AS n FROM provider_findings").fetchone()["n"] == 0


def test_no_password_of_an_address_is_kept(conn, process):
    process().note_refused(A, "m", {"tools"})
    assert conn.execute("SELECT server FROM provider_findings").fetchone()["server"] == "http://127.0.0.1:1/v1"


def test_without_the_database_a_process_knows_what_it_learned_itself():
    @contextmanager
    def away():
        raise ServiceDown("PostgreSQL is away")
        yield

    own = StoredFindings(away)
    own.note_refused(A, "m", {"tools"})
    own.note_context(A, "m", 2048)
    assert (own.refused(A, "m"), own.context_tokens(A, "m")) == ({"tools"}, 2048)


def test_a_field_that_a_server_refused_is_not_sent_again_by_a_process_that_starts_later(process):
    with model_server_thread() as server:
        server.fail_next(1, status=400, message="Unknown parameter: stream_options")
        for _ in range(2):
            model = OpenAIChatModel(row("a", base_url=server.openai_url), findings=process())
            assert list(model.stream(ask("Hello?"), model="m", watch=PATIENT))
            model.close()
        sent = ["stream_options" in call["body"] for call in server.calls]
    assert sent == [True, False, False]
