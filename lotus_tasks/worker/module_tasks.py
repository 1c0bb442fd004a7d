"""The verbs that every module has: its health check, and the use of its tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lotus_tasks import bootstrap
from lotus_tasks.commands.modules import CheckHealth, Health, ToolAnswered, UseTool
from lotus_tasks.errors import Permanent
from lotus_tasks.events import ToolUsed
from lotus_tasks.manifest import HealthReport, Manifest
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import json_parameter
from lotus_tasks.tools import ToolContext
from lotus_tasks.work import Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task

_SLOW_TOOLS: Final = frozenset({"reasoning", "perception"})
"""Whose tools may wait for an MCP server (a minute) or a page (20 s): with four of those, no run went on any more."""


def record_health(manifest: Manifest, report: HealthReport, conn: Any) -> None:
    """Write a module's report."""
    conn.execute(
        queries.load("outbox").record_health,
        {
            "name": manifest.name,
            "status": report.status,
            "detail": report.detail,
            "facts": json_parameter(dict(report.facts)),
        },
    )


def _register_health_checks() -> None:
    for manifest in bootstrap.manifests():

        def check(_asked: CheckHealth, _work: Work, manifest: Manifest = manifest) -> Outcome[Health]:
            """Run the module's health check and record what it found."""
            report = bootstrap.check_module(manifest)
            return Outcome(
                result=Health(status=report.status, detail=report.detail),
                write=lambda tx: record_health(manifest, report, tx.conn),
            )

        command_task(CheckHealth, module=manifest.name)(check)


def _without_result(write: Callable[[Transaction], object] | None) -> Callable[[Transaction], None] | None:
    """What a tool writes, and not what that returns: the answer's text is the result."""

    def run(tx: Transaction) -> None:
        if write is not None:
            write(tx)

    return None if write is None else run


def _register_tools() -> None:
    for manifest in bootstrap.manifests():
        if manifest.tools:

            def use_tool(asked: UseTool, work: Work) -> Outcome[ToolAnswered]:
                """Run one of the module's tools for a run; a wrong argument or a refusal is told to the model."""
                named = bootstrap.find_tool(asked.tool)
                if named is None:
                    raise Permanent(f"there is no tool {asked.tool}")
                answer = named.run(ToolContext(work=work, key=str(work.command_id)), asked.arguments)
                return Outcome(
                    result=ToolAnswered(
                        text=answer.text,
                        sources=tuple(answer.sources),
                        origin=named.card.answers_as if answer.origin is None else answer.origin,
                    ),
                    events=[ToolUsed(run_id=work.run_id, command_id=work.command_id)] if work.run_id else [],
                    commands=answer.commands,
                    write=_without_result(answer.write),
                    after=answer.after,
                )

            command_task(UseTool, module=manifest.name, in_tool_slot=manifest.name in _SLOW_TOOLS)(use_tool)


_register_health_checks()
_register_tools()
