"""Export and import, a page a command: the CLI turns pages."""

from __future__ import annotations

from typing import Final

from lotus_tasks.commands.upkeep import Export, ExportPage, Import, Imported
from lotus_tasks.errors import InvalidInput
from lotus_tasks.memory.adapters.exported import read_exported
from lotus_tasks.memory.adapters.transfer import export_page, import_memories
from lotus_tasks.memory.tasks.parts import index_after, parts, refuse
from lotus_tasks.spine import queries
from lotus_tasks.work import Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task

PAGE: Final = 500


@command_task(Export)
def export_memories(asked: Export, _work: Work) -> Outcome[ExportPage]:
    """The page after ``after_no``."""
    page, last_no = export_page(parts().database, asked.after_no, PAGE)
    return Outcome(result=ExportPage(memories=tuple(page), last_no=last_no))


@command_task(Import)
def import_page(asked: Import, work: Work) -> Outcome[Imported]:
    """Write memories; those with a known id or known words are left. A secret is refused unless the user insists."""
    numbers = asked.lines or range(1, len(asked.memories) + 1)
    if len(numbers) != len(asked.memories):
        raise InvalidInput(f"{len(asked.memories)} memories have {len(numbers)} numbers of lines")
    memories = [read_exported(one, f"line {number}") for one, number in zip(asked.memories, numbers, strict=True)]
    if not asked.insist:
        refuse(work, [one.draft for one in memories])

    def write(tx: Transaction) -> Imported:
        stored = import_memories(tx.conn, memories)
        if stored.new:
            tx.submit(index_after(work.command_id))
        tx.conn.execute(queries.load("memory").drop_payload, {"command_id": work.command_id})
        return Imported(new=len(stored.new), known=len(stored.known))

    return Outcome(write=write)
