"""The health of all providers together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from lotus_tasks.providers.models import ProviderKind, ProviderStatus
from lotus_tasks.providers.ports import ChatModel


def check_all(models: Iterable[ChatModel]) -> list[ProviderStatus]:
    """Every provider's status, in order; they are asked at the same time, so the slowest decides how long it takes."""
    chosen = list(models)
    if not chosen:
        return []
    with ThreadPoolExecutor(max_workers=min(8, len(chosen)), thread_name_prefix="lotus-check") as pool:
        return list(pool.map(lambda model: model.check(), chosen))


def summarise(statuses: Sequence[ProviderStatus]) -> tuple[Literal["ok", "degraded"], str]:
    """The module's health and its one line.

    ok: every provider that was set up answers (none set up but the offline one: ok). degraded: some don't. Even if nobody does,
    the module itself is well: LOTUS starts, remembers and recalls without a model, and asks again when one is back.
    """
    usable = [status for status in statuses if status.reachable]
    broken = [status for status in statuses if status.configured and status.reachable is False]
    if not usable:
        reasons = "; ".join(f"{status.name}: {status.detail}" for status in broken) or "no provider is configured"
        return "degraded", f"no provider answers, so asks fail: {reasons}"
    first = usable[0]
    serving = first.name if first.kind is ProviderKind.OFFLINE else f"{first.name} ({first.model})"
    if broken:
        return "degraded", f"{serving} answers; " + "; ".join(f"{status.name}: {status.detail}" for status in broken)
    if first.kind is ProviderKind.OFFLINE:
        return "ok", "no model is configured; the offline provider quotes memory"
    return "ok", f"{serving} answers in {first.latency_ms or 0:.0f} ms"
