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
        "memory.inspect",
        "memory.edit",
        "memory.forget",
        "memory.rewrite_log",
        "memory.transfer",
    ),
    publishes=("memory.recalled", "memory.stored", "tool.used"),
    subscribes={"percept.captured": "memory.store", "run.concluded": "memory.remember_exchange"},
    tools="lotus_tasks.memory.tools:TOOLS",
    health="lotus_tasks.memory.tasks:check_health",
)
