"""What reasoning decides: pure functions of a run and what happened to it."""

from lotus_tasks.reasoning.service.deciding import decide

__all__ = ["decide"]
