"""``decide(run, happening) -> Decision``: the reasoning core. No clock, no I/O: the same input gives the same decision.

A run recalls, thinks and concludes. A recall that failed is done without and said so; a model that failed fails the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from lotus_tasks.reasoning.models import (
    Citation,
    Conclusion,
    Decision,
    Happening,
    NewStep,
    Run,
    Step,
    StepEnded,
    StepFailed,
    StepKind,
    StepUpdate,
    Submitted,
)
from lotus_tasks.reasoning.service.prompting import messages_for
from lotus_tasks.work import CommandSpec

_CITED = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
"""``[1]`` and ``[1, 3]``."""


def decide(run: Run, happening: Happening) -> Decision:
    """What follows. A happening of a step that has ended already changes nothing: events may come twice."""
    match happening:
        case Submitted():
            recalled = _last(run, "recall")
            return _think(run, recalled) if recalled else _recall(run)
        case StepEnded(step=step) | StepFailed(step=step) if step.status != "running":
            return Decision()
        case StepEnded(step=step, result=result):
            return _after(run, step, result)
        case StepFailed(step=step, reason=reason, unknown=unknown):
            return _after_failure(run, step, reason, unknown=unknown)
        case _:
            assert_never(happening)


def _recall(run: Run) -> Decision:
    payload = {
        "query": run.question,
        "k": run.options.memories,
        "conversation_id": str(run.conversation_id),
    }
    return Decision(steps=[_step(run, run.next_seq, "recall", "memory.recall", payload)])


def _think(run: Run, recalled: Mapping[str, Any], *, updates: Sequence[StepUpdate] = ()) -> Decision:
    memories = list(recalled.get("memories", ()))
    payload = {
        "question": run.question,
        "messages": messages_for(run),
        "memories": memories,
        "provider": run.options.provider,
        "model": run.options.model,
        "stream": True,
    }
    return Decision(updates=updates, steps=[_step(run, run.next_seq, "think", "providers.complete", payload)])


def _after(run: Run, step: Step, result: Mapping[str, Any]) -> Decision:
    if step.kind == "recall":
        memories = result.get("memories", ())
        done = StepUpdate(
            seq=step.seq,
            status="succeeded",
            detail={"memories": len(memories), "degraded": list(result.get("degraded", ()))},
        )
        return _think(run, result, updates=[done])
    done = StepUpdate(
        seq=step.seq,
        status="succeeded",
        detail={
            "provider": result.get("provider"),
            "model": result.get("model"),
            "usage": result.get("usage", {}),
            "degraded": list(result.get("degraded", ())),
        },
    )
    text = str(result.get("text", ""))
    recalled = _last(run, "recall") or {}
    return Decision(
        updates=[done],
        steps=[NewStep(seq=run.next_seq, kind="conclude", detail={"characters": len(text)})],
        conclusion=Conclusion(
            status="succeeded",
            answer=text,
            citations=cited(text, recalled.get("memories", ())),
            provider=result.get("provider"),
            model=result.get("model"),
            usage=result.get("usage", {}),
            degraded=[*_recall_troubles(run), *result.get("degraded", ())],
        ),
    )


def _after_failure(run: Run, step: Step, reason: str, *, unknown: bool) -> Decision:
    done = StepUpdate(seq=step.seq, status="unknown" if unknown else "failed", detail={"reason": reason})
    if step.kind == "recall":
        return _think(run, {}, updates=[done])
    return Decision(
        updates=[done],
        conclusion=Conclusion(status="failed", error=reason, degraded=_recall_troubles(run)),
    )


def cited(answer: str, memories: Sequence[Mapping[str, Any]]) -> list[Citation]:
    """The memories whose numbers the answer names, in order of their numbers; ``memories`` are numbered from 1."""
    numbers = {int(number) for group in _CITED.findall(answer) for number in group.split(",")}
    return [
        Citation(
            memory_id=str(memory["memory_id"]),
            text=str(memory["text"]),
            source=str(memory.get("source") or ""),
            score=float(memory.get("score") or 0.0),
            number=number,
            heading=memory.get("heading"),
            date=memory.get("happened_at") or memory.get("stored_at"),
        )
        for number, memory in enumerate(memories, 1)
        if number in numbers
    ]


def _recall_troubles(run: Run) -> list[str]:
    troubles: list[str] = []
    for step in run.steps:
        if step.kind == "recall":
            troubles.extend(step.result.get("degraded", ()))
            if step.status == "failed":
                troubles.append(f"memory: {step.detail.get('reason', 'recall failed')}")
    return troubles


def _last(run: Run, kind: StepKind) -> Mapping[str, Any] | None:
    for step in reversed(run.steps):
        if step.kind == kind and step.result:
            return step.result
    return None


def _step(run: Run, seq: int, kind: StepKind, task: str, payload: Mapping[str, Any]) -> NewStep:
    return NewStep(
        seq=seq,
        kind=kind,
        command=CommandSpec(
            name=task, key=f"{run.run_id}/{seq}", payload={**payload, "run_id": str(run.run_id)}, run_id=run.run_id
        ),
    )
