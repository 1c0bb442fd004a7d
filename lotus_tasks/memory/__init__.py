"""Memory: what LOTUS was told, read and asked, and finding it again."""

from lotus_tasks.manifest import Manifest

MODULE = Manifest(
    name="memory",
    queue="memory",
    tasks=(
        "memory.recall",
        "memory.remember",
        "memory.store",
        "memory.remember_exchange",
        "memory.index",
        "memory.consolidate",
        "memory.take_answers",
        "memory.reindex",
        "memory.list",
        "memory.show",
        "memory.history",
        "memory.explain",
        "memory.facts",
        "memory.profile",
        "memory.stats",
        "memory.edit",
        "memory.forget",
        "memory.rewrite_log",
        "memory.export",
        "memory.import",
    ),
    publishes=("memory.recalled", "memory.stored", "tool.used"),
    subscribes={"percept.captured": "memory.store", "run.concluded": "memory.remember_exchange"},
    tools="lotus_tasks.memory.tools:TOOLS",
    health="lotus_tasks.memory.tasks:check_health",
)
