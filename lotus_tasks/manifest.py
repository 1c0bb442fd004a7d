"""A module's manifest, and the order in which modules load.

A manifest is strings only, so that reading it imports nothing of the module. ``load_order`` refuses what can't work, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.origins import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a module says of itself.

    ``tasks``: the verbs it serves, each ``<prefix>.<verb>``, mapped to the queue's module by the prefix.
    ``subscribes``: event name → the task of this module that a publication starts.
    ``tools``: dotted path ``package.module:NAME`` of the tools it offers to models (see lotus_tasks/tools.py), if any.
    ``found_tools``: dotted path ``package.module:function`` of what returns the tools that are there at this moment, besides;
    it takes the name of one that is waited for, or "".
    ``forgets``: dotted path of its part of a forgetting, a spine.forgetting.Forgetter, where it keeps texts.
    ``health``: dotted path ``package.module:function`` of the check; it returns a :class:`HealthReport`.
    ``counted``: ``file.query`` under lotus_tasks/sql: one row, whose columns are what `status` counts at that moment, each
    named in words ("runs open").
    """

    name: str
    queue: str
    tasks: Sequence[str]
    depends_on: Sequence[str] = ()
    publishes: Sequence[str] = ()
    subscribes: Mapping[str, str] = field(default_factory=dict)
    health: str = ""
    tools: str = ""
    found_tools: str = ""
    counted: str = ""
    forgets: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """How a module is: ``detail`` is one line for a person, ``facts`` the numbers behind it (JSON)."""

    status: Literal["ok", "degraded", "down"]
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCard:
    """What reasoning and the model know of a tool.

    ``parameters`` is a JSON Schema. ``idempotent``: running it twice does what running it once does. ``asks``: it runs only
    after the user said yes. ``asks_after_outside_text``: it asks once the run has read text that others wrote, since such
    text may try to steer it. ``described_by``: the origin of its name, description and parameters; ``answers_as``: of what it
    answers, where an answer doesn't say so itself.

    A call of it carries text out to ``sends_to``, or to the host of the address in its ``address_argument`` (destinations.py);
    to nowhere where both are empty. It asks for that once the run has read others' or private text.

    What a ``server`` says of it is pinned: ``digest`` stands for all of that, ``change`` says how it differs from what the user
    said yes to. ``vouched``: the user trusts the server (mcp.toml), and that was their yes to what it said first.
    """

    name: str
    module: str
    description: str
    parameters: Mapping[str, Any]
    described_by: Origin
    answers_as: Origin
    idempotent: bool = True
    asks: bool = False
    asks_after_outside_text: bool = False
    sends_to: str = ""
    address_argument: str = ""
    server: str = ""
    digest: str = ""
    vouched: bool = False
    change: str = ""


def load_order(
    manifests: Iterable[Manifest], *, declared_events: Iterable[str], outbox_events: Iterable[str] = ()
) -> list[Manifest]:
    """The manifests in dependency order; ties keep the order given. ``outbox_events``: what the outbox itself publishes.

    Raises ConfigurationError naming the fault: a name or task used twice, a missing or circular dependency, an event that
    nobody declares, a subscription to an event that nobody publishes, a task outside its module's prefix.
    """
    known: dict[str, Manifest] = {}
    for manifest in manifests:
        if manifest.name in known:
            raise ConfigurationError(f"two modules are named {manifest.name!r}; rename one")
        known[manifest.name] = manifest
    _refuse_bad_dependencies(known)
    _refuse_bad_events(known, set(declared_events), set(outbox_events))
    _refuse_bad_tasks(known)
    sorter = TopologicalSorter({name: tuple(manifest.depends_on) for name, manifest in known.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ConfigurationError(f"modules depend on each other in a circle: {' → '.join(error.args[1])}") from error
    order: list[Manifest] = []
    position = {name: index for index, name in enumerate(known)}
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=position.__getitem__)
        order.extend(known[name] for name in ready)
        sorter.done(*ready)
    return order


def subscribers(manifests: Iterable[Manifest], event: str) -> list[str]:
    """The tasks that a publication of ``event`` starts."""
    return [manifest.subscribes[event] for manifest in manifests if event in manifest.subscribes]


def _refuse_bad_dependencies(known: Mapping[str, Manifest]) -> None:
    for manifest in known.values():
        for needed in manifest.depends_on:
            if needed not in known:
                raise ConfigurationError(
                    f"module {manifest.name!r} depends on {needed!r}, which doesn't exist (there are: {', '.join(known)})"
                )


def _refuse_bad_events(known: Mapping[str, Manifest], declared: set[str], published_anyway: set[str]) -> None:
    published = published_anyway | {event for manifest in known.values() for event in manifest.publishes}
    for manifest in known.values():
        for event in (*manifest.publishes, *manifest.subscribes):
            if event not in declared:
                raise ConfigurationError(
                    f"module {manifest.name!r} names the event {event!r}, which nobody declares in events.py"
                )
        for event, task in manifest.subscribes.items():
            if event not in published:
                raise ConfigurationError(f"module {manifest.name!r} subscribes to {event!r}, which no module publishes")
            if task not in manifest.tasks:
                raise ConfigurationError(
                    f"module {manifest.name!r} answers {event!r} with {task!r}, which isn't one of its tasks"
                )


def _refuse_bad_tasks(known: Mapping[str, Manifest]) -> None:
    for manifest in known.values():
        for task in manifest.tasks:
            if task.partition(".")[0] != manifest.name:
                raise ConfigurationError(
                    f"task {task!r} is unrouted: its prefix must be its module's name, {manifest.name!r}"
                )
