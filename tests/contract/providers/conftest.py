from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.models import CompletionRequest, Delta, Message, ModelName, ProviderName, Role, TimeLimits
from lotus_tasks.providers.ports import ChatModel
from lotus_tasks.providers.service.watching import CallWatch, Interrupt
from tests.contract.providers.vendors import VENDORS, Vendor
from tests.modelserver import ModelServerHandle, model_server_thread


class Patience:
    """A Watch that never ends a call."""

    def check(self) -> None:
        pass


PATIENT = Patience()


@pytest.fixture(scope="session")
def running_model_server() -> Iterator[ModelServerHandle]:
    with model_server_thread() as handle:
        yield handle


@pytest.fixture
def model_server(running_model_server: ModelServerHandle, monkeypatch: pytest.MonkeyPatch) -> ModelServerHandle:
    monkeypatch.setenv("LOTUS_TEST_LOOPBACK_ONLY", "1")
    running_model_server.reset()
    return running_model_server


@pytest.fixture(params=VENDORS, ids=str)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return request.param


@pytest.fixture
def make_model(vendor: Vendor, model_server: ModelServerHandle) -> Iterator[Callable[..., ChatModel]]:
    """Makes the vendor's adapter; details go to its row."""
    made: list[ChatModel] = []

    def make(**details: str) -> ChatModel:
        made.append(vendor.adapter(vendor.row(model_server, **details)))
        return made[-1]

    yield make
    for model in made:
        model.close()


@pytest.fixture
def chat_model(make_model: Callable[..., ChatModel]) -> ChatModel:
    return make_model()


@pytest.fixture
def read() -> Callable[..., list[Delta]]:
    """Reads a reply as the completion service does: the watch is asked, and told, at every piece."""

    def read(
        chat_model: ChatModel,
        request: CompletionRequest | None = None,
        *,
        model: str = "m",
        interrupt: Interrupt = lambda: None,
        first_token_s: float = 30.0,
        between_tokens_s: float = 5.0,
    ) -> list[Delta]:
        limits = TimeLimits(first_token_s=first_token_s, between_tokens_s=between_tokens_s, overall_s=40.0)
        watch = CallWatch(provider=ProviderName("p"), limits=limits, interrupt=interrupt)
        found: list[Delta] = []
        for delta in chat_model.stream(request or ask("Hello?"), model=ModelName(model), watch=watch):
            watch.check()
            watch.saw_token()
            found.append(delta)
        return found

    return read


def ask(question: str, *before: Message, **details: object) -> CompletionRequest:
    messages = (*before, Message(origin=USER, role=Role.USER, content=question))
    return CompletionRequest(messages=messages, question=question, **details)  # type: ignore[arg-type]
