"""One completion over several providers: try, wait, try again, move on, and say what failed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lotus_tasks.providers.models import (
    OFFLINE,
    BudgetSpent,
    CallRecord,
    Completion,
    CompletionRequest,
    FailureKind,
    LimitReached,
    ModelRefusal,
    ModelUnavailable,
    ProviderName,
    TimeLimits,
)
from lotus_tasks.providers.ports import BreakerStore, ChatModel, Findings, Meter, TokenSink
from lotus_tasks.providers.service.asking import ModelCalls, Telling
from lotus_tasks.providers.service.choice import Candidate, choose, unknown_model, with_model
from lotus_tasks.providers.service.continuing import Continuation, continuation_of, cut_notice, goes_on, joined
from lotus_tasks.providers.service.exhaustion import Failure, exhausted
from lotus_tasks.providers.service.generations import Generations
from lotus_tasks.providers.service.guarding import is_present, resting, who_has
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.retry import RetryPolicy
from lotus_tasks.providers.service.watching import Interrupt


@dataclass(slots=True)
class _Left:
    """A provider that was given up, and the line in ``degraded`` that says so. ``asked_s``: the rest it asked for."""

    candidate: Candidate
    failure: Failure
    line: str
    asked_s: float
    tries: int = 0
    ask_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress(Telling):
    """What one completion has gathered so far."""

    left: list[_Left] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionService:
    """Completes requests with the providers there are, in ``order``. Safe to share between threads.

    ``sleep``, ``clock`` (monotonic seconds) and ``jitter`` (a number in [0, 1)) are the world's, but for tests.
    """

    models: Mapping[ProviderName, ChatModel]
    order: Sequence[ProviderName]
    limits: TimeLimits
    retry: RetryPolicy
    outage: OutagePolicy
    breakers: BreakerStore
    meter: Meter
    findings: Findings
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    _calls: ModelCalls = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """The calls share what the service was given."""
        calls = ModelCalls(
            limits=self.limits,
            retry=self.retry,
            meter=self.meter,
            sleep=self.sleep,
            clock=self.clock,
            findings=self.findings,
        )
        object.__setattr__(self, "_calls", calls)

    def complete(
        self,
        request: CompletionRequest,
        *,
        sink: TokenSink,
        interrupt: Interrupt,
        record: Callable[[CallRecord], None] = lambda _: None,
    ) -> Completion:
        """The reply, from the first provider that gives one. ``record`` is told of every call, when it has ended.

        Raises what ``interrupt`` raises at once; when every provider failed, ModelUnavailable if another try may help,
        else ModelRefusal, naming each.
        """
        rows = {name: model.row for name, model in self.models.items()}
        choice = choose(request, rows, self.order)
        if request.model is not None and choice.candidates:
            choice = with_model(
                choice,
                request,
                who_has(request.model, choice, self.models, self._calls.watch(choice.candidates[0], interrupt)),
                rows,
            )
        progress = _Progress(
            generations=Generations(sink), interrupt=interrupt, degraded=list(choice.passed_over), record=record
        )
        started = self.clock()
        for index, candidate in enumerate(choice.candidates):
            others_left = index + 1 < len(choice.candidates)
            completion = self._outlast(request, progress) if candidate.provider == OFFLINE else None
            if completion is None:
                if candidate.provider == OFFLINE:
                    _refuse_unknown(request, progress)
                    request = replace(request, failed=tuple(progress.degraded))
                completion = self._ask(candidate, request, progress, others_left=others_left)
            if completion is not None:
                completion = self._whole(completion, request, progress)
                return replace(completion, degraded=tuple(progress.degraded), total_ms=1000 * (self.clock() - started))
        raise exhausted(progress.degraded, [one.failure for one in progress.left])

    def _ask(
        self, candidate: Candidate, request: CompletionRequest, progress: _Progress, *, others_left: bool
    ) -> Completion | None:
        """One provider with its tries; None when it is left, with the reason noted."""
        name = candidate.provider
        model = self.models[name]
        if not is_present(model):
            return None
        blocked_s = self.breakers.blocked_for_s(name)
        if blocked_s > 0:
            asked_s = self.breakers.asked_rest_s(name)
            self._leave(progress, candidate, resting(name, blocked_s), tries=0, asked_s=asked_s)
            return None
        tries = 0
        summary = ""
        while True:
            tries += 1
            try:
                completion = self._calls.call(model, candidate, request, progress)
            except (LimitReached, BudgetSpent) as limit:
                self._leave(progress, candidate, limit, tries=1)
                return None
            except ModelRefusal as failure:
                self.breakers.record_success(name)
                self._leave(progress, candidate, failure, tries=tries)
                return None
            except ModelUnavailable as failure:
                summary = failure.summary
                self.breakers.record_failure(name, retry_after_s=failure.retry_after_s)
                pause_s = self.retry.pause_s(
                    failure.kind,
                    done=tries,
                    retry_after_s=failure.retry_after_s,
                    others_left=others_left,
                    random=self.jitter,
                )
                if pause_s is None:
                    self._leave(progress, candidate, failure, tries=tries)
                    return None
                self._calls.wait(pause_s, progress.interrupt)
            else:
                self.breakers.record_success(name)
                if tries > 1:
                    progress.degraded.append(f"{name}: {summary}, answered at try {tries}")
                return completion

    def _whole(self, completion: Completion, request: CompletionRequest, progress: _Progress) -> Completion:
        """The reply, gone on with once where it was cut at its length; what is still not whole says so."""
        if goes_on(completion, request):
            screen = Continuation(progress.generations, completion.text)
            candidate = Candidate(provider=completion.provider, model=completion.model)
            onward = replace(progress, generations=screen)
            try:
                rest = self._calls.call(
                    self.models[completion.provider], candidate, continuation_of(completion, request), onward
                )
            except (ModelRefusal, ModelUnavailable, LimitReached, BudgetSpent) as failure:
                progress.degraded.append(f"{completion.provider}: could not go on: {failure.summary}")
            else:
                completion = joined(completion, rest)
                screen.finish(completion.text)
        if notice := cut_notice(completion):
            progress.degraded.append(notice)
        return completion

    def _leave(
        self, progress: _Progress, candidate: Candidate, failure: Failure, *, tries: int, asked_s: float | None = None
    ) -> None:
        after = f" after {tries} tries" if tries > 1 else ""
        line = f"{candidate.provider}: {failure.summary}{after}"
        progress.degraded.append(line)
        progress.generations.notice(line)
        if asked_s is None:
            asked_s = getattr(failure, "retry_after_s", None) or 0.0
        progress.left.append(_Left(candidate, failure, line, asked_s))

    def _outlast(self, request: CompletionRequest, progress: _Progress) -> Completion | None:
        """The reply of a provider that was out and is back before patience ends; None when memory has to be quoted.

        The breakers' rests don't count, for nobody else could answer; a rest that a server asked for does.
        """
        started = self.clock()
        until = started + self.outage.patience_s
        out = [one for one in progress.left if self._is_awaited(one, until)]
        if out:
            names = " and ".join(one.candidate.provider for one in out)
            progress.generations.notice(f"waiting up to {self.outage.patience_s:.0f} s for {names} to answer again")
        while out:
            one = min(out, key=lambda one: one.ask_at)
            self._calls.wait(one.ask_at - self.clock(), progress.interrupt)
            completion = self._try_again(one, request, progress)
            lasted = f"{self.clock() - started:.0f} s"
            before = progress.degraded.index(one.line)
            if completion is not None:
                progress.degraded[before] = f"{one.line}, answered {lasted} later"
                return completion
            if not self._is_awaited(one, until):
                out.remove(one)
                still = f", still after {lasted}" if isinstance(one.failure, ModelUnavailable) else ""
                progress.degraded[before] = f"{one.candidate.provider}: {one.failure.summary}{still}"
                progress.generations.notice(progress.degraded[before])
        return None

    def _is_awaited(self, one: _Left, until: float) -> bool:
        """Whether the provider is worth another try; then it has its time."""
        now = self.clock()
        pause_s = self.outage.pause_s(asked_s=one.asked_s, done=one.tries, random=self.jitter)
        one.ask_at = min(now + pause_s, until)
        return self.outage.outlasts(one.failure, asked_s=one.asked_s, left_s=until - now)

    def _try_again(self, one: _Left, request: CompletionRequest, progress: _Progress) -> Completion | None:
        """One more call to a provider that was out; None when it failed once more."""
        name = one.candidate.provider
        one.tries += 1
        try:
            completion = self._calls.call(self.models[name], one.candidate, request, progress)
        except ModelUnavailable as failure:
            one.failure, one.asked_s = failure, failure.retry_after_s or 0.0
            if not isinstance(failure, LimitReached):
                self.breakers.record_failure(name, retry_after_s=failure.retry_after_s)
            return None
        except ModelRefusal as failure:
            one.failure = failure
            if not isinstance(failure, BudgetSpent):
                self.breakers.record_success(name)
            return None
        self.breakers.record_success(name)
        return completion


def _refuse_unknown(request: CompletionRequest, progress: _Progress) -> None:
    """Memory stands in for no model that nobody has: servers that list none tell it only when they are asked.

    Raises ModelRefusal where every provider was left because it doesn't know the model that was asked for.
    """
    kinds = {getattr(one.failure, "kind", None) for one in progress.left}
    if request.model is not None and kinds == {FailureKind.UNKNOWN_MODEL}:
        alone = progress.left[0].candidate.provider if len(progress.left) == 1 else None
        raise unknown_model(request.model, alone)
