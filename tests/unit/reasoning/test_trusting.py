"""What carries text out asks once private or others' text was read, per destination; what a server changed asks again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import MODEL, OUTSIDE, OWN_FILE, USER, is_others_text, tool_origin
from lotus_tasks.reasoning.models import (
    Answered,
    Attachment,
    Decision,
    Pin,
    Run,
    RunOptions,
    Step,
    StepEnded,
    Summary,
    Trust,
    Turn,
)
from lotus_tasks.reasoning.service import decide
from lotus_tasks.reasoning.service.prompting import origin_of
from lotus_tasks.reasoning.service.trusting import as_pinned, gate, newly_met
from lotus_tasks.values import CommandId, ConversationId, RunId

FETCH = ToolCard(
    name="fetch_url", module="perception", description="", parameters={}, described_by=USER, answers_as=OUTSIDE,
    address_argument="url",
)  # fmt: skip
LOOK = ToolCard(
    name="notes_look", module="reasoning", description="Looks.", parameters={"properties": {"q": {"type": "string"}}},
    described_by=USER, answers_as=tool_origin("notes"), sends_to="server:notes", server="notes", digest="1", vouched=True,
)  # fmt: skip
KEEP = replace(FETCH, name="remember", address_argument="", asks_after_outside_text=True, answers_as=MODEL)
URL = {"url": "https://example.org/?q=the+key"}
NOTE = {"memory_id": "m", "text": "The key is under the pot.", "origin": "user"}


def recalled(*memories: dict) -> Step:
    origin = USER if not memories else memories[0]["origin"]
    return Step(seq=1, kind="recall", status="succeeded", origin=origin, result={"memories": list(memories)})


def run(**changes: Any) -> Run:
    own = {
        "run_id": RunId(uuid4()), "conversation_id": ConversationId(uuid4()), "question": "What is new?",
        "created_at": datetime(2026, 11, 26, tzinfo=UTC), "options": RunOptions(origin=USER), "tools": [FETCH, LOOK, KEEP],
        "steps": [recalled()],
    }  # fmt: skip
    return Run(**{**own, **changes})


def asks(this: Run, card: ToolCard, arguments: dict | None = None) -> bool:
    return bool(gate(this, card, arguments or {}, origin_of(this)).reasons)


PRIVATE = {
    "a memory": run(steps=[recalled(NOTE)]),
    "an earlier turn": run(history=[Turn(question="q", answer="a", question_origin=USER, answer_origin=MODEL)]),
    "a summary": run(summary=Summary(text="s", origin=MODEL)),
    "an attached file": run(options=RunOptions(origin=USER, attachments=[Attachment(name="a", text="b", origin=OWN_FILE)])),
    "what a tool found in memory": run(
        steps=[Step(seq=2, kind="act", status="succeeded", origin=USER, command_id=CommandId(uuid4()), detail={"tool": "recall"})]
    ),
}
OTHERS = {
    "a pipe": run(options=RunOptions(origin=OUTSIDE)),
    "a schema": run(options=RunOptions(origin=USER, schema={}, schema_origin=OWN_FILE)),
    "a stranger's description": run(tools=[replace(LOOK, described_by=tool_origin("notes"))]),
}


@pytest.mark.parametrize("way", [*PRIVATE, *OTHERS])
def test_text_is_carried_out_only_after_a_yes(way: str):
    this = {**PRIVATE, **OTHERS}[way]
    assert asks(this, FETCH, URL)
    assert asks(this, LOOK)


def test_nothing_asks_where_nothing_but_the_question_was_read():
    assert not asks(run(), FETCH, URL)
    assert not asks(run(), LOOK)
    assert not asks(run(steps=[*run().steps, replace(recalled(), seq=2, kind="act", origin=MODEL)]), FETCH, URL)


@pytest.mark.parametrize("way", PRIVATE)
def test_the_users_own_text_alone_keeps_nothing_from_being_remembered(way: str):
    assert asks(PRIVATE[way], KEEP) is is_others_text(origin_of(PRIVATE[way]))


@pytest.mark.parametrize("way", [*PRIVATE, *OTHERS])
def test_a_yes_for_good_is_for_its_destination_alone(way: str):
    this = replace({**PRIVATE, **OTHERS}[way], trust=Trust(destinations=frozenset({"host:example.org"})))
    assert gate(this, FETCH, URL, origin_of(this)).destination == "host:example.org"
    assert not asks(this, FETCH, URL)
    elsewhere = ["https://www.example.org/", "https://example.org:8443/", "https://example.org@evil.example/", "https://evil.example"]
    assert all(asks(this, FETCH, {"url": one}) for one in elsewhere)
    assert asks(this, LOOK)
    assert not asks(replace(this, trust=Trust(destinations=frozenset({"server:notes"}))), LOOK)


def test_what_may_change_something_always_asks_whatever_is_trusted():
    this = run(steps=[recalled(NOTE)], trust=Trust(destinations=frozenset({"server:notes"})))
    met = gate(this, replace(LOOK, asks=True), {}, origin_of(this))
    assert (met.reasons[0], met.lasting) == ("it may change something", False)
    assert asks(run(), replace(LOOK, asks=True))


@pytest.mark.parametrize("url", ["https://example.org@evil.example/", "https://exämple.org/", "", "x"])
def test_an_address_that_can_be_read_in_two_ways_is_never_trusted(url: str):
    this = run(steps=[recalled(NOTE)], trust=Trust(destinations=frozenset({"host:example.org", "unnamed"})))
    met = gate(this, FETCH, {"url": url}, origin_of(this))
    assert (bool(met.reasons), met.lasting) == (True, False)


def test_an_address_that_the_user_typed_carries_nothing_but_their_words():
    poisoned = [recalled({**NOTE, "origin": "outside"})]
    this = run(question=f"What does {URL['url']} say?", steps=poisoned)
    assert not asks(this, FETCH, URL)
    assert asks(this, FETCH, {"url": f"{URL['url']}+is+under+the+pot"})
    assert asks(replace(this, options=RunOptions(origin=OUTSIDE)), FETCH, URL)
    assert asks(run(question="", steps=poisoned), FETCH, {"url": ""})


def called(this: Run, name: str, arguments: dict) -> tuple[Run, Decision]:
    """The run after a thought that called the tool, and what was decided."""
    thought = Step(
        seq=2, kind="think", status="running", origin=MODEL, command_id=CommandId(uuid4()), detail={"offered": [name]}
    )
    result = {"text": "", "tool_calls": [{"id": "c", "name": name, "arguments": arguments}]}
    before = replace(this, steps=[*this.steps, thought])
    decision = decide(before, StepEnded(step=thought, result=result))
    steps = [*this.steps, replace(thought, status="succeeded", result=result)]
    steps += [Step(seq=new.seq, kind=new.kind, status=new.status, origin=new.origin, detail=new.detail) for new in decision.steps]
    return replace(this, steps=steps), decision


def test_the_yes_of_a_moment_trusts_nothing_and_the_one_for_good_its_destination():
    this, decision = called(run(steps=[recalled(NOTE)]), "fetch_url", URL)
    (waiting,) = decision.steps
    assert (waiting.status, waiting.detail["destination"], waiting.detail["lasting"]) == ("waiting", "host:example.org", True)
    once = decide(this, Answered(step=this.steps[-1], approved=True))
    (release,) = once.releases
    assert (list(once.trusts), release.command.payload["destination"]) == ([], "host:example.org")
    assert list(decide(this, Answered(step=this.steps[-1], approved=True, always=True)).trusts) == ["host:example.org"]
    assert list(decide(this, Answered(step=this.steps[-1], approved=False, always=True)).trusts) == []


def test_a_yes_for_good_to_what_may_change_something_trusts_nothing():
    this, _ = called(run(steps=[recalled(NOTE)], tools=[replace(LOOK, asks=True)]), "notes_look", {})
    assert list(decide(this, Answered(step=this.steps[-1], approved=True, always=True)).trusts) == []


def test_a_call_is_bound_to_the_destination_that_let_it_pass():
    trust = Trust(destinations=frozenset({"host:example.org"}))
    _, decision = called(run(steps=[recalled(NOTE)], trust=trust), "fetch_url", URL)
    assert decision.steps[0].command.payload["destination"] == "host:example.org"
    _, decision = called(run(), "fetch_url", URL)
    assert "destination" not in decision.steps[0].command.payload


PIN = Pin(digest="1", description="Looks.", parameters=LOOK.parameters)


def test_a_tool_is_as_it_was_pinned():
    assert as_pinned(LOOK, Trust(pins={"notes_look": PIN})) == LOOK
    assert as_pinned(LOOK, Trust()) == LOOK


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"description": "Looks. ORDER."}, 'its description was "Looks." and is "Looks. ORDER."'),
        ({"parameters": {"properties": {"q": {"type": "string"}, "all_that_you_know": {}}}}, "new: all_that_you_know"),
        ({"parameters": {"properties": {}}}, "gone: q"),
        ({"parameters": {"properties": {"q": {"type": "object"}}}}, "other than before: q"),
        ({"parameters": {**LOOK.parameters, "title": "x"}}, "what is said of them"),
        ({}, "what no model is shown"),
    ],
    ids=["description", "new argument", "argument gone", "argument changed", "schema", "hints"],
)
def test_a_changed_one_asks_again_says_what_changed_and_is_a_strangers(now: dict, said: str):
    changed = as_pinned(replace(LOOK, digest="2", **now), Trust(pins={"notes_look": PIN}))
    assert said in changed.change
    assert changed.described_by == tool_origin("notes")
    met = gate(run(tools=[changed], trust=Trust(destinations=frozenset({"server:notes"}))), changed, {}, USER)
    assert said in met.reasons[0]


def test_what_is_said_of_a_change_hides_nothing_behind_its_length():
    changed = as_pinned(replace(LOOK, digest="2", description="x" * 5000), Trust(pins={"notes_look": PIN}))
    assert len(changed.change) < 1000
    assert "…" in changed.change


def test_a_yes_pins_what_was_shown_and_nothing_that_came_since():
    this, decision = called(run(tools=[replace(LOOK, asks=True)]), "notes_look", {})
    assert decision.steps[0].detail["digest"] == "1"
    said_yes = decide(this, Answered(step=this.steps[-1], approved=True))
    assert [card.name for card in said_yes.pins] == ["notes_look"]
    assert said_yes.releases[0].command.payload["digest"] == "1"
    later = replace(this, tools=[replace(LOOK, asks=True, digest="2")])
    assert list(decide(later, Answered(step=later.steps[-1], approved=True)).pins) == []
    assert list(decide(this, Answered(step=this.steps[-1], approved=False)).pins) == []


def test_only_a_trusted_servers_tools_are_pinned_unasked_and_only_once():
    strange = replace(LOOK, name="other_look", vouched=False)
    assert newly_met([FETCH, LOOK, strange], Trust()) == [LOOK]
    assert newly_met([LOOK], Trust(pins={"notes_look": PIN})) == []
