"""The wiring: which adapter answers which port, and the few things a process has one of.

Everything is made at first use, once a process, also after a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import structlog

from lotus_tasks.errors import ConfigurationError, LotusError
from lotus_tasks.events import EVENTS, CommandFailed
from lotus_tasks.local.allowed_folders import AllowedFolders
from lotus_tasks.local.closed_places import ClosedPlaces, find_own_places
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.manifest import HealthReport, Manifest, ToolCard, load_order, subscribers
from lotus_tasks.spine import forgetting
from lotus_tasks.spine.database import Database, one_line
from lotus_tasks.spine.forgetting import Forgetter
from lotus_tasks.spine.outbox import Outbox
from lotus_tasks.spine.queues import queue_names
from lotus_tasks.spine.streams import connect_redis
from lotus_tasks.tools import AnyTool, Tool
from workers import SHARED

if TYPE_CHECKING:
    import redis

log = structlog.get_logger("lotus.health")

T = TypeVar("T")

MODULES = ("memory", "providers", "perception", "reasoning")
"""The core modules: they always load."""

_lock = threading.RLock()


def per_process(make: Callable[[], T]) -> Callable[[], T]:
    """Call ``make`` once in each process; a forked child makes its own. Safe among threads."""
    made: dict[int, T] = {}

    def get() -> T:
        pid = os.getpid()
        if pid not in made:
            with _lock:
                if pid not in made:
                    made[pid] = make()
        return made[pid]

    return get


@cache
def manifests() -> tuple[Manifest, ...]:
    """The modules' manifests in dependency order. Raises ConfigurationError where they don't fit together."""
    found = [import_module(f"lotus_tasks.{name}").MODULE for name in MODULES]
    return tuple(load_order(found, declared_events=EVENTS, outbox_events=[CommandFailed.name]))


def subscribed(event: str) -> list[str]:
    """The tasks an event starts."""
    return subscribers(manifests(), event)


def served_tasks() -> list[str]:
    """Every command there is: the modules' verbs, and their health checks, which the Task base registers for each."""
    return [task for manifest in manifests() for task in (*manifest.tasks, *_registered_for(manifest))]


def _registered_for(manifest: Manifest) -> list[str]:
    verbs = ["check_health", "use_tool"] if manifest.tools else ["check_health"]
    return [f"{manifest.name}.{verb}" for verb in verbs]


@cache
def tools() -> dict[str, Tool]:
    """Every tool the modules declare, by name. Raises ConfigurationError where two have one name."""
    found: dict[str, Tool] = {}
    for manifest in manifests():
        if not manifest.tools:
            continue
        path, _, name = manifest.tools.partition(":")
        for one in getattr(import_module(path), name):
            if one.name in found or one.module != manifest.name:
                raise ConfigurationError(
                    f"tool {one.name!r} of module {manifest.name!r} is declared twice or elsewhere"
                )
            found[one.name] = one
    return found


def found_tools(wanted: str = "") -> dict[str, AnyTool]:
    """The tools that modules have found, by name; a declared one of the same name goes before it.

    Whoever would have the ``wanted`` one is waited for.
    """
    found: dict[str, AnyTool] = {}
    for manifest in manifests():
        path, _, function = manifest.found_tools.partition(":")
        if path:
            found |= {one.card.name: one for one in getattr(import_module(path), function)(wanted)}
    return {name: one for name, one in found.items() if name not in tools()}


def find_tool(name: str) -> AnyTool | None:
    """A tool, declared or found. May wait for its server."""
    return tools().get(name) or found_tools(name).get(name)


def tool_cards(wanted: Sequence[str] = ()) -> tuple[ToolCard, ...]:
    """What models are offered. May wait for a server, and does for those of the ``wanted`` tools.

    Not to be called in a transaction.
    """
    declared = (one for one in tools().values() if one.is_offered())
    for name in wanted:
        found_tools(name)
    return tuple(one.card for one in (*declared, *found_tools().values()))


@cache
def forgetters() -> tuple[Forgetter, ...]:
    """Each module's part of a forgetting, and the spine's."""
    named = (manifest.forgets.partition(":") for manifest in manifests() if manifest.forgets)
    return (*(getattr(import_module(path), function) for path, _, function in named), forgetting.forget)


def allowed_folders() -> AllowedFolders:
    """The folders that the user allowed the tools to touch."""
    return AllowedFolders(runtime().setting("LOTUS_TOOL_FOLDERS"), closed=closed_places())


def closed_places() -> ClosedPlaces:
    """What neither reading nor a tool may open."""
    return ClosedPlaces(own=find_own_places(runtime().home))


def has_folders() -> bool:
    """Whether the user allowed any."""
    return bool(runtime().setting("LOTUS_TOOL_FOLDERS"))


@cache
def runtime() -> Runtime:
    """Where this LOTUS's services are: what `up` wrote, else what the environment names (a worker on another machine)."""
    from lotus_tasks.stack.endpoints import find_runtime

    return find_runtime()


@per_process
def database() -> Database:
    """PostgreSQL."""
    return Database(runtime().database_url, slots=40 if os.environ.get("LOTUS_PROCESS") == SHARED else 12)


@per_process
def outbox() -> Outbox:
    """Commands and events."""
    lease_s = float(runtime().setting("LOTUS_LEASE_S"))
    return Outbox(database(), subscribers=subscribed, lease_s=lease_s, queues=queue_names(manifests()))


@per_process
def redis_client() -> redis.Redis:
    """Redis, for streams, working memory and queue depths."""
    return connect_redis(runtime().redis_url)


def check_module(manifest: Manifest) -> HealthReport:
    """The module's own health check, and ``down`` with the reason where the check itself fails."""
    path, _, function = manifest.health.partition(":")
    try:
        report = getattr(import_module(path), function)()
    except LotusError as error:
        return HealthReport(status="down", detail=f"its health check failed: {one_line(error)}")
    except Exception:
        log.exception("a health check failed", module=manifest.name)
        where = f"`manage.py logs {os.environ.get('LOTUS_PROCESS') or f'worker-{manifest.name}'}` tells why"
        return HealthReport(status="down", detail=f"its health check failed unexpectedly; {where}")
    if not isinstance(report, HealthReport):
        return HealthReport(
            status="down", detail=f"{manifest.health} returned {type(report).__name__}, not a HealthReport"
        )
    return report
