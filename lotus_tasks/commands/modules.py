"""What is asked of every module: how it is, and the use of its tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lotus_tasks.commands.codec import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a module is: ok, degraded or down, and why."""

    status: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHealth(Command[Health]):
    """Run the module's health check and keep its report."""

    verb: ClassVar[str] = "check_health"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswered:
    """What a tool said, and its sources; ``origin``: whose text that is."""

    text: str = ""
    sources: tuple[str, ...] = ()
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTool(Command[ToolAnswered]):
    """Call a tool. ``origin``: the least trusted of what its arguments may be made of. ``destination``: the one place that it may
    carry text to (destinations.py). ``digest``: stands for what its server said of it when it was called.
    """

    verb: ClassVar[str] = "use_tool"
    tool: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    origin: str | None = None
    destination: str | None = None
    digest: str | None = None
