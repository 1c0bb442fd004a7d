"""Facts hold for a time; consolidation says why it changes what it changes; what is lost heals."""

import dataclasses
import uuid

import pytest

from lotus_tasks.memory.adapters.redis_working import RedisWorkingMemory, recent_memories
from lotus_tasks.memory.models import TierLimits
from lotus_tasks.memory.ports import VectorIndexUnavailable


def facts(workers) -> list[tuple[str, bool]]:
    rows = workers.rows("SELECT value, valid_to IS NULL AS holds FROM memory_facts ORDER BY valid_from")
    return [(row["value"], row["holds"]) for row in rows]


def test_a_newer_fact_closes_the_older_and_history_shows_both(workers, tell, recall):
    old = tell("I live in Kiel.", kind="fact", happened_at="2020-01-01")
    tell("I moved to Oslo.", kind="fact", happened_at="2024-06-01")
    assert facts(workers) == [("Kiel", False), ("Oslo", True)]
    history = workers.run("memory.history", id=old)["result"]
    assert [(fact["value"], fact["valid_to"] is None) for fact in history["facts"]] == [("Kiel", False), ("Oslo", True)]
    assert history["changes"][-1]["action"] == "closed"
    assert recall("Where do I live?")[:2] == ["I moved to Oslo.", "I live in Kiel."]


def test_an_older_fact_told_late_doesnt_close_the_newer(workers, tell):
    tell("I live in Oslo.", kind="fact", happened_at="2024-06-01")
    tell("I live in Kiel.", kind="fact", happened_at="2020-01-01")
    assert facts(workers) == [("Kiel", False), ("Oslo", True)]


def test_forgetting_the_newer_fact_lets_the_older_hold_again(workers, tell):
    tell("I live in Kiel.", kind="fact", happened_at="2020-01-01")
    newer = tell("I live in Oslo.", kind="fact", happened_at="2024-06-01")
    workers.run("memory.forget", ids=[newer])
    assert facts(workers) == [("Kiel", True)]


def test_consolidation_reads_facts_from_conversations_and_run_twice_changes_nothing_more(workers):
    items = [{"text": "My dentist is Dr. Ahlers.", "kind": "turn", "conversation_id": "c", "speaker": "Ann"}]
    workers.run("memory.remember", items=items)
    dry = workers.run("memory.consolidate", dry_run=True)["result"]
    assert dry["planned"][0]["reason"] == "Ann · dentist · Dr. Ahlers"
    assert facts(workers) == []
    assert workers.run("memory.consolidate")["result"]["facts"] == 1
    before = workers.rows("SELECT md5(string_agg(m::text, '' ORDER BY no)) AS all, count(*) FROM memories AS m")
    again = workers.run("memory.consolidate")["result"]
    assert {again[name] for name in ("facts", "merged", "closed", "summaries", "refused", "moved", "examined")} == {0}
    assert workers.rows("SELECT md5(string_agg(m::text, '' ORDER BY no)) AS all, count(*) FROM memories AS m") == before


def test_a_memory_that_another_contains_is_merged_and_can_be_explained(workers, tell):
    tell("The boat key hangs behind the blue door.")
    kept = tell("The boat key hangs behind the blue door in Marstal.")
    done = workers.run("memory.consolidate")["result"]
    assert done["merged"] == 1
    assert [str(row["id"]) for row in workers.rows("SELECT id FROM memories")] == [kept]
    explained = workers.run("memory.explain", id=kept)["result"]
    assert "all its words are in" in next(one["reason"] for one in explained["changes"] if one["action"] == "merged")
    assert explained["sources"][0]["wording"] == "The boat key hangs behind the blue door."


def test_what_would_lose_a_word_is_not_merged(workers, tell):
    tell("Ann painted the kitchen of the old house yellow before Easter.")
    tell("Ann painted the kitchen of the old house green before Easter.")
    done = workers.run("memory.consolidate")["result"]
    assert (done["merged"], done["refused"]) == (0, 1)
    assert len(workers.rows("SELECT 1 FROM memories")) == 2


def test_a_conversation_at_rest_is_summarised_in_its_own_words_once(workers):
    items = [
        {
            "text": f"We planned day {day} of the sailing trip to Marstal.",
            "kind": "turn",
            "conversation_id": "c",
            "speaker": "Ann",
        }
        for day in range(10)
    ]
    workers.run("memory.remember", items=items)
    workers.rows("UPDATE memories SET created_at = now() - interval '2 days' RETURNING id")
    assert workers.run("memory.consolidate")["result"]["summaries"] == 1
    assert workers.run("memory.consolidate")["result"]["summaries"] == 0
    (summary,) = workers.rows("SELECT text, provenance FROM memories WHERE kind = 'summary'")
    assert all(line.removeprefix("Ann: ") in {item["text"] for item in items} for line in summary["text"].splitlines())
    assert len(summary["provenance"]["derived_from"]) == 5


def test_tiers_decay_by_their_rules_and_say_so(workers, tell):
    told = tell("A turn.", kind="turn", conversation_id="c")
    workers.rows("UPDATE memories SET created_at = now() - interval '11 minutes' RETURNING id")
    workers.run("memory.consolidate")
    assert workers.rows("SELECT tier FROM memories")[0]["tier"] == 2
    workers.rows("UPDATE memories SET created_at = now() - interval '25 hours' RETURNING id")
    workers.run("memory.consolidate")
    assert workers.rows("SELECT tier FROM memories")[0]["tier"] == 3
    explained = workers.run("memory.explain", id=told)["result"]
    assert [change["after"] for change in explained["changes"]] == [{"tier": 2}, {"tier": 3}]


def test_chroma_losing_its_vectors_heals_without_embedding_again(
    workers, tell, recall, monkeypatch, parts, check_health
):
    tell("The spare key hangs behind the blue door.")
    memory = parts
    memory.index.clear()
    monkeypatch.setattr(memory.embedder, "embed", lambda _texts: pytest.fail("embedded again"))
    report = check_health()
    assert report.facts["lost"] == 1
    workers.drain()
    assert memory.index.count() == 1
    assert check_health().facts["index_lag"] == 0


def test_an_index_that_answers_but_takes_no_vector_is_degraded_until_it_does(
    workers, tell, parts, check_health, monkeypatch
):
    def refuse(_rows):
        raise VectorIndexUnavailable("Chroma answered 500: attempt to write a readonly database")

    with monkeypatch.context() as patch:
        patch.setattr(parts.index, "upsert", refuse)
        tell("The spare key hangs behind the blue door.")
        report = check_health()
        assert (report.status, report.facts["index_lag"]) == ("degraded", 1)
        assert "readonly database" in report.detail
    assert check_health().status == "ok"
    workers.drain()
    assert check_health().facts["index_lag"] == 0


def test_vectors_of_another_store_are_thrown_away(workers, tell, recall, parts, check_health):
    tell("The spare key hangs behind the blue door.")
    tell("Miso eats salmon.")
    memory = parts
    workers.rows("DELETE FROM memory_vectors WHERE memory_no = (SELECT max(no) FROM memories) RETURNING memory_no")
    check_health()
    workers.drain()
    assert memory.index.count() == 2
    assert memory.queue.lag().waiting == 0


def test_redis_losing_everything_is_rebuilt_from_postgresql(services, workers, tell, parts):
    first = tell("One turn.", kind="turn", conversation_id="c")
    second = tell("A note.")
    with services.redis() as client:
        client.flushall()
    working = parts.working
    assert [str(one) for one in working.recent(10)] == [second, first]
    assert [str(one) for one in working.of_conversation("c")] == [first]


def test_a_changed_embedder_drops_the_vectors_of_the_old(workers, tell, parts):
    tell("The spare key hangs behind the blue door.")
    queue = parts.queue
    assert queue.use_embedder("another")
    assert queue.lag().indexed == 0
    assert not queue.use_embedder("another")


def test_the_health_report_counts_tiers_and_what_waits(workers, tell, check_health):
    tell("A note.")
    tell("I live in Kiel.", kind="fact")
    report = check_health()
    assert report.status == "ok"
    assert report.facts["tiers"] == {"L2": 1, "L4": 1}
    assert uuid.UUID(tell("A note."))


def test_words_indexed_by_another_version_are_indexed_anew(workers, parts, check_health, tell, recall):
    tell("The spare key hangs behind the blue door.")
    workers.rows("UPDATE memory_state SET lexicon = 'old' RETURNING lexicon")
    workers.rows("DELETE FROM memory_postings RETURNING term_no")
    check_health()
    workers.drain()
    assert recall("spare key") == ["The spare key hangs behind the blue door."]
    (term,) = workers.rows("SELECT count(*) FROM memory_postings JOIN memory_terms ON no = term_no WHERE term = 'key'")
    assert term["count"] == 1
    check_health()
    assert workers.rows("SELECT count(*) FROM commands WHERE name = 'memory.reindex'")[0]["count"] == 1


def test_the_tiers_keep_to_the_limits_that_are_set(services, workers, tell, parts, monkeypatch):
    limits = TierLimits(l1_age_s=60, l1_items=2, l2_age_s=3600, l2_items=3)
    monkeypatch.setattr("lotus_tasks.memory.tasks.upkeep.parts", lambda: dataclasses.replace(parts, limits=limits))
    said = [tell(f"Turn {number}.", kind="turn", conversation_id="c") for number in range(5)]
    workers.run("memory.consolidate")
    tiers = workers.rows("SELECT tier FROM memories ORDER BY no")
    assert [row["tier"] for row in tiers] == [2, 2, 2, 1, 1]
    with services.redis() as client:
        client.flushall()
        working = RedisWorkingMemory(client, lambda: recent_memories(parts.database, limits), limits=limits)
        assert [str(one) for one in working.of_conversation("c")] == said[-2:]
        assert [str(one) for one in working.recent(10)] == said[:1:-1]


def test_what_is_known_already_is_not_planned(workers, tell):
    tell("My dentist is Dr. Brandt.")
    assert workers.run("memory.consolidate", dry_run=True)["result"]["planned"] == []


def test_a_round_cut_off_at_its_end_did_nothing_and_the_next_does_it(workers, tell, monkeypatch):
    tell("The boat key hangs behind the blue door.")
    tell("The boat key hangs behind the blue door in Marstal.")
    tell("My dentist is Dr. Ahlers.", kind="turn", conversation_id="c", speaker="Ann")

    def state() -> list[dict]:
        tables = ("memories", "memory_facts", "memory_changes", "memory_sources", "memory_lexicon", "memory_postings")
        return [
            workers.rows(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} AS t") for table in tables
        ]

    before = state()
    with monkeypatch.context() as patch:
        patch.setattr("lotus_tasks.memory.tasks.upkeep.decay", lambda *_: pytest.fail("the power went"))
        with pytest.raises(pytest.fail.Exception):
            workers.run("memory.consolidate")
    assert state() == before
    workers.rows("UPDATE commands SET status = 'failed' WHERE status IN ('queued', 'running') RETURNING id")
    done = workers.run("memory.consolidate")["result"]
    assert (done["merged"], done["facts"]) == (1, 1)
    after = state()
    workers.run("memory.consolidate")
    assert state() == after
