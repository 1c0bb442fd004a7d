"""Every fault with every vendor first in line: alone, and with another provider behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from lotus_tasks.providers.adapters.breakers import LocalBreakers
from lotus_tasks.providers.adapters.findings import LocalFindings
from lotus_tasks.providers.adapters.ollama import OllamaChatModel
from lotus_tasks.providers.models import (
    FailureKind,
    ModelRefusal,
    ModelUnavailable,
    ProviderKind,
    ProviderRow,
    TimeLimits,
)
from lotus_tasks.providers.ports import ChatModel
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.completion import CompletionService
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.retry import RetryPolicy
from tests.contract.providers.conftest import PATIENT, ask
from tests.contract.providers.vendors import Vendor
from tests.modelserver import ModelServerHandle, model_server_thread
from tests.unit.providers.service.doubles import ScreenSink, Turnstile

GOOD = "The spare key hangs behind the blue door."
BAD = "The spare key was lost in the harbour."
ROOMY = TimeLimits(first_token_s=20.0, between_tokens_s=20.0, overall_s=60.0)
TIGHT = TimeLimits(first_token_s=0.8, between_tokens_s=0.8, overall_s=60.0)
"""For faults that only a time limit ends."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault that lasts, and what is said of it. ``calls``: how many calls it costs before the provider is left."""

    name: str
    kind: FailureKind
    said: str
    inflict: Callable[[ModelServerHandle, int], None] = lambda server, times: None
    row: dict[str, str] = field(default_factory=dict)
    passing: bool = True
    keyed: bool = False
    calls: int = 2

    def __str__(self) -> str:
        return self.name

    @property
    def limits(self) -> TimeLimits:
        return TIGHT if self.kind in {FailureKind.NO_FIRST_TOKEN, FailureKind.STALLED} else ROOMY


def status(code: int, **headers: str) -> Callable[[ModelServerHandle, int], None]:
    return lambda server, times: server.fail_next(times, status=code, headers=headers)


def broken(kind: str) -> Callable[[ModelServerHandle, int], None]:
    return lambda server, times: server.fault(kind, times=times)


def scripted(**changes: Any) -> Callable[[ModelServerHandle, int], None]:
    return lambda server, times: server.script(**changes)


K = FailureKind
FAULTS = (
    Fault(name="429", kind=K.RATE_LIMITED, said="429 too many requests", inflict=status(429)),
    Fault(
        name="429-now", kind=K.RATE_LIMITED, said="429 too many requests", inflict=status(429, **{"Retry-After": "0"})
    ),
    Fault(name="500", kind=K.SERVER_FAULT, said="500", inflict=status(500)),
    Fault(name="hang", kind=K.NO_FIRST_TOKEN, said="no first token within 0.8 s", inflict=broken("hang"), calls=1),
    Fault(name="stall", kind=K.STALLED, said="silent for 0.8 s mid-stream", inflict=broken("stall"), calls=1),
    Fault(name="cut", kind=K.CUT, said="connection cut", inflict=broken("cut")),
    Fault(name="end-early", kind=K.CUT, said="cut mid-stream", inflict=broken("end_early")),
    Fault(name="garbage", kind=K.GARBAGE, said="unreadable reply", inflict=broken("garbage")),
    Fault(name="login-page", kind=K.GARBAGE, said="http://127.0.0.1", inflict=broken("html")),
    Fault(name="error-in-stream", kind=K.SERVER_FAULT, said="failed mid-stream", inflict=broken("error_in_stream")),
    Fault(name="empty", kind=K.EMPTY, said="empty reply", inflict=broken("empty")),
)
"""Faults that may pass while one waits."""

LASTING = (
    Fault(name="refused", kind=K.REFUSED, said="connection refused", row={"base_url": "http://127.0.0.1:9"}, calls=0),
    Fault(name="dns", kind=K.UNRESOLVED, said="name not found (DNS)", row={"base_url": "http://m.invalid"}, calls=0),
    Fault(
        name="429-long",
        kind=K.RATE_LIMITED,
        said="429 too many requests",
        inflict=status(429, **{"Retry-After": "60"}),
        calls=1,
    ),
    Fault(
        name="wrong-key",
        kind=K.WRONG_KEY,
        said="wrong key",
        inflict=scripted(api_key="other"),
        passing=False,
        calls=1,
        keyed=True,
    ),
    Fault(
        name="unknown-model",
        kind=K.UNKNOWN_MODEL,
        said="unknown model m",
        inflict=scripted(any_model=False),
        passing=False,
        calls=1,
    ),
    Fault(
        name="context",
        kind=K.CONTEXT_EXCEEDED,
        said="context too long",
        inflict=scripted(context_tokens=3),
        passing=False,
        calls=1,
    ),
)
"""Faults that outlast any wait, or are for good."""


@pytest.fixture(params=(*FAULTS, *LASTING), ids=str)
def fault(request: pytest.FixtureRequest, vendor: Vendor) -> Fault:
    if request.param.keyed and not vendor.takes_keys:
        pytest.skip("it has no key")
    return request.param


@pytest.fixture(scope="module")
def healthy_server() -> Iterator[ModelServerHandle]:
    with model_server_thread() as handle:
        handle.script(reply=GOOD)
        yield handle


@pytest.fixture
def first(
    vendor: Vendor, fault: Fault, model_server: ModelServerHandle, make_model: Callable[..., ChatModel]
) -> ChatModel:
    model = make_model(**fault.row)
    if not fault.row:
        # The model's size is asked for once and kept; the fault is to hit the call itself.
        model.context_tokens("m", PATIENT)
    model_server.script(reply=BAD)
    fault.inflict(model_server, 100)
    return model


@pytest.fixture
def second(healthy_server: ModelServerHandle) -> Iterator[ChatModel]:
    row = ProviderRow(name="second", kind=ProviderKind.OLLAMA, base_url=healthy_server.ollama_url, model="m")
    model = OllamaChatModel(row, asked_for=True)
    yield model
    model.close()


def service(*models: ChatModel, limits: TimeLimits) -> CompletionService:
    return CompletionService(
        findings=LocalFindings(),
        models={model.row.name: model for model in models},
        order=[model.row.name for model in models],
        limits=limits,
        retry=RetryPolicy(tries=2, base_s=0.01, patience_s=1.0),
        outage=OutagePolicy(patience_s=0),
        breakers=LocalBreakers(BreakerPolicy(failures=1000)),
        meter=Turnstile(),
    )


def test_with_another_provider_behind_it_the_answer_comes_whole_and_the_fault_is_named(
    vendor, fault, first, second, model_server
):
    sink = ScreenSink()
    completion = service(first, second, limits=fault.limits).complete(
        ask("Where is the spare key?"), sink=sink, interrupt=lambda: None
    )
    assert completion.text == GOOD
    assert completion.provider == "second"
    assert sink.text == GOOD
    (said,) = completion.degraded
    assert said.startswith(f"{vendor.name}: {fault.said}")
    assert len(model_server.calls) == fault.calls


def test_alone_the_fault_is_the_error_and_says_whether_another_try_may_help(vendor, fault, first, model_server):
    records = []
    with pytest.raises(ModelUnavailable if fault.passing else ModelRefusal) as caught:
        service(first, limits=fault.limits).complete(
            ask("Where is the spare key?"), sink=ScreenSink(), interrupt=lambda: None, record=records.append
        )
    assert caught.value.kind is fault.kind
    assert fault.said in str(caught.value)
    assert {record.failure for record in records} == {fault.kind}
    assert all(record.provider == vendor.name for record in records)


@pytest.mark.parametrize("passing", FAULTS, ids=str)
def test_a_fault_that_passes_costs_a_second_try_only(vendor, passing, make_model, model_server):
    model = make_model()
    model.context_tokens("m", PATIENT)
    model_server.script(reply=GOOD)
    passing.inflict(model_server, 1)
    sink = ScreenSink()
    completion = service(model, limits=passing.limits).complete(
        ask("Where is the spare key?"), sink=sink, interrupt=lambda: None
    )
    assert (completion.text, sink.text) == (GOOD, GOOD)
    (said,) = completion.degraded
    assert said.startswith(f"{vendor.name}: {passing.said}")
    assert said.endswith("answered at try 2")


def test_a_hundred_requests_at_once_all_succeed_while_the_first_provider_fails_half_the_time(
    vendor, make_model, second, model_server
):
    model_server.script(reply=GOOD)
    for kind in ("cut", "stall", "garbage"):
        model_server.fault(kind, times=25, every=2)
    model = make_model()
    subject = service(model, second, limits=TimeLimits(first_token_s=20.0, between_tokens_s=2.0, overall_s=60.0))

    def complete(number: int) -> tuple[str, str]:
        sink = ScreenSink()
        completion = subject.complete(ask(f"Question {number}?"), sink=sink, interrupt=lambda: None)
        return completion.text, sink.text

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(complete, range(100)))
    assert answers == [(GOOD, GOOD)] * 100
