"""Reasoning: a durable loop that turns a question into steps, commands and an answer."""

from lotus_tasks.manifest import Manifest

MODULE = Manifest(
    name="reasoning",
    queue="reasoning",
    depends_on=("memory", "providers"),
    tasks=(
        "reasoning.advance",
        "reasoning.answer",
        "reasoning.retry",
        "reasoning.summarise",
        "reasoning.give_up_waiting",
        "reasoning.start_due",
        "reasoning.follow_up",
    ),
    publishes=("run.concluded", "tool.used"),
    subscribes={
        "memory.recalled": "reasoning.advance",
        "provider.completed": "reasoning.advance",
        "tool.used": "reasoning.advance",
        "command.failed": "reasoning.advance",
    },
    tools="lotus_tasks.reasoning.tools:TOOLS",
    found_tools="lotus_tasks.reasoning.tools:find_mcp_tools",
    forgets="lotus_tasks.reasoning.adapters.forgetting:forget",
    health="lotus_tasks.reasoning.tasks:check_health",
    counted="reasoning.counted",
)
