"""Chat models that do as the test says, a clock that moves when it is waited for, and a screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lotus_tasks.errors import LotusError
from lotus_tasks.origins import USER, Origin
from lotus_tasks.providers.adapters.breakers import LocalBreakers
from lotus_tasks.providers.adapters.findings import LocalFindings
from lotus_tasks.providers.models import (
    CallRecord,
    CompletionRequest,
    Delta,
    FailureKind,
    Message,
    ModelInfo,
    ModelName,
    ModelRefusal,
    ModelUnavailable,
    ProviderKind,
    ProviderName,
    ProviderRow,
    ProviderStatus,
    Recollection,
    Role,
    StopDelta,
    StopReason,
    TextDelta,
    TimeLimits,
    Usage,
    UsageDelta,
)
from lotus_tasks.providers.ports import ChatModel, Watch
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.completion import CompletionService
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.retry import RetryPolicy

Act = LotusError | Sequence[Delta | LotusError]


def speech(*texts: str, usage: Usage | None = None) -> list[Delta]:
    """A whole reply."""
    return [
        *map(TextDelta, texts),
        UsageDelta(usage or Usage(input_tokens=3, output_tokens=2)),
        StopDelta(StopReason.STOP),
    ]


def unavailable(summary: str = "503", kind: FailureKind = FailureKind.SERVER_FAULT, retry_after_s: float | None = None):
    return ModelUnavailable(kind, summary, f"HTTP {summary}", retry_after_s=retry_after_s)


def refusal(summary: str = "wrong key (401)", kind: FailureKind = FailureKind.WRONG_KEY):
    return ModelRefusal(kind, summary, f"refused: {summary}")


def row(name: str, **details) -> ProviderRow:
    return ProviderRow(
        **{"name": ProviderName(name), "kind": ProviderKind.OPENAI, "model": ModelName(f"{name}-1"), **details}
    )


@dataclass
class ActingModel:
    """Plays its acts in order, one a call; the last one goes on for ever."""

    row: ProviderRow
    acts: list[Act]
    present: bool = True
    has: bool | None = None
    requests: list[tuple[CompletionRequest, str]] = field(default_factory=list)

    def is_present(self) -> bool:
        return self.present

    def warm(self) -> None:
        pass

    def default_model(self, watch: Watch) -> ModelName:
        return self.row.model

    def context_tokens(self, model: ModelName, watch: Watch) -> int:
        return self.row.context_tokens

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        self.requests.append((request, model))
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        if isinstance(act, LotusError):
            raise act
        for piece in act:
            if isinstance(piece, LotusError):
                raise piece
            yield piece

    def check(self) -> ProviderStatus:
        raise NotImplementedError

    def offers(self, model: ModelName, watch: Watch) -> bool | None:
        return self.has

    def list_models(self) -> Sequence[ModelInfo]:
        return ()

    def close(self) -> None:
        pass


@dataclass
class Time:
    """Seconds that pass only while someone sleeps."""

    now: float = 1000.0
    slept: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@dataclass
class ScreenSink:
    """What a reader sees: the text of the latest generation."""

    text: str = ""
    shown: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    generations: int = 0
    thoughts: str = ""

    def start(self) -> None:
        self.generations += 1
        self.shown.append(self.text)
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def think(self, text: str) -> None:
        self.thoughts += text

    def notice(self, text: str) -> None:
        self.notices.append(text)


@dataclass
class Turnstile:
    """A meter that refuses as often as the test says, then lets everyone through and counts."""

    refusals: list[LotusError] = field(default_factory=list)
    used: list[Usage] = field(default_factory=list)
    kept: int = 0

    def admit(self, row: ProviderRow, *, expected_tokens: int) -> Turnstile:
        if self.refusals:
            raise self.refusals.pop(0)
        return self

    def keep(self) -> None:
        self.kept += 1

    def leave(self, usage: Usage) -> None:
        self.used.append(usage)


@dataclass
class Stage:
    """A CompletionService over acting models, and everything a test wants to see of it."""

    models: dict[ProviderName, ChatModel]
    time: Time = field(default_factory=Time)
    sink: ScreenSink = field(default_factory=ScreenSink)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    outage: OutagePolicy = field(default_factory=OutagePolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    meter: Turnstile = field(default_factory=Turnstile)

    def __post_init__(self) -> None:
        self.calls: list[CallRecord] = []
        self.breakers = LocalBreakers(self.breaker, clock=self.time)
        self.findings = LocalFindings(self.time)
        self.service = CompletionService(
            findings=self.findings,
            models=self.models,
            order=tuple(self.models),
            limits=TimeLimits(),
            retry=self.retry,
            outage=self.outage,
            breakers=self.breakers,
            meter=self.meter,
            sleep=self.time.sleep,
            clock=self.time,
            jitter=lambda: 0.5,
        )

    def complete(self, request: CompletionRequest | None = None, interrupt=lambda: None):
        return self.service.complete(
            request or question(), sink=self.sink, interrupt=interrupt, record=self.calls.append
        )


def stage(*models: ActingModel, **details) -> Stage:
    return Stage(models={model.row.name: model for model in models}, **details)


def question(text: str = "Where is the key?", **details) -> CompletionRequest:
    return CompletionRequest(messages=(Message(origin=USER, role=Role.USER, content=text),), question=text, **details)


def memory(
    number: int, text: str, *, source: str = "notes.md", score: float | None = None, origin: Origin = USER, **details
) -> Recollection:
    return Recollection(
        origin=origin,
        number=number,
        memory_id=f"m{number}",
        text=text,
        source=source,
        score=1 / number if score is None else score,
        **details,
    )
