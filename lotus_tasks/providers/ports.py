"""What the providers module needs of the world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from lotus_tasks.providers.models import (
    CompletionRequest,
    Delta,
    ModelInfo,
    ModelName,
    ProviderName,
    ProviderRow,
    ProviderStatus,
    Usage,
)


class Watch(Protocol):
    """Why a call should end before the model is done."""

    def check(self) -> None:
        """Return while the call may go on. Raise Cancelled, HandBack, StaleLease, or ModelUnavailable past a time limit.

        Once it raised it raises the same again. Cheap: asked for every piece of the stream and ten times a second while
        the model is silent.
        """


class ChatModel(Protocol):
    """One provider, whatever its wire format."""

    @property
    def row(self) -> ProviderRow:
        """The provider's settings."""

    def is_present(self) -> bool:
        """False only for a provider that nobody set up and that isn't there: passing over it is no failure. Quick."""

    def warm(self) -> None:
        """Make the client: importing a vendor's SDK takes a second or two, which are not the model's. Raises as ``stream``."""

    def default_model(self, watch: Watch) -> ModelName:
        """The model to use when none was asked for. Raises as ``stream`` does."""

    def context_tokens(self, model: ModelName, watch: Watch) -> int:
        """How many tokens ``model`` takes, prompt and reply together. Raises as ``stream`` does."""

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        """The answer in pieces, closed by a StopDelta. ``request.messages`` are composed already, memories included.

        Raises ModelUnavailable or ModelRefusal, or what ``watch`` raises; the connection is closed by then. Closing the
        iterator closes the connection.
        """

    def check(self) -> ProviderStatus:
        """Ask the provider whether it would serve, within a few seconds. Never raises for a provider that fails."""

    def offers(self, model: ModelName, watch: Watch) -> bool | None:
        """Whether the provider has ``model``, by its own list; None where it gives none. Raises what ``watch`` raises alone."""

    def list_models(self) -> Sequence[ModelInfo]:
        """The models the provider offers. Raises as ``stream`` does."""

    def close(self) -> None:
        """Close the connections."""


class TokenSink(Protocol):
    """Where tokens go while the answer is written. A failing sink never fails the answer."""

    def start(self) -> None:
        """Begin a new generation: a reader drops the text of the one before."""

    def write(self, text: str) -> None:
        """Add text to this generation."""

    def think(self, text: str) -> None:
        """A piece of the model's thinking, beside every generation: it is never part of the answer."""

    def notice(self, text: str) -> None:
        """One line for the person who waits: a provider that failed."""


class BreakerStore(Protocol):
    """What all workers know of a provider's recent failures. A store that doesn't answer means: go ahead."""

    def blocked_for_s(self, provider: ProviderName) -> float:
        """Seconds for which the provider should be left alone; 0 when a call may go.

        After the pause exactly one caller is let through as the trial; the others keep being told to wait.
        """

    def asked_rest_s(self, provider: ProviderName) -> float:
        """Seconds left of the rest that the provider itself asked for; 0 where it asked for none. Lets nobody through."""

    def record_success(self, provider: ProviderName) -> None:
        """The provider answered: forget its failures."""

    def record_failure(self, provider: ProviderName, *, retry_after_s: float | None) -> None:
        """The provider failed; ``retry_after_s`` is the pause it asked for."""


class Findings(Protocol):
    """What was learned of servers' models from their refusals, by server and model. A store that doesn't answer knows nothing."""

    def refused(self, row: ProviderRow, model: ModelName) -> frozenset[str]:
        """The fields that the model refused within the last week; ``tools`` where it takes none."""

    def note_refused(self, row: ProviderRow, model: ModelName, fields: Iterable[str]) -> None:
        """The model answered without ``fields``, which it had refused."""

    def context_tokens(self, row: ProviderRow, model: ModelName) -> int | None:
        """What the model was found to hold within the last hour, in tokens as LOTUS estimates them."""

    def note_context(self, row: ProviderRow, model: ModelName, context_tokens: int) -> None:
        """The model holds no more than ``context_tokens``."""


class Admission(Protocol):
    """A place for one call."""

    def keep(self) -> None:
        """Say that the call still goes on; the place of a worker that died is given away. Cheap: asked all the time."""

    def leave(self, usage: Usage) -> None:
        """Give the place back and count what was used."""


class Meter(Protocol):
    """The limits that all workers share. A meter that doesn't answer means: go ahead."""

    def admit(self, row: ProviderRow, *, expected_tokens: int) -> Admission:
        """A place for one call. Raises LimitReached (try again after ``retry_after_s``) or BudgetSpent."""
