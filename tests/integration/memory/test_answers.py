"""What LOTUS answers without a model: the right passage first, and "I don't know" where memory can't tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lotus_tasks.memory.service.indexing import Progress
from lotus_tasks.origins import USER
from lotus_tasks.providers.adapters.offline import KNOWS_NOTHING
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import Attachment, RunOptions
from lotus_tasks.work import CommandSpec
from tests.integration.inprocess import Workers
from tests.integration.memory.household import CALIBRATION, HELD_OUT, NEAR_MISSES, Household

RIGHT, DECLINED, REFUSED = 0.75, 0.9, 0.05
DECLINED_NEAR = 0.85
"""Where a third of what can't be known comes near to what is."""


def answer(workers: Workers, question: str, options: RunOptions | None = None) -> str:
    with workers.database.transaction() as conn:
        run = submit_run(conn, question, options or RunOptions(origin=USER), conversation_id=None)
    workers.drain()
    (row,) = workers.rows("SELECT status, answer, error FROM runs WHERE id = %s", run.run_id)
    assert row["status"] == "succeeded", row["error"]
    return row["answer"]


def move_in(workers: Workers, household: Household, folder: Path) -> None:
    for name, text in household.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    assert workers.run("perception.ingest", path=str(folder))["status"] == "succeeded"
    for text in household.told:
        assert workers.run("memory.remember", text=text, insist=True)["status"] == "succeeded"
    for question in household.asked:
        answer(workers, question)


def first_passage(text: str) -> str:
    return text.partition(" [")[0]


@pytest.mark.parametrize(
    ("household", "declined"),
    [(CALIBRATION, DECLINED), (HELD_OUT, DECLINED), (NEAR_MISSES, DECLINED_NEAR)],
    ids=["fitted to", "held out", "near misses"],
)
def test_the_right_passage_is_quoted_first_and_the_unknown_is_declined(
    workers, tmp_path, household: Household, declined: float
):
    move_in(workers, household, tmp_path)
    answers = {question: answer(workers, question) for question, _ in household.answerable}
    refused = [question for question, text in answers.items() if text.startswith(KNOWS_NOTHING)]
    wrong = [
        question
        for question, part in household.answerable
        if question in refused or part not in first_passage(answers[question])
    ]
    unknown = {question: answer(workers, question) for question in household.unanswerable}
    told = [(question, text) for question, text in unknown.items() if not text.startswith(KNOWS_NOTHING)]
    assert 1 - len(wrong) / len(household.answerable) >= RIGHT, wrong
    assert len(refused) / len(household.answerable) <= REFUSED, refused
    assert 1 - len(told) / len(household.unanswerable) >= declined, told


def test_what_cant_be_known_is_declined_however_often_it_is_asked(workers, tell):
    tell("The pressure of the boiler should be 1.6 bar.")
    tell("Karla is allergic to penicillin.")
    for _ in range(5):
        assert answer(workers, "Who painted the Mona Lisa?").startswith(KNOWS_NOTHING)
        assert answer(workers, "boiler pressure").startswith("The pressure of the boiler should be 1.6 bar. [1]")


def test_what_was_superseded_is_quoted_last_and_marked(workers, tell):
    tell("I live in Kiel.")
    tell("I moved to Oslo.")
    said = answer(workers, "Where do I live?")
    assert said.startswith("I moved to Oslo. [1]")
    assert "I live in Kiel. [2] (no longer holds since " in said


def test_what_is_attached_is_quoted_by_its_name(workers, tell):
    tell("The pressure of the boiler should be 1.6 bar.")
    mail = Attachment(origin=USER, name="mail", text="Dear all,\n\nplease pay the 40 pounds for the hall by Friday.\n")
    said = answer(workers, "How many pounds shall I pay?", RunOptions(origin=USER, attachments=[mail]))
    assert "please pay the 40 pounds for the hall by Friday. [mail]" in said
    assert KNOWS_NOTHING not in said


def test_in_a_store_of_one_memory_the_known_is_answered_and_the_unknown_declined(workers, tell):
    tell("The gate of the harbour opens with the code 8812.")
    assert answer(workers, "Which code opens the gate?").startswith("The gate of the harbour opens with the code 8812.")
    assert answer(workers, "Who wrote The Magic Mountain?").startswith(KNOWS_NOTHING)
    assert answer(workers, "What is the capital of Mongolia?").startswith(KNOWS_NOTHING)


def test_what_was_told_a_moment_ago_is_answered_before_any_index_command_ran(workers):
    """Among many others, which are there already: without its vector it would come nowhere."""
    for number in range(40):
        spec = f"The boat number {number} was painted by the crew in the spring."
        assert workers.run("memory.remember", text=spec)["status"] == "succeeded"
    text = "Anna's birthday is on 12 June"
    told = CommandSpec(name="memory.remember", key="told", payload={"text": text})
    workers.submit(told)
    from lotus_tasks.celery import app

    app.tasks["memory.remember"].run(str(told.id))  # and nothing that follows from it
    asked = CommandSpec(name="memory.recall", key="asked", payload={"query": "When is Anna's birthday?"})
    workers.submit(asked)
    app.tasks["memory.recall"].run(str(asked.id))
    (row,) = workers.rows("SELECT result FROM commands WHERE id = %s", asked.id)
    assert row["result"]["memories"][0]["text"] == text
    assert row["result"]["support"] > 0
    assert row["result"]["degraded"] == []


def test_the_readme_s_own_example_is_answered_by_the_readme_and_what_was_told_by_what_was_told(workers, tell):
    project = Path(__file__).parents[3]
    for name in ("README.md", "docs"):
        assert workers.run("perception.ingest", path=str(project / name))["status"] == "succeeded"
    said = answer(workers, "Which command starts LOTUS?")
    assert said.startswith("`./start_lotus.sh` is the command that starts LOTUS.")
    tell("I live in Kiel")
    tell("I moved to Oslo")
    assert answer(workers, "Where do I live?").startswith("I moved to Oslo [1]")


@pytest.mark.parametrize(("waiting", "seconds"), [(1, 20.0), (999, 20.0), (1000, 3.0)])
def test_a_little_that_was_just_read_is_waited_for_longer_than_a_lot(workers, monkeypatch, waiting: int, seconds: float):
    from lotus_tasks.memory.tasks import recalling

    now = [100.0]

    def read(go_on: Callable[[], bool]) -> Progress:
        while go_on():
            now[0] += 0.5
        return Progress(embedded=0, indexed=0, removed=0, finished=False)

    memory = SimpleNamespace(
        lexicon=SimpleNamespace(snapshot=lambda: SimpleNamespace(last_no=7)),
        queue=SimpleNamespace(waiting_evidence=lambda _after, *, most: min(waiting, most)),
        indexer=SimpleNamespace(work=read),
    )
    monkeypatch.setattr(recalling, "parts", lambda: memory)
    monkeypatch.setattr(recalling, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(recalling._Read, "up_to", 0)
    (told,) = recalling.read_what_is_new(lambda: True)
    assert told == "memory: not all that was read is in the index yet; ask again in a moment"
    assert now[0] - 100.0 == pytest.approx(seconds, abs=0.5)


def test_what_took_its_place_stands_where_the_old_stood(workers, tell, recall):
    for number in range(30):
        tell(f"Jensen and Sofie live in house number {number} of the street.")
    tell("I live in Kiel")
    tell("I moved to Oslo")
    assert recall("Where do I live?", k=10)[:2] == ["I moved to Oslo", "I live in Kiel"]
    said = answer(workers, "Where do I live?")
    assert said.startswith("I moved to Oslo [1]")
    assert "I live in Kiel [2] (no longer holds since " in said
