"""What reasoning needs of the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lotus_tasks.manifest import ToolCard
from lotus_tasks.reasoning.models import Decision, Run
from lotus_tasks.values import RunId
from lotus_tasks.work import Transaction


class RunStore(Protocol):
    """Runs and their steps, inside a transaction of the caller's."""

    def lock(self, tx: Transaction, run_id: RunId, tools: Sequence[ToolCard] = ()) -> Run | None:
        """The run with its steps, locked until the transaction ends; None when it is gone or has ended."""

    def save(self, tx: Transaction, run: Run, decision: Decision) -> None:
        """Write the decision: step updates, new steps with their commands, and the conclusion with its event."""
