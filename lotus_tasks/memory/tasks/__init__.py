"""When memory runs. Each body reads its payload, calls the service, and returns what is to be committed."""

import os

# Recall multiplies matrices of some thousand rows: threads of BLAS cost it twenty times what they save. Read when numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lotus_tasks.memory.tasks import (
    answering,
    forgetting,
    indexing,
    recalling,
    storing,
    transfer,
    upkeep,
    user_commands,
)
from lotus_tasks.memory.tasks.upkeep import check_health

__all__ = ["answering", "check_health", "forgetting", "indexing", "recalling", "storing", "transfer", "upkeep", "user_commands"]
