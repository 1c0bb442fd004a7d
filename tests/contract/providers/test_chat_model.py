"""What every ChatModel does, whatever wire format it speaks."""

from __future__ import annotations

import json
import time

import pytest

from lotus_tasks.errors import Cancelled, ConfigurationError
from lotus_tasks.origins import USER
from lotus_tasks.providers.models import (
    FailureKind,
    Image,
    Message,
    ModelRefusal,
    ModelUnavailable,
    Role,
    StopDelta,
    StopReason,
    TextDelta,
    ThoughtDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from lotus_tasks.providers.service.assembly import Reply
from tests.contract.providers.conftest import PATIENT, ask
from tests.contract.providers.vendors import KEY

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SEARCH = Tool(
    origin=USER,
    name="search",
    description="Search memory.",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
)


def assemble(deltas):
    reply = Reply("p")
    for delta in deltas:
        reply.add(delta)
    return reply


def test_the_text_comes_in_the_models_own_pieces(chat_model, model_server, read):
    model_server.script(reply="The key hangs here.")
    assert [delta.text for delta in read(chat_model) if isinstance(delta, TextDelta)] == [
        "The",
        " key",
        " hangs",
        " here.",
    ]


def test_a_reply_ends_with_a_stop_reason(chat_model, read):
    assert [delta.reason for delta in read(chat_model) if isinstance(delta, StopDelta)] == [StopReason.STOP]


def test_a_reply_cut_by_its_token_limit_says_so(chat_model, model_server, read):
    model_server.script(stop_reason="length")
    assert StopDelta(StopReason.LENGTH) in read(chat_model)


def test_the_tokens_are_counted_as_the_vendor_counts_them(chat_model, model_server, read):
    model_server.script(reply="one two three")
    usage = assemble(read(chat_model, ask("four words of prompt"))).usage
    assert usage == Usage(input_tokens=4, output_tokens=3)


def test_thinking_is_no_part_of_the_answer(chat_model, model_server, read):
    model_server.script(reply="Yes.", thinking="Let me see.")
    deltas = read(chat_model)
    assert assemble(deltas).text == "Yes."
    assert "".join(delta.text for delta in deltas if isinstance(delta, ThoughtDelta)) == "Let me see."


def test_several_tool_calls_at_once_are_put_together(chat_model, model_server, read):
    calls = [
        {"name": "search", "arguments": {"query": "boat — key"}},
        {"name": "search", "arguments": {"query": "door"}},
    ]
    model_server.script(tool_calls=calls)
    reply = assemble(read(chat_model, ask("Where?", tools=(SEARCH,))))
    assert [(call.name, call.arguments) for call in reply.finish()] == [
        ("search", {"query": "boat — key"}),
        ("search", {"query": "door"}),
    ]
    assert reply.stop_reason is StopReason.TOOL_CALLS


def test_tool_calls_have_ids_of_their_own(chat_model, model_server, read):
    model_server.script(tool_calls=[{"name": "search", "arguments": {}}, {"name": "search", "arguments": {}}])
    calls = assemble(read(chat_model, ask("Where?", tools=(SEARCH,)))).finish()
    assert len({call.id for call in calls}) == 2


def test_text_beside_a_tool_call_is_kept(chat_model, model_server, read):
    model_server.script(reply="I will look.", tool_calls=[{"name": "search", "arguments": {"query": "x"}}])
    reply = assemble(read(chat_model, ask("Where?", tools=(SEARCH,))))
    assert reply.text == "I will look."
    assert len(reply.finish()) == 1


def test_the_offered_tools_reach_the_model(chat_model, model_server, read):
    read(chat_model, ask("Where?", tools=(SEARCH,)))
    sent = json.dumps(model_server.calls[0]["body"])
    assert "Search memory." in sent
    assert '"query"' in sent


def test_system_prompt_and_earlier_turns_reach_the_model(chat_model, model_server, read):
    before = (
        Message(origin=USER, role=Role.SYSTEM, content="You are brief."),
        Message(origin=USER, role=Role.USER, content="Hi."),
        Message(origin=USER, role=Role.ASSISTANT, content="Hello."),
    )
    read(chat_model, ask("Who are you?", *before))
    sent = json.dumps(model_server.calls[0]["body"])
    assert all(text in sent for text in ("You are brief.", "Hi.", "Hello.", "Who are you?"))


def test_a_tools_result_reaches_the_model(chat_model, model_server, read):
    call = ToolCall(id="call_7", name="search", arguments={"query": "boat"})
    before = (
        Message(origin=USER, role=Role.USER, content="Where is it?"),
        Message(origin=USER, role=Role.ASSISTANT, content="", tool_calls=(call,)),
        Message(origin=USER, role=Role.TOOL, content="behind the door", tool_call_id="call_7"),
    )
    read(chat_model, ask("And now?", *before, tools=(SEARCH,)))
    sent = json.dumps(model_server.calls[0]["body"])
    assert "behind the door" in sent
    assert sent.count("search") >= 2


def test_an_image_reaches_the_model(chat_model, model_server, read):
    message = Message(
        origin=USER, role=Role.USER, content="What is it?", images=(Image(media_type="image/png", data_base64=PIXEL),)
    )
    read(chat_model, ask("Well?", message, Message(origin=USER, role=Role.ASSISTANT, content="A dot.")))
    # Google's SDK writes base64 in the alphabet for URLs (RFC 4648, 5).
    assert PIXEL in json.dumps(model_server.calls[0]["body"]).replace("-", "+").replace("_", "/")


@pytest.mark.parametrize("retry_after", ["7", None])
def test_too_many_requests_is_worth_another_try_when_the_vendor_says(chat_model, model_server, read, retry_after):
    model_server.fail_next(status=429, headers={"Retry-After": retry_after} if retry_after else {})
    with pytest.raises(ModelUnavailable) as caught:
        read(chat_model)
    assert caught.value.kind is FailureKind.RATE_LIMITED
    assert caught.value.retry_after_s == (7.0 if retry_after else None)


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_a_fault_of_the_server_is_worth_another_try(chat_model, model_server, read, status):
    model_server.fail_next(status=status)
    with pytest.raises(ModelUnavailable) as caught:
        read(chat_model)
    assert (caught.value.kind, caught.value.summary) == (FailureKind.SERVER_FAULT, str(status))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cut", FailureKind.CUT),
        ("garbage", FailureKind.GARBAGE),
        ("html", FailureKind.GARBAGE),
        ("error_in_stream", FailureKind.SERVER_FAULT),
    ],
)
def test_a_broken_stream_is_worth_another_try(chat_model, model_server, read, fault, kind):
    model_server.fault(fault)
    with pytest.raises(ModelUnavailable) as caught:
        read(chat_model)
    assert caught.value.kind is kind


def test_a_stream_that_ends_too_early_has_no_stop_reason(chat_model, model_server, read):
    model_server.fault("end_early")
    with pytest.raises(ModelUnavailable) as caught:
        assemble(read(chat_model)).finish()
    assert caught.value.kind is FailureKind.CUT


def test_an_empty_reply_is_no_reply(chat_model, model_server, read):
    model_server.fault("empty")
    with pytest.raises(ModelUnavailable) as caught:
        assemble(read(chat_model)).finish()
    assert caught.value.kind is FailureKind.EMPTY


@pytest.mark.parametrize("fault", ["hang", "hang_after_headers"])
def test_a_model_that_never_begins_is_left_in_time(chat_model, model_server, read, fault):
    chat_model.context_tokens("m", PATIENT)
    model_server.fault(fault)
    started = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        read(chat_model, first_token_s=0.3)
    assert caught.value.kind is FailureKind.NO_FIRST_TOKEN
    assert time.monotonic() - started < 5.0


def test_a_model_that_falls_silent_is_left_in_time(chat_model, model_server, read):
    model_server.fault("stall")
    started = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        read(chat_model, between_tokens_s=0.3)
    assert caught.value.kind is FailureKind.STALLED
    assert time.monotonic() - started < 5.0


def test_a_slow_model_that_goes_on_speaking_is_listened_to(chat_model, model_server, read):
    model_server.script(reply="one two three four", token_delay_s=0.2)
    assert assemble(read(chat_model, between_tokens_s=0.6)).text == "one two three four"


@pytest.mark.parametrize(("fault", "tokens"), [("hang", 0), ("stall", 3)])
def test_a_cancelled_call_closes_its_connection_within_a_second(chat_model, model_server, read, fault, tokens):
    chat_model.context_tokens("m", PATIENT)
    model_server.fault(fault)
    cancelled_at = []

    def interrupt():
        calls = model_server.calls
        if calls and calls[0]["tokens_sent"] >= tokens:
            cancelled_at.append(time.time())
            raise Cancelled("the run was cancelled")

    with pytest.raises(Cancelled):
        read(chat_model, interrupt=interrupt)
    (call,) = model_server.wait_for(lambda calls: calls[0]["disconnected_at"])
    assert call["disconnected_at"] - cancelled_at[0] < 1.0


def test_the_connection_closes_when_the_reader_leaves(chat_model, model_server):
    model_server.script(reply="one two three", token_delay_s=5.0)
    stream = chat_model.stream(ask("Hello?"), model="m", watch=PATIENT)
    next(delta for delta in stream if isinstance(delta, TextDelta))
    left_at = time.time()
    stream.close()
    (call,) = model_server.wait_for(lambda calls: calls[0]["disconnected_at"])
    assert call["disconnected_at"] - left_at < 1.0
    assert call["tokens_sent"] == 1


def test_a_wrong_key_is_refused_for_good(vendor, chat_model, model_server, read):
    if not vendor.takes_keys:
        pytest.skip("it has no key")
    model_server.script(api_key="another")
    with pytest.raises(ModelRefusal) as caught:
        read(chat_model)
    assert caught.value.kind is FailureKind.WRONG_KEY
    assert "THE_KEY" in str(caught.value)


def test_no_error_text_holds_the_key(vendor, chat_model, model_server, read):
    model_server.fail_next(status=400, message=f"key {KEY} is not welcome")
    with pytest.raises((ModelRefusal, ModelUnavailable)) as caught:
        read(chat_model)
    assert KEY not in f"{caught.value} {caught.value.summary} {caught.value!r} {chat_model.row!r}"


def test_an_unknown_model_is_refused_for_good(chat_model, model_server, read):
    model_server.script(any_model=False)
    with pytest.raises(ModelRefusal) as caught:
        read(chat_model, model="nosuch")
    assert caught.value.kind is FailureKind.UNKNOWN_MODEL


def test_a_provider_tells_which_models_it_has(chat_model, model_server):
    model_server.script(models=["first-model", "second-model"])
    assert chat_model.offers("second-model", PATIENT) is True
    assert chat_model.offers("nosuch", PATIENT) is False
    assert not [call for call in model_server.calls if call["body"].get("messages")]


def test_a_model_that_is_new_is_found_at_once(chat_model, model_server):
    model_server.script(models=["first-model"])
    assert chat_model.offers("new-model", PATIENT) is False
    model_server.script(models=["first-model", "new-model"])
    assert chat_model.offers("new-model", PATIENT) is True


def test_a_provider_that_lists_nothing_does_not_tell(chat_model, model_server):
    model_server.script(models=[])
    assert chat_model.offers("m", PATIENT) is None


def test_a_provider_whose_list_fails_does_not_tell(vendor, chat_model, model_server):
    if not vendor.takes_keys:
        pytest.skip("it has no key")
    model_server.script(api_key="another")
    assert chat_model.offers("m", PATIENT) is None


def test_a_prompt_too_long_for_the_model_is_refused_for_good(chat_model, model_server, read):
    chat_model.context_tokens("m", PATIENT)
    model_server.script(context_tokens=5)
    with pytest.raises(ModelRefusal) as caught:
        read(chat_model, ask("a question of rather more than five words"))
    assert caught.value.kind is FailureKind.CONTEXT_EXCEEDED


def test_a_server_that_is_not_there_is_worth_another_try(make_model, read):
    with pytest.raises(ModelUnavailable) as caught:
        read(make_model(base_url="http://127.0.0.1:9"))
    assert caught.value.kind is FailureKind.REFUSED


def test_a_name_that_does_not_resolve_is_worth_another_try(make_model, read):
    with pytest.raises(ModelUnavailable) as caught:
        read(make_model(base_url="http://model.invalid:80"))
    assert caught.value.kind is FailureKind.UNRESOLVED


def test_no_test_reaches_beyond_this_machine(make_model, read):
    with pytest.raises(ConfigurationError, match="LOTUS_TEST_LOOPBACK_ONLY"):
        read(make_model(base_url="https://api.example.com/v1"))


def test_what_is_for_a_server_on_this_machine_goes_through_no_proxy(make_model, read, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert read(make_model())


def test_a_check_shows_what_the_provider_offers(chat_model):
    status = chat_model.check()
    assert status.reachable
    assert status.latency_ms > 0
    assert "llama3.2:latest" in status.models


def test_a_check_of_a_dead_provider_says_why(make_model):
    status = make_model(base_url="http://127.0.0.1:9").check()
    assert status.reachable is False
    assert "refused" in status.detail


def test_the_default_model_is_the_configured_one(make_model):
    assert make_model(model="mine").default_model(PATIENT) == "mine"


def test_without_a_configured_model_the_first_one_offered_is_the_default(make_model):
    assert make_model(model="").default_model(PATIENT) == "llama3.2:latest"


def test_one_connection_serves_many_replies(chat_model, model_server, read):
    for _ in range(3):
        read(chat_model)
    assert len({call["connection"] for call in model_server.calls}) == 1


def test_a_tool_call_without_readable_arguments_says_what_it_had_instead(vendor, chat_model, model_server, read):
    if vendor.name != "openai":
        pytest.skip("its wire carries arguments as an object")
    model_server.fault("garbled_tool_call")
    deltas = read(chat_model, ask("Where?", tools=(SEARCH,)))
    given = "".join(delta.arguments for delta in deltas if isinstance(delta, ToolCallDelta))
    (call,) = assemble(deltas).finish()
    assert (call.arguments, call.malformed) == ({}, given)
    assert given


STOPS = {
    "openai": {
        "stop": StopReason.STOP,
        "length": StopReason.LENGTH,
        "content_filter": StopReason.FILTERED,
        "tool_calls": StopReason.TOOL_CALLS,
        "function_call": StopReason.TOOL_CALLS,
        "model_length": StopReason.LENGTH,
        "eos": StopReason.STOP,
    },
    "ollama": {"stop": StopReason.STOP, "length": StopReason.LENGTH},
    "anthropic": {
        "end_turn": StopReason.STOP,
        "stop_sequence": StopReason.STOP,
        "max_tokens": StopReason.LENGTH,
        "model_context_window_exceeded": StopReason.LENGTH,
        "tool_use": StopReason.TOOL_CALLS,
        "refusal": StopReason.FILTERED,
    },
    "google": {
        "STOP": StopReason.STOP,
        "MAX_TOKENS": StopReason.LENGTH,
        "SAFETY": StopReason.FILTERED,
        "RECITATION": StopReason.FILTERED,
        "BLOCKLIST": StopReason.FILTERED,
        "PROHIBITED_CONTENT": StopReason.FILTERED,
        "SPII": StopReason.FILTERED,
        "LANGUAGE": StopReason.FILTERED,
    },
}
BROKEN = {"openai": ("error", "abort"), "ollama": ("error",), "anthropic": ("error",), "google": ("OTHER",)}


def test_why_the_model_stopped_is_told_in_one_way(vendor, chat_model, model_server, read):
    for word, reason in STOPS[vendor.name].items():
        model_server.script(stop_reason=word)
        assert [delta.reason for delta in read(chat_model) if isinstance(delta, StopDelta)] == [reason], word


def test_a_reply_that_the_server_itself_calls_broken_is_worth_another_try(vendor, chat_model, model_server, read):
    for word in BROKEN[vendor.name]:
        model_server.script(stop_reason=word)
        with pytest.raises(ModelUnavailable) as caught:
            read(chat_model)
        assert caught.value.kind is FailureKind.SERVER_FAULT
        assert word.lower() in str(caught.value)


def test_a_call_of_a_tool_is_the_reason_whatever_plain_end_the_server_names(vendor, chat_model, model_server, read):
    plain = {"openai": "stop", "ollama": "stop", "anthropic": "end_turn", "google": "STOP"}[vendor.name]
    model_server.script(tool_calls=[{"name": "search", "arguments": {"query": "x"}}], tool_stop_reason=plain)
    assert assemble(read(chat_model, ask("Where?", tools=(SEARCH,)))).stop_reason is StopReason.TOOL_CALLS
