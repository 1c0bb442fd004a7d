"""One completion over several providers: try, wait, try again, move on, and say what failed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lotus_tasks.providers.models import (
    OFFLINE,
    BudgetSpent,
    CallRecord,
    Completion,
    CompletionRequest,
    Delta,
    FailureKind,
    LimitReached,
    ModelRefusal,
    ModelUnavailable,
    NoticeDelta,
    ProviderName,
    ProviderRow,
    RecastDelta,
    StopReason,
    TextDelta,
    ThoughtDelta,
    TimeLimits,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from lotus_tasks.providers.ports import Admission, BreakerStore, ChatModel, Meter, TokenSink
from lotus_tasks.providers.service.accounting import closed, usage_of
from lotus_tasks.providers.service.assembly import Reply
from lotus_tasks.providers.service.choice import Candidate, choose, with_model
from lotus_tasks.providers.service.continuing import Continuation, continuation_of, cut_notice, goes_on, joined
from lotus_tasks.providers.service.describing import HeldBack, Wording, read_call, worded
from lotus_tasks.providers.service.exhaustion import Failure, exhausted
from lotus_tasks.providers.service.generations import Generations
from lotus_tasks.providers.service.guarding import failure_of, is_present, resting, who_has
from lotus_tasks.providers.service.locality import keep_here
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.prompt import REPLY_TOKENS, Prompt, compose
from lotus_tasks.providers.service.retry import RetryPolicy
from lotus_tasks.providers.service.shortfall import cut_prompt
from lotus_tasks.providers.service.watching import CallWatch, Interrupt
from lotus_tasks.values import utc_now

_WAIT_SLICE_S = 0.1
"""How often a pause between tries looks for an interruption."""


@dataclass(slots=True)
class _Left:
    """A provider that was given up, and the line in ``degraded`` that says so. ``asked_s``: the rest it asked for."""

    candidate: Candidate
    failure: Failure
    line: str
    asked_s: float
    tries: int = 0
    ask_at: float = 0.0


@dataclass(slots=True)
class _Progress:
    """What one completion has gathered so far."""

    generations: Generations
    interrupt: Interrupt
    degraded: list[str]
    record: Callable[[CallRecord], None]
    left: list[_Left] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionService:
    """Completes requests with the providers there are, in ``order``. Safe to share between threads.

    ``without_tools``: models found to refuse tools, which are told of them in words.
    ``sleep``, ``clock`` (monotonic seconds) and ``jitter`` (a number in [0, 1)) are the world's, but for tests.
    """

    models: Mapping[ProviderName, ChatModel]
    order: Sequence[ProviderName]
    limits: TimeLimits
    retry: RetryPolicy
    outage: OutagePolicy
    breakers: BreakerStore
    meter: Meter
    without_tools: set[tuple[ProviderName, str]] = field(default_factory=set)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

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
                who_has(request.model, choice, self.models, self._watch(choice.candidates[0], interrupt)),
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
                completion = self._call(model, candidate, request, progress)
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
                self._wait(pause_s, progress.interrupt)
            else:
                self.breakers.record_success(name)
                if tries > 1:
                    progress.degraded.append(f"{name}: {summary}, answered at try {tries}")
                return completion

    def _call(
        self, chat_model: ChatModel, candidate: Candidate, request: CompletionRequest, progress: _Progress
    ) -> Completion:
        """One call. Whatever it wrote to the screen before it failed is taken back."""
        watch = self._watch(candidate, progress.interrupt)
        watch.check()
        reply = Reply(candidate.provider)
        wording = Wording.CALLS
        record = CallRecord(provider=candidate.provider, model=candidate.model, started_at=utc_now())
        prompt_tokens = 0
        try:
            chat_model.warm()
            model = candidate.model or chat_model.default_model(watch)
            keep_here(request, chat_model.row, model)
            record = replace(record, model=model)
            prompt = compose(request, context_tokens=chat_model.context_tokens(model, watch))
            prompt_tokens = prompt.tokens
            wording = self._wording(chat_model.row, model, request)
            composed = worded(replace(request, messages=prompt.messages, memories=prompt.offered), wording)
            admission = self._admit(chat_model.row, request, prompt, progress.interrupt)
            watch = self._watch(candidate, progress.interrupt, admission)
            try:
                stream = chat_model.stream(composed, model=model, watch=watch)
                tool_calls = self._read(stream, reply, watch, progress.generations, request, wording)
            finally:
                if admission is not None:
                    admission.leave(usage_of(reply, prompt_tokens))
            completion = Completion(
                text=reply.text,
                provider=candidate.provider,
                model=model,
                usage=usage_of(reply, prompt_tokens),
                stop_reason=reply.stop_reason or StopReason.STOP,
                tool_calls=tool_calls,
                notice=reply.notice,
                first_token_ms=watch.first_token_ms,
                offered=prompt.offered,
                left_out_memories=prompt.left_out_memories,
                left_out_turns=prompt.left_out_turns,
            )
        except (LimitReached, BudgetSpent):
            raise
        except Exception as error:  # noqa: BLE001 - whatever an adapter does, the next provider is asked
            failure = failure_of(candidate.provider, error)
            progress.generations.discard()
            kind = failure.kind if isinstance(failure, Failure) else FailureKind.INTERRUPTED
            # What a broken stream said was paid for, too.
            usage = usage_of(reply, prompt_tokens) if reply.has_begun else Usage()
            progress.record(closed(record, watch, usage=usage, failure=kind))
            if kind is FailureKind.NOT_CAPABLE and request.tools and wording is Wording.CALLS:
                return self._call_in_words(chat_model, replace(candidate, model=record.model), request, progress)
            raise failure from None
        progress.record(closed(record, watch, usage=completion.usage))
        if notice := cut_prompt(chat_model.row, request, completion.usage, prompt):
            progress.degraded.append(notice)
        return completion

    def _whole(self, completion: Completion, request: CompletionRequest, progress: _Progress) -> Completion:
        """The reply, gone on with once where it was cut at its length; what is still not whole says so."""
        if goes_on(completion, request):
            screen = Continuation(progress.generations, completion.text)
            candidate = Candidate(provider=completion.provider, model=completion.model)
            onward = replace(progress, generations=screen)
            try:
                rest = self._call(
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

    def _call_in_words(
        self, chat_model: ChatModel, candidate: Candidate, request: CompletionRequest, progress: _Progress
    ) -> Completion:
        """The same call with the tools described. If that is refused too, it wasn't the tools."""
        one = (candidate.provider, candidate.model)
        self.without_tools.add(one)
        try:
            return self._call(chat_model, candidate, request, progress)
        except ModelRefusal:
            self.without_tools.discard(one)
            raise

    def _wording(self, row: ProviderRow, model: str, request: CompletionRequest) -> Wording:
        if row.name == OFFLINE or not request.tools:
            return Wording.NONE
        return Wording.CALLS if row.takes_tools and (row.name, model) not in self.without_tools else Wording.WORDS

    def _watch(self, candidate: Candidate, interrupt: Interrupt, admission: Admission | None = None) -> CallWatch:
        def look() -> None:
            interrupt()
            if admission is not None:
                admission.keep()

        return CallWatch(provider=candidate.provider, limits=self.limits, interrupt=look, clock=self.clock)

    def _admit(
        self, row: ProviderRow, request: CompletionRequest, prompt: Prompt, interrupt: Interrupt
    ) -> Admission | None:
        """A place at the provider, waited for a while; None where it has no limits."""
        if not row.limits.any:
            return None
        until = self.clock() + self.retry.place_patience_s
        expected_tokens = prompt.tokens + (request.max_tokens or REPLY_TOKENS)
        while True:
            try:
                return self.meter.admit(row, expected_tokens=expected_tokens)
            except LimitReached as limit:
                wait_s = limit.retry_after_s or 0.0
                if wait_s > self.retry.patience_s or self.clock() + wait_s > until:
                    raise
            self._wait(wait_s, interrupt)

    def _read(
        self,
        stream: Iterator[Delta],
        reply: Reply,
        watch: CallWatch,
        generations: Generations,
        request: CompletionRequest,
        wording: Wording,
    ) -> tuple[ToolCall, ...]:
        held = HeldBack(generations.write)
        show = held.write if wording is Wording.WORDS else generations.write
        try:
            for delta in stream:
                watch.check()
                if isinstance(delta, TextDelta | ThoughtDelta | NoticeDelta | ToolCallDelta):
                    watch.saw_token()
                if isinstance(delta, RecastDelta):
                    generations.discard()
                    held.restart()
                    generations.think(reply.spoken)
                elif isinstance(delta, ThoughtDelta):
                    generations.think(delta.text)
                show(reply.add(delta))
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()
        calls = reply.finish()
        if wording is not Wording.WORDS:
            return calls
        calls = read_call(reply.text, request.tools)
        reply.turn_into_call() if calls else held.release()
        return calls

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
            self._wait(one.ask_at - self.clock(), progress.interrupt)
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
            completion = self._call(self.models[name], one.candidate, request, progress)
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

    def _wait(self, pause_s: float, interrupt: Interrupt) -> None:
        until = self.clock() + pause_s
        while (left_s := until - self.clock()) > 0:
            interrupt()
            self.sleep(min(left_s, _WAIT_SLICE_S))
