"""The provider that needs no model: it quotes what memory holds and says how to add a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lotus_tasks.providers.models import (
    OFFLINE,
    CompletionRequest,
    Delta,
    ModelInfo,
    ModelName,
    NoticeDelta,
    ProviderKind,
    ProviderRow,
    ProviderStatus,
    StopDelta,
    StopReason,
    TextDelta,
    Usage,
    UsageDelta,
)
from lotus_tasks.providers.ports import Watch
from lotus_tasks.providers.service.quoting import Quote, quote, quote_text
from lotus_tasks.values import day_of, utc_now

MODEL = ModelName("quotes")

NOT_CONFIGURED = "No model is configured, so this quotes your memory."
NOT_ASKED = "No model was asked, so this quotes your memory. See `manage.py providers check`."
KNOWS_NOTHING = "I don't know: memory holds nothing that answers this."
NEAREST_IS = " The nearest is: "
NEAREST = -2.0
"""From this support (log odds) on, what comes nearest is shown beside "I don't know": of what is declined in spite of being told,
it finds most (benchmarks/answers.py: `refused` against `silent`)."""
UNREADABLE = "Without a model what is attached can't be read, and no sentence of {names} has a word of the question."
NOT_CONFIGURED_EMPTY = "No model is configured either."
NO_ANSWER = "No model answered ({failed}), so this quotes your memory."
NO_ANSWER_EMPTY = "No model answered either ({failed})."
NOT_ASKED_EMPTY = "No model was asked either. See `manage.py providers check`."

_EVERYTHING = 10**9
"""Quoting has no context size."""


class OfflineChatModel:
    """Quotes the request's memories, as ``[n]``. ``remedy``: how to add a model; "" where one was set up."""

    def __init__(self, *, remedy: str = "") -> None:
        self._remedy = remedy
        self._row = ProviderRow(
            name=OFFLINE,
            kind=ProviderKind.OFFLINE,
            model=MODEL,
            models=(MODEL,),
            context_tokens=_EVERYTHING,
            takes_tools=False,
        )

    @property
    def row(self) -> ProviderRow:
        """See ports.ChatModel."""
        return self._row

    def is_present(self) -> bool:
        """Always."""
        return True

    def warm(self) -> None:
        """Nothing to make."""

    def default_model(self, watch: Watch) -> ModelName:  # noqa: ARG002 - the port's
        """The only one."""
        return MODEL

    def context_tokens(self, model: ModelName, watch: Watch) -> int:  # noqa: ARG002 - the port's
        """No bound."""
        return _EVERYTHING

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:  # noqa: ARG002 - the port's
        """The quotes, passage by passage, then the notice. What only comes nearest to the question is no answer,
        and is shown as that where it is near enough.
        """
        watch.check()
        attached = [TextDelta(text) for text in _of_attached(request)]
        yield from attached
        supported = request.support is None or request.support >= 0
        quotes = quote(request.question, request.memories, now=utc_now()) if supported else []
        for index, one in enumerate(quotes):
            yield TextDelta(f"{' ' if index or attached else ''}{_cited(one)}")
        if not quotes and not attached:
            yield TextDelta(KNOWS_NOTHING + _nearest(request))
        if request.provider != OFFLINE:  # whoever asked for it knows
            yield NoticeDelta(f"\n\n{self._notice(request.failed, empty=not quotes and not attached)}")
        yield UsageDelta(Usage())
        yield StopDelta(StopReason.STOP)

    def check(self) -> ProviderStatus:
        """Always there."""
        return ProviderStatus(
            name=OFFLINE,
            kind=ProviderKind.OFFLINE,
            configured=True,
            reachable=True,
            detail="quotes what memory holds",
            model=MODEL,
            latency_ms=0.0,
            models=(MODEL,),
        )

    def offers(self, model: ModelName, watch: Watch) -> bool | None:  # noqa: ARG002 - the port's
        """Only its own."""
        return model == MODEL

    def list_models(self) -> Sequence[ModelInfo]:
        """The only one."""
        return (ModelInfo(name=MODEL),)

    def close(self) -> None:
        """Nothing is open."""

    def _notice(self, failed: Sequence[str], *, empty: bool) -> str:
        if failed:
            return (NO_ANSWER_EMPTY if empty else NO_ANSWER).format(failed="; ".join(failed))
        if self._remedy:
            return f"{NOT_CONFIGURED_EMPTY if empty else NOT_CONFIGURED} {self._remedy}"
        return NOT_ASKED_EMPTY if empty else NOT_ASKED


def _of_attached(request: CompletionRequest) -> Sequence[str]:
    """Of each attached text the passage with most of the question's words, marked by its name; else that none has any."""
    if not request.attachments:
        return []
    found = [(one.name, quote_text(request.question, one.text)) for one in request.attachments]
    quoted = [f"{passage} [{name}]" for name, passage in found if passage]
    if not quoted:
        return [UNREADABLE.format(names=", ".join(name for name, _ in found))]
    return [quoted[0], *(f" {text}" for text in quoted[1:])]


def _nearest(request: CompletionRequest) -> str:
    """What comes nearest, where it may well be what was asked for."""
    if request.support is None or request.support < NEAREST:
        return ""
    return "".join(
        NEAREST_IS + _cited(one) for one in quote(request.question, request.memories, now=utc_now(), limit=1)
    )


def _cited(one: Quote) -> str:
    ended = f" (no longer holds since {day_of(one.ended_at)})" if one.ended_at is not None else ""
    return f"{one.text} [{one.number}]{ended}"
