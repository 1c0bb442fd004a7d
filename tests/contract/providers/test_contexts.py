"""How much a model holds is the server's to say: before the call where it tells, else in its refusal."""

from __future__ import annotations

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.models import Tool
from tests.contract.providers.conftest import PATIENT, ask
from tests.contract.providers.test_shapes import service
from tests.contract.providers.vendors import VENDORS
from tests.modelserver.wires import CONTEXT_ERRORS
from tests.unit.providers.service.doubles import ScreenSink, memory

OPENAI = [vendor for vendor in VENDORS if vendor.name == "openai"]
MEMORIES = tuple(memory(n, f"fact{n} " + "word " * 300) for n in range(1, 30))
TOOLS = tuple(
    Tool(
        origin=USER,
        name=f"thing_{n}",
        description=f"Does thing number {n} to what is named.",
        parameters={"type": "object", "properties": {"name": {"type": "string", "description": "what to do it to"}}},
    )
    for n in range(56)
)


@pytest.mark.parametrize("vendor", OPENAI, ids=str)
@pytest.mark.parametrize("told", ["meta.n_ctx", "meta.n_ctx_train", "max_model_len", "context_length", "props"])
def test_the_context_is_learned_before_anything_is_sent(vendor, told, make_model, model_server):
    model_server.script(context_tokens=2048, context_told=told, models=["m"])
    chat_model = make_model()
    assert chat_model.context_tokens("m", PATIENT) == 2048
    completion = service(chat_model).complete(
        ask("Where is fact1?", memories=MEMORIES, tools=TOOLS), sink=ScreenSink(), interrupt=lambda: None
    )
    assert [call["status"] for call in model_server.calls] == [200]
    assert completion.left_out_memories > 0
    (line,) = completion.degraded
    assert "of 56 tools left out, the model's 2048 tokens hold no more: thing_" in line
    asked = len(model_server.requests)
    chat_model.context_tokens("m", PATIENT)
    assert len(model_server.requests) == asked


@pytest.mark.parametrize("vendor", OPENAI, ids=str)
def test_a_server_that_tells_nothing_or_more_has_what_its_row_says(vendor, make_model, model_server):
    model_server.script(models=["m"])
    assert make_model().context_tokens("m", PATIENT) == 8192
    model_server.script(context_tokens=100_000, context_told="meta.n_ctx")
    assert make_model().context_tokens("m", PATIENT) == 8192


@pytest.mark.parametrize("vendor", OPENAI, ids=str)
@pytest.mark.parametrize("words", CONTEXT_ERRORS)
def test_the_context_is_learned_from_each_servers_refusal(vendor, words, make_model, model_server):
    # Where no number is told, half of what was tried is tried.
    model_server.script(context_tokens=4096 if words == "silent" else 2048, context_words=words)
    once = service(make_model())
    for _ in range(2):
        completion = once.complete(
            ask("Where is fact1?", memories=MEMORIES, tools=TOOLS), sink=ScreenSink(), interrupt=lambda: None
        )
        assert completion.text == "The scripted model answers."
    assert [call["status"] for call in model_server.calls] == [CONTEXT_ERRORS[words][0], 200, 200]


def test_every_wires_refusal_of_a_long_prompt_is_learned_from(make_model, model_server, vendor):
    model_server.script(context_tokens=2048)
    completion = service(make_model()).complete(
        ask("Where is fact1?", memories=MEMORIES), sink=ScreenSink(), interrupt=lambda: None
    )
    assert completion.text == "The scripted model answers."
    # Ollama tells it before.
    refused = [] if vendor.name == "ollama" else [400]
    assert [call["status"] for call in model_server.calls] == [*refused, 200]
