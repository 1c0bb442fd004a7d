"""Export and import, a page a command: the CLI turns pages."""

from __future__ import annotations

from typing import Any, Final

from lotus_tasks.errors import InvalidInput
from lotus_tasks.memory.adapters.exported import read_exported
from lotus_tasks.memory.adapters.transfer import export_page, import_memories
from lotus_tasks.memory.tasks.parts import parts, refuse
from lotus_tasks.spine import queries
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task

PAGE: Final = 500


@command_task("memory.transfer")
def transfer(work: Work) -> Outcome:
    """``export``: the page after ``after_no``. ``import``: write ``memories``; those with a known id or known words are left.

    ``lines`` are the numbers of their lines, for what can't be read. A secret is refused unless the user insists.
    """
    if work.payload.get("what") == "export":
        page, last_no = export_page(parts().database, int(work.payload.get("after_no") or 0), PAGE)
        return Outcome(result={"memories": page, "last_no": last_no})
    objects = work.payload.get("memories")
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise InvalidInput("an import takes a list of memories, as `memory export` writes them")
    numbers = work.payload.get("lines") or range(1, len(objects) + 1)
    memories = [read_exported(one, f"line {number}") for one, number in zip(objects, numbers, strict=True)]
    if not work.payload.get("insist"):
        refuse(work, [one.draft for one in memories])
    result: dict[str, Any] = {}

    def write(tx: Transaction) -> None:
        sql = queries.load("memory")
        stored = import_memories(tx.conn, memories)
        result.update(new=len(stored.new), known=len(stored.known))
        if stored.new:
            tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))
        tx.conn.execute(sql.drop_payload, {"command_id": work.command_id})

    return Outcome(result=result, write=write)
