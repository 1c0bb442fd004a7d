"""What a run has spent, and which of its limits it has reached. At a limit it ends with the answer it can give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lotus_tasks.reasoning.models import RunOptions, Step

_SETTINGS = {
    "max_steps": "LOTUS_MAX_STEPS",
    "max_tokens": "LOTUS_MAX_TOKENS",
    "max_seconds": "LOTUS_MAX_RUN_S",
    "max_usd": "LOTUS_MAX_RUN_USD",
}


def limits_of(setting: Callable[[str], Any]) -> dict[str, Any]:
    """The limits of a new run, as options: what the settings say.

    One that the running LOTUS doesn't know yet, after an upgrade, keeps its default.
    """
    found = {}
    for option, name in _SETTINGS.items():
        with suppress(KeyError):
            found[option] = setting(name)
    return found


def limit_reached(options: RunOptions, steps: Sequence[Step]) -> str:
    """The limit that these steps have reached, in words with its setting; empty while there is room for another thought."""
    done = len(thoughts_of(steps))
    tokens = sum(usage_of(steps).values())
    if done >= options.max_steps:
        return f"{done} step{'' if done == 1 else 's'} (LOTUS_MAX_STEPS)"
    if tokens >= options.max_tokens:
        return f"{tokens} tokens (LOTUS_MAX_TOKENS)"
    if worked_s(steps) >= options.max_seconds:
        return f"{worked_s(steps):.0f} s (LOTUS_MAX_RUN_S)"
    if options.max_usd is not None and cost_usd_of(steps) >= options.max_usd:
        return f"${cost_usd_of(steps):.4f} (LOTUS_MAX_RUN_USD)"
    return ""


def thoughts_of(steps: Sequence[Step]) -> list[Step]:
    """The thoughts that came to an end."""
    return [step for step in steps if step.kind == "think" and step.status == "succeeded"]


def usage_of(steps: Sequence[Step]) -> dict[str, int]:
    """Tokens read and written."""
    total = {"input_tokens": 0, "output_tokens": 0}
    for step in thoughts_of(steps):
        usage: Mapping[str, Any] = step.result.get("usage", {})
        for name in total:
            total[name] += int(usage.get(name) or 0)
    return total


def cost_usd_of(steps: Sequence[Step]) -> float:
    """US dollars, as far as prices are known."""
    return sum(float(step.result.get("cost_usd") or 0.0) for step in thoughts_of(steps))


def worked_s(steps: Sequence[Step]) -> float:
    """Seconds in which something was done for the run: several things at once count once, waiting doesn't."""
    total, until = 0.0, None
    for began, ended in sorted((step.began_at, step.ended_at) for step in steps if step.began_at and step.ended_at):
        begins = began if until is None else max(began, until)
        if ended > begins:
            total += (ended - begins).total_seconds()
            until = ended
    return total
