"""The user's hand: what is edited, forgotten, exported and imported."""

from __future__ import annotations

import json
import uuid

import pytest


def everything(workers) -> str:
    """Every text that PostgreSQL holds, of every table."""
    tables = [row["tablename"] for row in workers.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return "\n".join(str(workers.rows(f"SELECT * FROM {table}")) for table in tables)


def test_an_edit_changes_what_is_found_and_keeps_what_was(workers, tell, recall):
    told = tell("The ferry to Marstal leaves at nine.")
    assert workers.run("memory.edit", id=told[:8], text="The ferry to Marstal leaves at ten.")["result"]["changed"] == [
        "text"
    ]
    assert recall("When does the ferry leave?") == ["The ferry to Marstal leaves at ten."]
    (change,) = workers.run("memory.history", id=told)["result"]["changes"]
    assert change["before"] == {"text": "The ferry to Marstal leaves at nine."}


def test_an_edit_that_would_make_a_twin_or_keep_a_secret_is_refused(workers, tell):
    tell("The ferry leaves at nine.")
    other = tell("The bus leaves at ten.")
    assert (
        "says exactly this already" in workers.run("memory.edit", id=other, text="The ferry leaves at nine.")["error"]
    )
    assert "secret" in workers.run("memory.edit", id=other, text="The password is s3cr3t!pass")["error"]
    assert "s3cr3t" not in everything(workers)


def test_forgetting_removes_the_text_from_every_table_and_from_the_index(services, workers, parts, tell, recall):
    told = tell("The zeppelin hangar key is under the geranium.")
    workers.run("memory.edit", id=told, text="The zeppelin hangar key is under the oleander.")
    tell("the zeppelin hangar key is under the OLEANDER")
    recall("Where is the hangar key?")
    workers.run("memory.export", after_no=0)
    result = workers.run("memory.forget", ids=[told])["result"]
    assert result["memories"] == result["vectors"] == 1
    assert "geranium" not in everything(workers)
    assert "leander" not in everything(workers).lower()
    assert parts.index.count() == 0
    assert not recall("Where is the hangar key?")
    with services.redis() as client:
        assert not any(told.encode() in entry.get(b"id", b"") for _, entry in client.xrange("lotus:memory:l2"))


def test_forgetting_a_source_forgets_all_of_it(workers, tell, tmp_path):
    (tmp_path / "a.md").write_text("# One\n\nAlpha is first.\n\n# Two\n\nBeta is second.\n")
    workers.run("perception.ingest", path=str(tmp_path / "a.md"))
    tell("Gamma is third.")
    assert workers.run("memory.forget", source=str(tmp_path / "a.md"))["result"]["memories"] == 2
    assert [row["text"] for row in workers.rows("SELECT text FROM memories")] == ["Gamma is third."]


def test_an_id_may_be_abbreviated_and_a_wrong_one_is_one_clear_line(workers, tell):
    told = tell("A note.")
    assert workers.run("memory.show", id=told[:6])["result"]["memory"]["text"] == "A note."
    assert "no memory's id" in workers.run("memory.show", id="x'; DROP")["error"]
    assert "there is no memory" in workers.run("memory.show", id=str(uuid.uuid4()))["error"]


def test_an_export_imports_into_an_empty_lotus_and_recalls_the_same(workers, parts, tell, recall):
    tell("I live in Kiel.", kind="fact", happened_at="2020-01-01")
    tell("I live in Oslo.", kind="fact", happened_at="2024-01-01")
    items = [
        {"text": text, "kind": "turn", "conversation_id": "c", "speaker": "Ann", "happened_at": "2024-05-01T10:00Z"}
        for text in ("I adopted a cat.", "Her name is Miso.", "She eats salmon.")
    ]
    workers.run("memory.remember", items=items)
    workers.run("memory.consolidate")
    questions = ("Where do I live?", "What does the cat eat?", "Who has a pet?")
    before = [recall(question) for question in questions]
    page = json.loads(json.dumps(workers.run("memory.export", after_no=0)["result"]["memories"]))
    workers.run("memory.forget", ids=[one["memory_id"] for one in page])
    assert not workers.rows("SELECT 1 FROM memories")
    assert workers.run("memory.import", memories=page)["result"] == {"new": 5, "known": 0}
    assert [recall(question) for question in questions] == before
    again = workers.run("memory.export", after_no=0)["result"]["memories"]
    assert [{**one, "segment": None} for one in again] == [{**one, "segment": None} for one in page]
    assert workers.run("memory.import", memories=page)["result"] == {"new": 0, "known": 5}


def test_a_broken_import_writes_nothing_and_names_the_line(workers):
    good = {"memory_id": str(uuid.uuid4()), "text": "x", "kind": "note", "source": "user"}
    row = workers.run("memory.import", memories=[good, {"kind": "note"}])
    assert row["error"].startswith("line 2 is no exported memory: memory_id: ")
    assert not workers.rows("SELECT 1 FROM memories")


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "  "},
        {"text": "x" * 20_001},
        {"tier": "L9"},
        {"importance": 7},
        {"position": 99_999_999_999},
        {"thread": 5},
        {"provenance": [1]},
        {"created_at": "yesterday"},
        {"happened_at": "0001-01-01T00:00:00+14:00"},
        {"facts": [{"subject": "x"}]},
        {"facts": "nope"},
        {"sources": [{"source": "s", "seq": "a", "met_at": "2024-01-01"}]},
        {"changes": [1]},
        {"kind": {}},
        {"memory_id": "zz"},
    ],
    ids=str,
)
def test_what_no_export_wrote_is_refused_in_a_clear_line(workers, wrong):
    line = {"memory_id": str(uuid.uuid4()), "text": "x", "kind": "note", "source": "user"} | wrong
    row = workers.run("memory.import", memories=[line], lines=[17])
    assert row["error"].startswith(f"line 17 is no exported memory: {next(iter(wrong))}")
    assert not workers.rows("SELECT 1 FROM memories")


def test_an_import_brings_no_secret_unless_the_user_insists(workers):
    line = {"memory_id": str(uuid.uuid4()), "text": "The password of the router is tr0ub4dor&3", "kind": "note"}
    assert "secret" in workers.run("memory.import", memories=[line])["error"]
    assert "tr0ub4dor" not in everything(workers)
    assert workers.run("memory.import", memories=[line], insist=True)["result"]["new"] == 1


def test_recall_keeps_to_its_filters(workers, tell, recall):
    tell("The ferry leaves at nine.")
    tell("I prefer the ferry to the bus.", kind="preference")
    for day, text in ((1, "The ferry was late."), (9, "The ferry was full.")):
        tell(text, kind="turn", conversation_id="c", speaker="Ann", happened_at=f"2024-05-0{day}T10:00Z")
    assert recall("ferry", kinds=["preference"]) == ["I prefer the ferry to the bus."]
    assert set(recall("ferry", conversation="c")) == {"The ferry was late.", "The ferry was full."}
    assert recall("ferry", since="2024-05-05", until="2024-05-20") == ["The ferry was full."]
    assert set(recall("ferry", source="user")) >= {"The ferry leaves at nine."}
    assert recall("ferry", source="nowhere") == []


def test_what_has_no_date_of_its_own_is_as_old_as_its_telling(workers, tell, recall):
    tell("The ferry leaves at nine.")
    tell("The ferry left at eight.", happened_at="2020-01-01")
    assert recall("ferry", since="2021-01-01") == ["The ferry leaves at nine."]
    assert recall("ferry", until="2021-01-01") == ["The ferry left at eight."]


def test_a_source_is_known_by_every_memory_that_was_met_in_it(workers, recall, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("The ferry leaves at nine.\n")
        workers.run("perception.ingest", path=str(tmp_path / name))
    second = str(tmp_path / "b.txt")
    assert len(workers.run("memory.list", source=second)["result"]["memories"]) == 1
    assert workers.run("memory.forget", source=second)["result"]["memories"] == 1


def test_without_chroma_recall_goes_on_by_words_and_says_so(workers, parts, tell, monkeypatch):
    tell("The ferry leaves at nine.")
    parts.index.close()
    monkeypatch.setattr(parts.index, "_socket", None)
    monkeypatch.setattr(parts.index, "_url", "http://127.0.0.1:9")
    result = workers.run("memory.recall", query="When does the ferry leave?")["result"]
    assert [one["text"] for one in result["memories"]] == ["The ferry leaves at nine."]
    assert result["degraded"][0].startswith("chroma: ")


def test_explain_shows_what_each_signal_gave(workers, tell):
    tell("The ferry leaves at nine.")
    tell("Miso eats salmon.")
    result = workers.run("memory.recall", query="When does the ferry leave?", explain=True)["result"]
    first = result["memories"][0]
    assert abs(sum(first["shares"].values()) - first["score"]) < 0.01
    assert result["terms"]


def test_the_question_itself_is_never_its_own_answer(workers, tell, recall):
    tell("When does the ferry leave?")
    tell("The ferry leaves at nine.")
    assert recall("When does the ferry leave?") == ["The ferry leaves at nine."]
