"""Every shape a reply may have, on both wires that many servers imitate, streamed and whole: the answer is right, or it is the
next provider's.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.adapters.breakers import LocalBreakers
from lotus_tasks.providers.adapters.findings import LocalFindings
from lotus_tasks.providers.adapters.ollama import OllamaChatModel
from lotus_tasks.providers.models import ModelUnavailable, ProviderKind, ProviderRow, StopReason, TimeLimits, Tool
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.completion import CompletionService
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.retry import RetryPolicy
from tests.contract.providers.conftest import ask
from tests.contract.providers.vendors import VENDORS
from tests.modelserver import ModelServerHandle, model_server_thread
from tests.modelserver.shapes import ANSWER, SHAPES, Shape
from tests.unit.providers.service.doubles import ScreenSink, Turnstile

NEXT = "The next provider answers."
SEARCH = Tool(origin=USER, name="search", description="Searches.", parameters={"type": "object"})
WIRES = [vendor for vendor in VENDORS if vendor.name in {"openai", "ollama"}]


@pytest.fixture(params=WIRES, ids=str)
def vendor(request: pytest.FixtureRequest):
    return request.param


@pytest.fixture(params=[False, True], ids=["streamed", "whole"])
def whole(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module")
def next_server() -> Iterator[ModelServerHandle]:
    with model_server_thread() as handle:
        handle.script(reply=NEXT)
        yield handle


@pytest.fixture
def next_model(next_server: ModelServerHandle) -> Iterator[OllamaChatModel]:
    row = ProviderRow(name="next", kind=ProviderKind.OLLAMA, base_url=next_server.ollama_url, model="m")
    model = OllamaChatModel(row, asked_for=True)
    yield model
    model.close()


def service(*models) -> CompletionService:
    return CompletionService(
        findings=LocalFindings(),
        models={model.row.name: model for model in models},
        order=[model.row.name for model in models],
        limits=TimeLimits(),
        retry=RetryPolicy(tries=1),
        outage=OutagePolicy(patience_s=0),
        breakers=LocalBreakers(BreakerPolicy()),
        meter=Turnstile(),
    )


@pytest.mark.parametrize("shape", SHAPES.values(), ids=str)
def test_a_reply_of_any_shape_is_answered_right_or_by_the_next_provider(
    vendor, shape: Shape, whole, make_model, next_model, model_server
):
    model_server.fault("shape", shape=shape.name, whole=whole)
    sink = ScreenSink()
    completion = service(make_model(), next_model).complete(
        ask("Where?", tools=(SEARCH,)), sink=sink, interrupt=lambda: None
    )
    said = " ".join(completion.degraded)
    if shape.fails:
        assert (completion.provider, completion.text) == ("next", NEXT)
        assert said.startswith(f"{vendor.name}: ")
        assert shape.said in said
        return
    assert (completion.provider, said) == (vendor.name, "")
    assert tuple(call.arguments for call in completion.tool_calls) == shape.calls
    assert {call.name for call in completion.tool_calls} <= {"search"}
    assert (completion.text, sink.text) == (("", "") if shape.calls else (ANSWER, ANSWER))
    assert completion.stop_reason is (StopReason.TOOL_CALLS if shape.calls else StopReason.STOP)
    if shape.thoughts is not None:
        assert sink.thoughts.strip() == shape.thoughts


ERRORS = [shape for shape in SHAPES.values() if shape.name.startswith("error-")]


@pytest.mark.parametrize("shape", ERRORS, ids=str)
def test_an_error_in_a_good_status_keeps_its_message(shape: Shape, whole, make_model, model_server):
    model_server.fault("shape", shape=shape.name, whole=whole)
    with pytest.raises(ModelUnavailable) as caught:
        list(make_model().stream(ask("Where?"), model="m", watch=_Patience()))
    assert "the runner ran out of memory" in str(caught.value)


class _Patience:
    def check(self) -> None:
        pass


def test_every_shape_is_there_on_both_wires_streamed_and_whole():
    for shape in SHAPES.values():
        assert set(shape.stream) == set(shape.whole) == {vendor.name for vendor in WIRES}
