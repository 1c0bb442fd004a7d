"""Modules that don't fit together are refused by name, before anything starts."""

from __future__ import annotations

import pytest

from lotus_tasks import bootstrap
from lotus_tasks.errors import ConfigurationError, ServiceDown
from lotus_tasks.events import EVENTS
from lotus_tasks.manifest import Manifest, load_order, subscribers
from workers import WORKERS

DECLARED = ("a.happened", "b.happened")


def module(name: str, **fields) -> Manifest:
    return Manifest(name=name, queue=name, tasks=fields.pop("tasks", (f"{name}.work",)), **fields)


def order(*manifests: Manifest) -> list[str]:
    return [manifest.name for manifest in load_order(manifests, declared_events=DECLARED)]


def refusal(*manifests: Manifest) -> str:
    with pytest.raises(ConfigurationError) as caught:
        order(*manifests)
    return str(caught.value)


def test_modules_load_after_what_they_depend_on():
    assert order(module("a", depends_on=("c",)), module("b", depends_on=("a",)), module("c")) == ["c", "a", "b"]


def test_modules_that_do_not_care_keep_their_order():
    assert order(module("b"), module("a"), module("c")) == ["b", "a", "c"]


def test_a_missing_dependency_is_named():
    assert (
        refusal(module("a", depends_on=("ghost",)))
        == "module 'a' depends on 'ghost', which doesn't exist (there are: a)"
    )


def test_a_circle_is_shown():
    message = refusal(module("a", depends_on=("b",)), module("b", depends_on=("c",)), module("c", depends_on=("a",)))
    assert "in a circle" in message
    assert all(name in message for name in "abc")


def test_two_modules_of_one_name_are_refused():
    assert refusal(module("a"), module("a")) == "two modules are named 'a'; rename one"


@pytest.mark.parametrize("fields", [{"publishes": ("a.vanished",)}, {"subscribes": {"a.vanished": "a.work"}}])
def test_an_event_that_nobody_declares_is_named(fields):
    assert "'a.vanished', which nobody declares" in refusal(module("a", **fields))


def test_a_subscription_to_what_nobody_publishes_is_named():
    assert refusal(module("a", subscribes={"b.happened": "a.work"})) == (
        "module 'a' subscribes to 'b.happened', which no module publishes"
    )


def test_an_answer_with_a_task_the_module_does_not_have_is_named():
    message = refusal(module("a", publishes=("a.happened",), subscribes={"a.happened": "a.vanished"}))
    assert "'a.vanished', which isn't one of its tasks" in message


def test_a_task_outside_its_module_is_unrouted():
    assert "'b.work' is unrouted" in refusal(module("a", tasks=("b.work",)))


def test_the_subscribers_of_an_event_are_found():
    listening = module("b", subscribes={"a.happened": "b.work"})
    assert subscribers([module("a"), listening], "a.happened") == ["b.work"]
    assert subscribers([module("a"), listening], "b.happened") == []


def test_the_real_modules_fit_together_and_every_event_has_a_publisher():
    published = {event for manifest in bootstrap.manifests() for event in manifest.publishes}
    assert {manifest.name for manifest in bootstrap.manifests()} == set(bootstrap.MODULES)
    # command.failed is the outbox's own.
    assert published | {"command.failed"} == set(EVENTS)


def test_every_module_has_a_worker_that_serves_its_queue():
    served = {queue for worker in WORKERS for queue in worker.modules}
    assert {manifest.queue for manifest in bootstrap.manifests()} | {"system"} == served


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ServiceDown("PostgreSQL is away"), "its health check failed: PostgreSQL is away"),
        (
            AttributeError("'list' object has no attribute 'encode'"),
            "its health check failed unexpectedly; `manage.py logs worker-a` tells why",
        ),
    ],
    ids=["known", "unforeseen"],
)
def test_a_health_check_that_fails_is_told_in_a_persons_words(monkeypatch, error, detail):
    def check():
        raise error

    monkeypatch.setattr(bootstrap, "check_that_fails", check, raising=False)
    report = bootstrap.check_module(module("a", health="lotus_tasks.bootstrap:check_that_fails"))
    assert (report.status, report.detail) == ("down", detail)
