from __future__ import annotations

from dataclasses import replace

from lotus_tasks.origins import USER
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import Image, Message, Role, Tool
from lotus_tasks.providers.service.choice import choose
from tests.unit.providers.service.doubles import question, row

OFFLINE_ROW = OfflineChatModel().row


def names(choice):
    return [(candidate.provider, candidate.model) for candidate in choice.candidates]


def rows(*found):
    return {one.name: one for one in found}


def test_without_a_wish_the_order_decides():
    choice = choose(question(), rows(row("a"), row("b")), ["b", "a"])
    assert names(choice) == [("b", "b-1"), ("a", "a-1")]


def test_an_asked_for_provider_needs_no_place_in_the_order():
    assert names(choose(question(provider="b"), rows(row("a"), row("b")), ["a"])) == [("b", "b-1")]


def test_only_the_offline_provider_stands_in_for_an_asked_for_one():
    choice = choose(question(provider="b"), rows(row("a"), row("b"), OFFLINE_ROW), ["a", "b", "offline"])
    assert names(choice) == [("b", "b-1"), ("offline", "quotes")]


def test_an_asked_for_model_goes_to_the_provider_that_lists_it():
    choice = choose(question(model="x"), rows(row("a"), row("b", models=("x",))), ["a", "b"])
    assert names(choice) == [("b", "x"), ("a", "a-1")]


def test_an_asked_for_model_nobody_lists_goes_to_the_first():
    choice = choose(question(model="x"), rows(row("a"), row("b")), ["a", "b"])
    assert names(choice) == [("a", "x"), ("b", "b-1")]


def test_the_offline_provider_keeps_its_own_model():
    assert names(choose(question(model="x"), rows(OFFLINE_ROW), ["offline"])) == [("offline", "quotes")]


def test_a_provider_without_tools_keeps_its_place_for_a_request_with_tools():
    tool = Tool(origin=USER, name="t", description="", parameters={})
    choice = choose(question(tools=(tool,)), rows(row("a", takes_tools=False), row("b")), ["a", "b"])
    assert names(choice) == [("a", "a-1"), ("b", "b-1")]
    assert choice.passed_over == ()


def test_a_provider_whose_key_cannot_be_one_is_named_and_one_without_a_key_is_not():
    broken = replace(row("a"), api_key="short", missing="A_KEY doesn't look like a key")
    absent = replace(row("b"), api_key="", missing="B_KEY isn't set")
    choice = choose(question(), rows(broken, absent, row("c")), ["a", "b", "c"])
    assert names(choice) == [("c", "c-1")]
    assert choice.passed_over == ("a: not configured (A_KEY doesn't look like a key)",)


def test_a_provider_without_eyes_is_passed_over_for_a_request_with_images():
    seen = Message(
        origin=USER, role=Role.USER, content="What?", images=(Image(media_type="image/png", data_base64="AA=="),)
    )
    request = replace(question(), messages=(seen,))
    choice = choose(request, rows(row("a", takes_images=False), row("b")), ["a", "b"])
    assert names(choice) == [("b", "b-1")]
    assert choice.passed_over == ("a: takes no images",)


def test_the_offline_provider_answers_requests_with_tools_too():
    tool = Tool(origin=USER, name="t", description="", parameters={})
    assert names(choose(question(tools=(tool,)), rows(OFFLINE_ROW), ["offline"])) == [("offline", "quotes")]
