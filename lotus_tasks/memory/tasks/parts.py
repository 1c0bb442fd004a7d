"""Memory's parts, one of each in a process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lotus_tasks import bootstrap
from lotus_tasks.commands.upkeep import Index
from lotus_tasks.memory.adapters.assembly import MemoryParts, assemble, choose_embedder
from lotus_tasks.memory.models import Draft, TierLimits
from lotus_tasks.memory.service.secrecy import SecretFound, refuse_secrets
from lotus_tasks.spine import queries
from lotus_tasks.stack.endpoints import chroma_token
from lotus_tasks.work import CommandSpec, Work


@bootstrap.per_process
def parts() -> MemoryParts:
    """Memory's parts in this process."""
    runtime = bootstrap.runtime()
    return assemble(
        database=bootstrap.database(),
        client=bootstrap.redis_client(),
        chroma_url=runtime.chroma_url,
        chroma_token=chroma_token(runtime),
        embedder=choose_embedder(str(runtime.setting("LOTUS_EMBEDDER")), runtime.home / "models"),
        limits=TierLimits(
            l1_age_s=round(60 * runtime.setting("LOTUS_WORKING_MINUTES")),
            l1_items=int(runtime.setting("LOTUS_WORKING_ITEMS")),
            l2_age_s=round(3600 * runtime.setting("LOTUS_SHORT_TERM_HOURS")),
            l2_items=int(runtime.setting("LOTUS_SHORT_TERM_ITEMS")),
        ),
        consolidation_model=str(runtime.setting("LOTUS_CONSOLIDATION_MODEL")),
    )


def index_after(cause: object, *, not_before: datetime | None = None) -> CommandSpec:
    """The command that indexes what ``cause`` has changed, once for each cause."""
    return CommandSpec.of(Index(), key=f"memory.index/{cause}", not_before=not_before)


def refuse(work: Work, drafts: Sequence[Draft]) -> None:
    """Raise SecretFound where a text holds a secret, having taken it out of the command that brought it."""
    try:
        refuse_secrets(drafts, parts().secrets)
    except SecretFound:
        with parts().database.transaction() as conn:
            conn.execute(queries.load("memory").withhold_payload, {"command_id": work.command_id})
        raise
