from __future__ import annotations

from lotus_tasks.providers.models import ProviderKind, ProviderStatus
from lotus_tasks.providers.service.checking import summarise


def status(name: str, *, reachable: bool | None = True, kind: ProviderKind = ProviderKind.OPENAI) -> ProviderStatus:
    return ProviderStatus(
        name=name,
        kind=kind,
        configured=reachable is not None,
        reachable=reachable,
        detail="why",
        model="m",
        latency_ms=12.0,
    )


OFFLINE = status("offline", kind=ProviderKind.OFFLINE)


def test_the_offline_provider_alone_is_ok():
    assert summarise([status("openai", reachable=None), OFFLINE])[0] == "ok"


def test_a_provider_that_answers_is_ok_and_named():
    assert summarise([status("openai"), OFFLINE]) == ("ok", "openai (m) answers in 12 ms")


def test_a_configured_provider_that_does_not_answer_is_degraded():
    assert summarise([status("openai", reachable=False), OFFLINE]) == ("degraded", "offline answers; openai: why")


def test_nobody_left_is_degraded_too_for_lotus_starts_and_remembers_without_a_model():
    assert summarise([status("openai", reachable=False)]) == (
        "degraded",
        "no provider answers, so asks fail: openai: why",
    )
