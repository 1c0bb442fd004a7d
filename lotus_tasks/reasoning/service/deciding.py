"""``decide(run, happening) -> Decision``: the reasoning core. No clock, no I/O: the same input gives the same decision.

A run recalls, thinks, acts (every tool call of one thought at once, each a command on its module's queue), thinks again with what
the tools said, and concludes. A recall or a tool that failed is done without, and the model is told; a model that failed fails
the run. Out of steps, tokens, time or money, the model is asked once more, without tools, to conclude with what it has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import MODEL, OUTSIDE, USER, Origin, least_trusted, read_origin
from lotus_tasks.reasoning.models import (
    Answered,
    Conclusion,
    Decision,
    Happening,
    NewStep,
    Release,
    Run,
    Step,
    StepEnded,
    StepFailed,
    StepKind,
    StepUpdate,
    Submitted,
)
from lotus_tasks.reasoning.service.citing import cited
from lotus_tasks.reasoning.service.limiting import limit_reached, thoughts_of, usage_of
from lotus_tasks.reasoning.service.prompting import origin_of, prompt_for, recalled_by, result_of
from lotus_tasks.reasoning.service.structuring import Mismatch, read_answer
from lotus_tasks.reasoning.service.summarising import clip
from lotus_tasks.reasoning.service.trusting import Gate, gate
from lotus_tasks.work import CommandSpec

MAX_CALLS = 8
"""Tool calls of one thought that are carried out; a model that asks for more is told so."""

AnswerReader = Callable[[str, Mapping[str, Any]], Any]
_TROUBLE_CHARACTERS = 300
_OPEN = frozenset({"running", "waiting"})


def decide(run: Run, happening: Happening, *, reader: AnswerReader = read_answer) -> Decision:
    """What follows. A happening of a step that has ended already changes nothing: events may come twice.

    ``reader`` gives the JSON value in an answer that has to fit a schema; it raises Mismatch.
    """
    match happening:
        case Submitted():
            return _begin(run)
        case Answered(step=step, approved=approved, always=always, reason=reason):
            if step.status != "waiting":
                return Decision()
            return _release(run, step, always=always) if approved else _deny(run, step, reason)
        case StepEnded(step=step) | StepFailed(step=step) if step.status != "running":
            return Decision()
        case StepEnded(step=step, result=result):
            return _after(run, step, result, reader)
        case StepFailed(step=step, reason=reason, unknown=unknown):
            return _after_failure(run, step, reason, unknown=unknown)
        case _:
            assert_never(happening)


def _begin(run: Run) -> Decision:
    if result_of(run, "recall") is not None:
        return _think(run)
    payload = {"query": run.question, "k": run.options.memories, "conversation_id": str(run.conversation_id)}
    # Nobody knows yet whose text will be found.
    return Decision(steps=[_step(run, "recall", "memory.recall", payload, origin=OUTSIDE)])


def _after(run: Run, step: Step, result: Mapping[str, Any], reader: AnswerReader) -> Decision:
    if step.kind == "recall":
        detail = {"memories": len(result.get("memories", ())), "degraded": list(result.get("degraded", ()))}
        origin = least_trusted(read_origin(memory.get("origin")) for memory in result.get("memories", ()))
        return _go_on(run, StepUpdate(seq=step.seq, status="succeeded", origin=origin, detail=detail), result)
    if step.kind == "act":
        detail = {
            **step.detail,
            "characters": len(str(result.get("text", ""))),
            "sources": list(result.get("sources", ())),
        }
        origin = read_origin(result["origin"]) if "origin" in result else step.origin
        return _go_on(run, StepUpdate(seq=step.seq, status="succeeded", origin=origin, detail=detail), result)
    detail = {
        "provider": result.get("provider"),
        "model": result.get("model"),
        "usage": result.get("usage", {}),
        "stop_reason": result.get("stop_reason"),
        "degraded": list(result.get("degraded", ())),
    }
    done = StepUpdate(seq=step.seq, status="succeeded", origin=step.origin, detail=detail)
    calls = result.get("tool_calls") or ()
    if calls and _may_act(run) and not _rejected(run):
        # `run` is as it was before this thought, which was offered tools then.
        return _act(_with(run, done, result), step, calls, done)
    return _conclude(_with(run, done, result), result, done, reader)


def _after_failure(run: Run, step: Step, reason: str, *, unknown: bool) -> Decision:
    # What an act failed with may quote what it met: it is of the origin that its answer would have been of.
    update = StepUpdate(
        seq=step.seq,
        status="unknown" if unknown else "failed",
        origin=USER if step.kind == "recall" else step.origin,
        detail={**step.detail, "reason": reason},
    )
    if step.kind == "think":
        conclusion = Conclusion(status="failed", origin=origin_of(run), error=reason, degraded=_troubles(run))
        return Decision(updates=[update], conclusion=conclusion)
    return _go_on(run, update, {})


def _go_on(run: Run, update: StepUpdate, result: Mapping[str, Any]) -> Decision:
    """Think again, once nothing of the last thought is still open."""
    after = _with(run, update, result)
    if any(step.status in _OPEN for step in after.steps):
        waits = any(step.status == "waiting" for step in after.steps)
        return Decision(updates=[update], waits=waits)
    return replace(_think(after), updates=[update], waits=False)


def _think(run: Run) -> Decision:
    last = not _may_act(run)
    prompt = prompt_for(run, offered=not (last or _rejected(run)), last=last and bool(thoughts_of(run.steps)))
    payload = {
        "question": run.question,
        **prompt.payload,
        "support": (result_of(run, "recall") or {}).get("support"),
        "attachments": [{"name": one.name, "text": one.text} for one in run.options.attachments],
        "provider": run.options.provider,
        "model": run.options.model,
        "stream": True,
    }
    offered = {"offered": [tool.name for tool in prompt.tools]} if prompt.tools else {}
    origin = least_trusted([prompt.origin], at_best=MODEL)
    return Decision(steps=[_step(run, "think", "providers.complete", payload, offered, origin=origin)])


def _act(run: Run, thought: Step, calls: Sequence[Mapping[str, Any]], done: StepUpdate) -> Decision:
    cards = {card.name: card for card in run.tools}
    origin = origin_of(run)
    steps: list[NewStep] = []
    for number, call in enumerate(calls[: 4 * MAX_CALLS]):
        seq = run.next_seq + number
        name = str(call["name"])
        card = cards.get(name)
        detail = {"tool": name, "arguments": call.get("arguments", {}), "call_id": call["id"], "think": thought.seq}
        if reason := _refusal(call, card, number, offered=name in thought.detail.get("offered", ())):
            refused = {**detail, "reason": reason}
            steps.append(NewStep(seq=seq, kind="act", origin=MODEL, status="failed", detail=refused))
        elif card is not None and (met := gate(run, card, call.get("arguments", {}), origin)).reasons:
            kept = {**detail, **_kept(card, met)}
            steps.append(NewStep(seq=seq, kind="act", origin=card.answers_as, status="waiting", detail=kept))
        elif card is not None:
            detail = {**detail, "destination": met.destination} if met.destination else detail
            command = _use(run, seq, card, detail, origin=origin)
            steps.append(
                NewStep(seq=seq, kind="act", origin=card.answers_as, status="running", detail=detail, command=command)
            )
    if any(step.status in _OPEN for step in steps):
        return Decision(updates=[done], steps=steps, waits=any(step.status == "waiting" for step in steps))
    failed = [Step(seq=step.seq, kind="act", status="failed", origin=step.origin, detail=step.detail) for step in steps]
    thought_again = _think(replace(run, steps=[*run.steps, *failed]))
    return Decision(updates=[done], steps=[*steps, *thought_again.steps])


def _refusal(call: Mapping[str, Any], card: ToolCard | None, number: int, *, offered: bool) -> str:
    """Why a call is not carried out; empty where it is. ``offered``: there was such a tool when the model was asked."""
    if card is None:
        return f"the server of {call['name']} did not come back" if offered else f"there is no tool {call['name']}"
    if call.get("malformed"):
        return f"the arguments of {card.name} are no JSON object: {clip(str(call['malformed']), _TROUBLE_CHARACTERS)}"
    return f"only {MAX_CALLS} tools can be called at once" if number >= MAX_CALLS else ""


def _kept(card: ToolCard, met: Gate) -> dict[str, Any]:
    """What the user is shown of a call that waits, and what its command needs: at the yes, after a restart say, the tool's server
    may not be there yet.
    """
    kept: dict[str, Any] = {"module": card.module, "idempotent": card.idempotent, "why": list(met.reasons)}
    if met.destination:
        kept |= {"destination": met.destination, "lasting": met.lasting}
    return kept | ({"digest": card.digest} if card.digest else {})


def _release(run: Run, step: Step, *, always: bool) -> Decision:
    module = step.detail.get("module")
    if module is None:
        return _deny(run, step, f"the yes to {step.detail['tool']} came after an upgrade; it has to be asked anew")
    card = ToolCard(
        name=step.detail["tool"],
        module=module,
        description="",
        parameters={},
        described_by=USER,
        answers_as=step.origin,
        idempotent=step.detail["idempotent"],
        digest=step.detail.get("digest", ""),
    )
    others = any(other.status == "waiting" and other.seq != step.seq for other in run.steps)
    command = _use(run, step.seq, card, step.detail, origin=origin_of(run))
    return Decision(
        releases=[Release(seq=step.seq, command=command)],
        waits=others,
        trusts=[step.detail["destination"]] if always and step.detail.get("lasting") else [],
        # What the user was shown is what they said yes to; a server that says something else by now is asked for again.
        pins=[known for known in run.tools if known.digest and known.name == card.name and known.digest == card.digest],
    )


def _deny(run: Run, step: Step, reason: str) -> Decision:
    detail = {**step.detail, "reason": reason}
    return _go_on(run, StepUpdate(seq=step.seq, status="denied", origin=MODEL, detail=detail), {})


def _conclude(run: Run, result: Mapping[str, Any], done: StepUpdate, reader: AnswerReader) -> Decision:
    limit = _limit_before(run, done)
    text = str(result.get("text", ""))
    if limit and not text.strip() and run.options.schema is None:
        text = _without_an_answer(run, limit)
    memories = recalled_by(run)
    if run.options.schema is not None:
        try:
            text = json.dumps(reader(text, run.options.schema), ensure_ascii=False, indent=2)
        except Mismatch as mismatch:
            return _reject(run, result, done, str(mismatch))
        memories = []  # [1] is a list there
    origin = origin_of(run)
    return Decision(
        updates=[done],
        steps=[NewStep(seq=run.next_seq, kind="conclude", origin=origin, detail={"characters": len(text)})],
        conclusion=Conclusion(
            status="succeeded",
            origin=origin,
            answer=text,
            citations=cited(text, memories),
            provider=result.get("provider"),
            model=result.get("model"),
            stop_reason=result.get("stop_reason"),
            usage=usage_of(run.steps),
            degraded=[*_troubles(run), *([f"stopped at its limit: {limit}"] if limit else [])],
        ),
    )


def _reject(run: Run, result: Mapping[str, Any], done: StepUpdate, reason: str) -> Decision:
    """Tell the model once what is wrong with its JSON; the second time the run has failed."""
    rejected = replace(done, detail={**done.detail, "rejected": reason})
    after = _with(run, rejected, result)
    if not _rejected(run):
        return replace(_think(after), updates=[rejected])
    conclusion = Conclusion(
        status="failed",
        origin=origin_of(after),
        error=f"the answer does not fit the JSON Schema, nor did a second try: {reason}",
        provider=result.get("provider"),
        model=result.get("model"),
        usage=usage_of(after.steps),
        degraded=_troubles(after),
    )
    return Decision(updates=[rejected], conclusion=conclusion)


def _may_act(run: Run) -> bool:
    return run.options.tools and bool(run.tools) and not limit_reached(run.options, run.steps)


def _limit_before(run: Run, thought: StepUpdate) -> str:
    """The limit that kept tools from this thought, in words; empty where none did."""
    before = [step for step in run.steps if step.seq < thought.seq]
    used_tools = any(step.kind == "act" for step in before)
    return limit_reached(run.options, before) if used_tools else ""


def _without_an_answer(run: Run, limit: str) -> str:
    """What is said for a model that, at its limit, has nothing to say."""
    used = [f"{step.detail.get('tool')} ({step.status})" for step in run.steps if step.kind == "act"]
    return f"There is no answer: the run came to its limit of {limit} before the model had one. Tools used: {', '.join(used)}."


def _troubles(run: Run) -> list[str]:
    """What had to be done without, one short line each."""
    troubles: list[str] = []
    for step in run.steps:
        troubles.extend(step.result.get("degraded", ()))
        if step.status in {"failed", "unknown"} and step.kind in {"recall", "act"}:
            what = "memory" if step.kind == "recall" else f"tool {step.detail.get('tool')}"
            reason = " ".join(str(step.detail.get("reason", step.status)).split())
            troubles.append(clip(f"{what}: {reason}", _TROUBLE_CHARACTERS))
    return troubles


def _rejected(run: Run) -> bool:
    return any("rejected" in step.detail for step in run.steps)


def _with(run: Run, update: StepUpdate, result: Mapping[str, Any]) -> Run:
    """The run as it is once ``update`` is saved."""
    return replace(
        run,
        steps=[
            replace(
                step, status=update.status, origin=update.origin, detail=update.detail, result=result or step.result
            )
            if step.seq == update.seq
            else step
            for step in run.steps
        ],
    )


def _use(run: Run, seq: int, card: ToolCard, detail: Mapping[str, Any], *, origin: Origin) -> CommandSpec:
    """The command of a call. ``origin``: the least trusted of what its arguments may be made of."""
    payload = {
        "tool": card.name,
        "arguments": detail["arguments"],
        "origin": least_trusted([origin], at_best=MODEL),
        "run_id": str(run.run_id),
        "step": seq,
    }
    if detail.get("destination"):
        payload["destination"] = detail["destination"]
    if card.digest:
        payload["digest"] = card.digest
    return CommandSpec(
        name=f"{card.module}.use_tool",
        key=f"{run.run_id}/{seq}",
        payload=payload,
        run_id=run.run_id,
        idempotent=card.idempotent,
        max_attempts=3 if card.idempotent else 1,
    )


def _step(
    run: Run,
    kind: StepKind,
    task: str,
    payload: Mapping[str, Any],
    detail: Mapping[str, Any] | None = None,
    *,
    origin: Origin,
) -> NewStep:
    seq = run.next_seq
    whole = {**payload, "run_id": str(run.run_id), "step": seq}
    command = CommandSpec(name=task, key=f"{run.run_id}/{seq}", payload=whole, run_id=run.run_id)
    return NewStep(seq=seq, kind=kind, origin=origin, command=command, status="running", detail=detail or {})
