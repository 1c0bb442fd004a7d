"""Perception: reading what the user points at, and cutting it into chunks that can be remembered."""

from lotus_tasks.manifest import Manifest

MODULE = Manifest(
    name="perception",
    queue="perception",
    tasks=("perception.ingest", "perception.list"),
    publishes=("percept.captured", "tool.used"),
    tools="lotus_tasks.perception.tools:TOOLS",
    forgets="lotus_tasks.perception.adapters.forgetting:forget",
    health="lotus_tasks.perception.tasks:check_health",
    counted="perception.counted",
)
