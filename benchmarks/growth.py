"""What LOTUS grows by with each ask: bytes of PostgreSQL by table and index, and the memory of each process.

    python benchmarks/growth.py [--asks N] [--marks N] [--at-once N] [--json]

Asks N questions, no two alike, against an instant model, and looks at 0 and then at each of so many marks on the way. Prints
    postgres_bytes_an_ask  growth between the first mark and the last, as a whole, by table, and by column of the largest
    pss_mb                 each process's proportional share of memory (its tree's PSS, MB) at each mark
    pss_kb_an_ask          growth of that between the middle mark and the last: what comes after everything has been loaded
Linux only (/proc/*/smaps_rollup). It starts a LOTUS of its own under the temporary folder and removes it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(PROJECT / "benchmarks")]

from ask import NOTES, table_bytes  # noqa: E402
from stack import Lotus, lotus_home  # noqa: E402

from lotus_tasks.local.runtime import Runtime  # noqa: E402
from lotus_tasks.origins import USER  # noqa: E402
from lotus_tasks.reasoning.adapters.postgres import submit_run  # noqa: E402
from lotus_tasks.reasoning.models import RunOptions  # noqa: E402
from lotus_tasks.spine.database import connect  # noqa: E402
from lotus_tasks.stack.supervision import Supervisor  # noqa: E402
from tests.modelserver.handle import ModelServerHandle, model_server_process  # noqa: E402

_COLUMNS = {
    "commands": ("payload", "result"),
    "events": ("payload",),
    "runs": ("state", "answer"),
    "steps": ("detail",),
}
"""Wide columns whose stored (compressed) size is printed."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="What LOTUS grows by with each ask.")
    parser.add_argument("--asks", type=int, default=1500, help="how many questions (default 1500)")
    parser.add_argument("--marks", type=int, default=3, help="how many looks on the way (default 3)")
    parser.add_argument("--at-once", type=int, default=8, help="asks in flight (default 8)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with model_server_process() as model, lotus_home(**_settings(model)) as lotus:
        lotus.up()
        try:
            report = measure(lotus, asks=options.asks, marks=options.marks, at_once=options.at_once)
        finally:
            lotus.run("down")
    print(json.dumps(report) if options.json else "\n".join(f"{name:<22} {value}" for name, value in report.items()))


def measure(lotus: Lotus, *, asks: int, marks: int, at_once: int) -> dict[str, Any]:
    """The figures."""
    for note in NOTES[:5]:
        lotus.run("remember", note)
    ask(lotus.runtime, range(20), at_once)
    memory = {0: pss_mb(lotus)}
    before = table_bytes(lotus.runtime)
    each = asks // marks
    for mark in range(1, marks + 1):
        ask(lotus.runtime, range(20 + (mark - 1) * each, 20 + mark * each), at_once)
        memory[mark * each] = pss_mb(lotus)
        print(f"{mark * each} asks: {memory[mark * each]}", file=sys.stderr)
    done = each * marks
    grown = {name: (size - before.get(name, 0)) // done for name, size in table_bytes(lotus.runtime).items()}
    middle = list(memory)[len(memory) // 2]
    return {
        "postgres_bytes_an_ask": {
            "whole": sum(grown.values()),
            **{name: size for name, size in grown.items() if size >= 50},
        },
        "columns": column_bytes(lotus.runtime, done + 20),
        "indexes": index_bytes(lotus.runtime, done + 20),
        "pss_mb": memory,
        "pss_kb_an_ask": {
            name: round((size - memory[middle].get(name, 0)) * 1024 / max(done - middle, 1), 2)
            for name, size in memory[done].items()
        },
    }


def ask(runtime: Runtime, numbers: range, at_once: int) -> None:
    """A question of each number, ``at_once`` in flight, until all are answered. Raises TimeoutError."""
    waiting, left = set[str](), list(numbers)
    deadline = time.monotonic() + 60 + len(left)
    with connect(runtime.database_url, autocommit=True) as conn:
        while waiting or left:
            while left and len(waiting) < at_once:
                number = left.pop()
                question = f"What did {_NAMES[number % len(_NAMES)]} write of house {number}, and where is its key?"
                with conn.transaction():
                    waiting.add(str(submit_run(conn, question, RunOptions(origin=USER), conversation_id=None).run_id))
            rows = conn.execute(
                "SELECT id::text FROM runs WHERE id = ANY(%s::uuid[]) AND status IN ('succeeded', 'failed')",
                [list(waiting)],
            ).fetchall()
            waiting -= {row["id"] for row in rows}
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} asks are still open")
            time.sleep(0.02)


_NAMES = ("Ada", "Bent", "Clara", "Dag", "Else", "Finn", "Greta", "Hans", "Ida", "Jens")


def pss_mb(lotus: Lotus) -> dict[str, float]:
    """Each supervised process with its children."""
    found = {}
    for row in Supervisor(lotus.runtime.supervisor_socket).processes():
        if row.pid:
            tree = [psutil.Process(row.pid), *psutil.Process(row.pid).children(recursive=True)]
            found[row.name] = round(sum(_pss_kb(process.pid) for process in tree) / 1024, 1)
    return found


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def column_bytes(runtime: Runtime, asks: int) -> dict[str, int]:
    """Stored bytes an ask of the wide columns, by the commands' names where there are such."""
    found = {}
    with connect(runtime.database_url, autocommit=True) as conn:
        columns = {
            (row["table_name"], row["column_name"])
            for row in conn.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            ).fetchall()
        }
        for table, names in _COLUMNS.items():
            for column in names:
                if (table, column) not in columns:
                    continue
                name = "name" if (table, "name") in columns else "''"
                query = f"SELECT {name} AS name, sum(pg_column_size({column})) AS size FROM {table} GROUP BY 1"
                for row in conn.execute(query).fetchall():
                    if (row["size"] or 0) // asks >= 20:
                        found[f"{table}.{column} {row['name']}".strip()] = int(row["size"]) // asks
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def index_bytes(runtime: Runtime, asks: int) -> dict[str, int]:
    """Bytes an ask of each heap and each index."""
    query = (
        "SELECT relname, pg_relation_size(oid) AS size FROM pg_class"
        " WHERE relkind IN ('r', 'i', 't') AND relnamespace IN ('public'::regnamespace, 'pg_toast'::regnamespace)"
        " ORDER BY 2 DESC LIMIT 40"
    )
    with connect(runtime.database_url, autocommit=True) as conn:
        return {
            row["relname"]: int(row["size"]) // asks for row in conn.execute(query).fetchall() if row["size"] // asks
        }


def _settings(model: ModelServerHandle) -> dict[str, str]:
    return {
        "LOTUS_PROVIDERS": "openai",
        "OPENAI_BASE_URL": model.openai_url,
        "OPENAI_API_KEY": "sk-benchmark-000000000000",
    }


if __name__ == "__main__":
    main()
