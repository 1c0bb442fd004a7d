"""One call to one provider: its prompt for the model's context, its place, its reply. A context that was too small is learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lotus_tasks.origins import MODEL, least_trusted
from lotus_tasks.providers.models import (
    OFFLINE,
    BudgetSpent,
    CallRecord,
    Completion,
    CompletionRequest,
    Delta,
    FailureKind,
    LimitReached,
    ModelName,
    ModelRefusal,
    NoticeDelta,
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
from lotus_tasks.providers.ports import Admission, ChatModel, Findings, Meter
from lotus_tasks.providers.service.accounting import closed, usage_of
from lotus_tasks.providers.service.assembly import Reply
from lotus_tasks.providers.service.choice import Candidate
from lotus_tasks.providers.service.describing import HeldBack, Wording, read_call, worded
from lotus_tasks.providers.service.exhaustion import Failure
from lotus_tasks.providers.service.generations import Generations
from lotus_tasks.providers.service.guarding import failure_of
from lotus_tasks.providers.service.locality import keep_here
from lotus_tasks.providers.service.prompt import REPLY_TOKENS, Prompt, compose
from lotus_tasks.providers.service.retry import RetryPolicy
from lotus_tasks.providers.service.shortfall import cut_prompt, left_out_tools
from lotus_tasks.providers.service.sizing import learned_context
from lotus_tasks.providers.service.watching import CallWatch, Interrupt
from lotus_tasks.values import utc_now

_WAIT_SLICE_S = 0.1
"""How often a pause looks for an interruption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Whom a call tells what: the reader's screen, ``degraded``, the record; and whom it asks whether to go on."""

    generations: Generations
    interrupt: Interrupt
    degraded: list[str]
    record: Callable[[CallRecord], None]

    def degrade(self, line: str) -> None:
        """Note what had to be done without; once."""
        if line and line not in self.degraded:
            self.degraded.append(line)


@dataclass(slots=True)
class _Attempt:
    """How far one call has come."""

    reply: Reply
    watch: CallWatch
    record: CallRecord
    wording: Wording = Wording.CALLS
    context_tokens: int = 0
    prompt: Prompt | None = None

    @property
    def prompt_tokens(self) -> int:
        return self.prompt.tokens if self.prompt else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCalls:
    """Makes the calls. Safe to share between threads.

    Models that were found to refuse tools are told of them in words.
    """

    limits: TimeLimits
    retry: RetryPolicy
    meter: Meter
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    findings: Findings

    def call(
        self, chat_model: ChatModel, candidate: Candidate, request: CompletionRequest, telling: Telling
    ) -> Completion:
        """The reply. Whatever a failed call wrote to the screen is taken back.

        Where the model takes no tools it is told of them in words, and where it holds less than was thought the prompt is cut to
        that: each is tried once. Raises ModelUnavailable or ModelRefusal, or what the interrupt raises.
        """
        shortened: ModelRefusal | None = None
        in_words = False
        while True:
            attempt = self._begin(candidate, telling, in_words=in_words)
            try:
                completion = self._answer(attempt, chat_model, candidate, request, telling)
            except (LimitReached, BudgetSpent):
                raise
            except Exception as error:  # noqa: BLE001 - whatever an adapter does, the next provider is asked
                if shortened is not None and attempt.prompt is None and isinstance(error, ModelRefusal):
                    raise shortened from None  # it can't be cut so far: it is the server's refusal that counts
                failure = self._failed(attempt, candidate, error, telling)
            else:
                if in_words:
                    self.findings.note_refused(chat_model.row, completion.model, {"tools"})
                return completion
            candidate = replace(candidate, model=attempt.record.model)
            learned = isinstance(failure, ModelRefusal) and self._learns(attempt, chat_model.row, failure)
            if learned and shortened is None and isinstance(failure, ModelRefusal):
                shortened = failure
            elif getattr(failure, "kind", None) is FailureKind.NOT_CAPABLE and request.tools and not in_words:
                if attempt.wording is not Wording.CALLS:
                    raise failure
                in_words = True
            else:
                raise failure

    def watch(self, candidate: Candidate, interrupt: Interrupt, admission: Admission | None = None) -> CallWatch:
        """A watch over a call that begins now."""

        def look() -> None:
            interrupt()
            if admission is not None:
                admission.keep()

        return CallWatch(provider=candidate.provider, limits=self.limits, interrupt=look, clock=self.clock)

    def wait(self, pause_s: float, interrupt: Interrupt) -> None:
        """Let ``pause_s`` pass. Raises what ``interrupt`` raises."""
        until = self.clock() + pause_s
        while (left_s := until - self.clock()) > 0:
            interrupt()
            self.sleep(min(left_s, _WAIT_SLICE_S))

    def _begin(self, candidate: Candidate, telling: Telling, *, in_words: bool) -> _Attempt:
        watch = self.watch(candidate, telling.interrupt)
        watch.check()
        record = CallRecord(provider=candidate.provider, model=candidate.model, started_at=utc_now())
        wording = Wording.WORDS if in_words else Wording.CALLS
        return _Attempt(reply=Reply(candidate.provider), watch=watch, record=record, wording=wording)

    def _answer(
        self,
        attempt: _Attempt,
        chat_model: ChatModel,
        candidate: Candidate,
        request: CompletionRequest,
        telling: Telling,
    ) -> Completion:
        prompt, composed = self._compose(attempt, chat_model, candidate, request)
        admission = self._admit(chat_model.row, request, prompt, telling.interrupt)
        attempt.watch = self.watch(candidate, telling.interrupt, admission)
        try:
            stream = chat_model.stream(composed, model=attempt.record.model, watch=attempt.watch)
            tool_calls = self._read(stream, attempt, telling.generations, prompt)
        finally:
            if admission is not None:
                admission.leave(usage_of(attempt.reply, prompt.tokens))
        usage = usage_of(attempt.reply, prompt.tokens)
        telling.record(closed(attempt.record, attempt.watch, usage=usage))
        telling.degrade(cut_prompt(chat_model.row, request, usage, prompt))
        if attempt.wording is not Wording.NONE:
            telling.degrade(left_out_tools(candidate.provider, request, prompt, attempt.context_tokens))
        return Completion(
            text=attempt.reply.text,
            provider=candidate.provider,
            model=attempt.record.model,
            usage=usage,
            stop_reason=attempt.reply.stop_reason or StopReason.STOP,
            origin=least_trusted([prompt.origin], at_best=MODEL),
            tool_calls=tool_calls,
            notice=attempt.reply.notice,
            first_token_ms=attempt.watch.first_token_ms,
            offered=prompt.offered,
            left_out_memories=prompt.left_out_memories,
            left_out_turns=prompt.left_out_turns,
        )

    def _compose(
        self, attempt: _Attempt, chat_model: ChatModel, candidate: Candidate, request: CompletionRequest
    ) -> tuple[Prompt, CompletionRequest]:
        """The prompt for the model's context, and the request as that model gets it."""
        chat_model.warm()
        model = candidate.model or chat_model.default_model(attempt.watch)
        keep_here(request, chat_model.row, model)
        attempt.record = replace(attempt.record, model=model)
        found = self.findings.context_tokens(chat_model.row, model)
        told = chat_model.context_tokens(model, attempt.watch)
        attempt.context_tokens = min(found or told, told)
        attempt.wording = self._wording(attempt, chat_model.row, model, request)
        attempt.prompt = prompt = compose(request, context_tokens=attempt.context_tokens)
        cut = replace(
            request,
            messages=prompt.messages,
            memories=prompt.offered,
            tools=prompt.tools,
            max_tokens=prompt.reply_tokens,
        )
        return prompt, worded(cut, attempt.wording)

    def _failed(self, attempt: _Attempt, candidate: Candidate, error: Exception, telling: Telling) -> Exception:
        failure = failure_of(candidate.provider, error)
        telling.generations.discard()
        kind = failure.kind if isinstance(failure, Failure) else FailureKind.INTERRUPTED
        # What a broken stream said was paid for, too.
        usage = usage_of(attempt.reply, attempt.prompt_tokens) if attempt.reply.has_begun else Usage()
        telling.record(closed(attempt.record, attempt.watch, usage=usage, failure=kind))
        return failure

    def _learns(self, attempt: _Attempt, row: ProviderRow, failure: ModelRefusal) -> bool:
        """Whether the refusal says that the model holds less than was thought; from then on it is thought so."""
        if failure.kind is not FailureKind.CONTEXT_EXCEEDED or attempt.prompt is None:
            return False
        if failure.context_tokens is None and any(message.images for message in attempt.prompt.messages):
            return False  # it may be their size
        learned = learned_context(failure, attempt.prompt, attempt.context_tokens)
        if learned is not None:
            self.findings.note_context(row, attempt.record.model, learned)
        return learned is not None

    def _wording(self, attempt: _Attempt, row: ProviderRow, model: ModelName, request: CompletionRequest) -> Wording:
        if row.name == OFFLINE or not request.tools:
            return Wording.NONE
        takes_tools = row.takes_tools and "tools" not in self.findings.refused(row, model)
        return attempt.wording if takes_tools else Wording.WORDS

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
            self.wait(wait_s, interrupt)

    def _read(
        self, stream: Iterator[Delta], attempt: _Attempt, generations: Generations, prompt: Prompt
    ) -> tuple[ToolCall, ...]:
        reply, wording = attempt.reply, attempt.wording
        held = HeldBack(generations.write)
        show = held.write if wording is Wording.WORDS else generations.write
        try:
            for delta in stream:
                attempt.watch.check()
                if isinstance(delta, TextDelta | ThoughtDelta | NoticeDelta | ToolCallDelta):
                    attempt.watch.saw_token()
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
        calls = read_call(reply.text, prompt.tools)
        reply.turn_into_call() if calls else held.release()
        return calls
