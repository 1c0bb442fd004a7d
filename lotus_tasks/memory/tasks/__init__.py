"""When memory runs. Each body reads its payload, calls the service, and returns what is to be committed."""

from lotus_tasks.memory.tasks import hand, indexing, recalling, storing, transfer, upkeep
from lotus_tasks.memory.tasks.upkeep import check_health

__all__ = ["check_health", "hand", "indexing", "recalling", "storing", "transfer", "upkeep"]
