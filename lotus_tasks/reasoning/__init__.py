"""Reasoning: a durable loop that turns a question into steps, commands and an answer."""

from lotus_tasks.manifest import Manifest

MODULE = Manifest(
    name="reasoning",
    queue="reasoning",
    depends_on=("memory", "providers"),
    tasks=("reasoning.advance", "reasoning.check_health"),
    publishes=("run.concluded",),
    subscribes={
        "memory.recalled": "reasoning.advance",
        "provider.completed": "reasoning.advance",
        "command.failed": "reasoning.advance",
    },
    health="lotus_tasks.reasoning.tasks:check_health",
)
