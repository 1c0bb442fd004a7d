"""Providers: turns "complete this" into tokens, from whichever model the user has."""

from lotus_tasks.manifest import Manifest

MODULE = Manifest(
    name="providers",
    queue="providers",
    tasks=("providers.complete", "providers.check", "providers.models", "providers.pull"),
    publishes=("provider.completed",),
    forgets="lotus_tasks.providers.adapters.forgetting:forget",
    health="lotus_tasks.providers.tasks:check_health",
)
