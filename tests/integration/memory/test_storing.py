"""What is told is stored once, found at once, and no secret is kept."""

import uuid

from lotus_tasks.work import CommandSpec


def texts(workers) -> list[str]:
    return [row["text"] for row in workers.rows("SELECT text FROM memories ORDER BY no")]


def test_what_is_told_is_found_by_its_words_and_by_its_meaning(tell, recall):
    tell("The spare key of the boat hangs behind the blue door in Marstal.")
    tell("Miso, our cat, only eats salmon.")
    assert recall("Where is the spare boat key?")[0].startswith("The spare key")
    assert recall("What does the pet like for dinner?")[0].startswith("Miso")


def test_a_memory_is_found_by_its_whole_text_unless_that_only_asks(tell, recall):
    tell("KH-8841-77")
    tell("Where is the spare boat key?", kind="turn", conversation_id="c")
    assert recall("KH-8841-77")[0] == "KH-8841-77"
    assert "Where is the spare boat key?" not in recall("Where is the spare boat key?")


def test_the_same_words_are_stored_once_and_the_second_telling_is_linked(workers, tell):
    first = tell("The ferry leaves at nine.")
    assert tell("The ferry  leaves at nine.") == first
    assert texts(workers) == ["The ferry leaves at nine."]
    assert len(workers.rows("SELECT 1 FROM memory_sources WHERE memory_id = %s", uuid.UUID(first))) == 1


def test_a_telling_in_other_dress_is_linked_with_its_wording(workers, tell):
    first = tell("The ferry leaves at nine.")
    assert tell("the ferry leaves at nine") == first
    (place,) = workers.rows("SELECT wording FROM memory_sources")
    assert place["wording"] == "the ferry leaves at nine"


def test_texts_that_differ_in_a_number_a_name_or_a_denial_are_all_kept(workers, tell):
    for text in (
        "The ferry leaves at 9.",
        "The ferry leaves at 10.",
        "The ferry never leaves at 9.",
        "The bus leaves at 9.",
    ):
        tell(text)
    assert len(texts(workers)) == 4


def test_a_redelivered_command_stores_nothing_twice(workers):
    spec = CommandSpec(name="memory.remember", key="told/once", payload={"text": "Only once."})
    workers.submit(spec)
    workers.submit(spec)
    workers.drain()
    workers.rows("UPDATE commands SET status = 'queued', attempt = 0 WHERE id = %s RETURNING id", spec.id)
    workers.drain()
    assert texts(workers) == ["Only once."]


def test_turns_of_a_conversation_are_kept_in_order_even_when_they_repeat(workers):
    items = [
        {
            "text": text,
            "kind": "turn",
            "conversation_id": "c1",
            "speaker": speaker,
            "happened_at": f"2024-05-0{day}T10:00Z",
        }
        for text, speaker, day in (("Hi!", "Ann", 1), ("Hi!", "Bo", 1), ("Hi!", "Ann", 3))
    ]
    assert workers.run("memory.remember", items=items)["result"]["new"] == 3
    rows = workers.rows("SELECT position, segment_no FROM memories ORDER BY no")
    assert [row["position"] for row in rows] == [0, 1, 2]
    assert rows[0]["segment_no"] == rows[1]["segment_no"] != rows[2]["segment_no"]


def test_a_secret_is_refused_and_leaves_no_trace(workers):
    row = workers.run("memory.remember", text="The password of the router is tr0ub4dor&3")
    assert row["status"] == "failed"
    assert "password" in row["error"]
    assert texts(workers) == []
    assert not workers.rows(
        "SELECT 1 FROM commands WHERE payload::text LIKE '%%tr0ub4dor%%' OR error LIKE '%%tr0ub4dor%%'"
    )


def test_a_secret_is_stored_when_the_user_insists(workers, tell):
    tell("The password of the router is tr0ub4dor&3", insist=True)
    assert len(texts(workers)) == 1


def test_a_file_with_a_key_is_remembered_without_the_key(workers, tmp_path):
    key = "AKIA" + "Q3EGRIT7NWZ5TKHX"
    (tmp_path / "cloud.md").write_text(f"# Cloud\n\nThe backup bucket belongs to the key {key} in Frankfurt.\n")
    workers.run("perception.ingest", path=str(tmp_path / "cloud.md"))
    (text,) = texts(workers)
    assert key not in text
    assert "Frankfurt" in text
    assert not workers.rows("SELECT 1 FROM percept_chunks WHERE text LIKE %s", f"%{key}%")


def test_nothing_empty_or_huge_is_stored(workers):
    assert workers.run("memory.remember", text="  ")["status"] == "failed"
    assert "ingest" in workers.run("memory.remember", text="x" * 20_001)["error"]
    assert "no kind" in workers.run("memory.remember", text="x", kind="dream")["error"]
    assert texts(workers) == []
