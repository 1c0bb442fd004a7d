"""One ask as a waterfall: every statement that its processes send to PostgreSQL, in order, and how many an ask has.

    python benchmarks/trace.py [--asks N] [--json]

It starts a LOTUS of its own with an instant model under the temporary folder, lets PostgreSQL log each statement with the
process that sent it, asks one question after the other, and counts. What comes less often than every other ask is periodic work
and left out. Each statement is a round trip. A commit waits for the disk unless its transaction says otherwise. Where a process
works at several things at once, their BEGIN and COMMIT are counted with the rest.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(PROJECT / "benchmarks")]

from ask import _settings, sequential  # noqa: E402
from stack import Lotus, lotus_home  # noqa: E402

from lotus_tasks.spine.database import connect  # noqa: E402
from tests.modelserver.handle import model_server_process  # noqa: E402

_LINE = re.compile(r"^(?P<at>[\d-]+ [\d:.]+) UTC\|(?P<who>[^|]*)\|LOG:  duration: (?P<ms>[\d.]+) ms  (?P<text>.*)$")
_RUN = re.compile(r"(?:statement|execute [^:]*): (?P<sql>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement as PostgreSQL logged it. ``at``: seconds since the epoch, when it had ended. ``sql``: its beginning."""

    at: float
    process: str
    ms: float
    sql: str


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="One ask as a waterfall of statements.")
    parser.add_argument("--asks", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with model_server_process() as model, lotus_home(**_settings(model)) as lotus:
        lotus.up()
        try:
            report = measure(lotus, options.asks)
        finally:
            lotus.run("down")
    if options.json:
        print(json.dumps(report))
        return
    for row in report["waterfall"]:
        print(f"{row['at_ms']:8.1f} ms  {row['process']:<18} {row['ms']:6.2f} ms  {row['sql']}")
    for process, counts in report["an_ask"].items():
        print(f"{process:<18} {counts['statements']:5.1f} statements  {counts['transactions']:5.1f} transactions")


def measure(lotus: Lotus, asks: int) -> dict[str, Any]:
    """The last ask's waterfall, and what an ask has on average, by process."""
    runtime = lotus.runtime
    lotus.run("remember", "The spare key number 1 hangs behind the blue door.")
    sequential(runtime, 5)
    with connect(runtime.database_url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET log_line_prefix = '%m|%a|'")
        conn.execute("ALTER SYSTEM SET log_min_duration_statement = 0")
        conn.execute("SELECT pg_reload_conf()")
    log = lotus.home / "log" / "postgres.log"
    time.sleep(1.0)  # every backend has read the configuration by its next statement
    began_at = log.stat().st_size
    sequential(runtime, asks - 1)
    last_from = time.time()
    sequential(runtime, 1)
    time.sleep(1.0)  # the exchange is remembered after the answer
    found = list(read(log, began_at))
    times = Counter((one.process, one.sql) for one in found)
    own = [one for one in found if times[one.process, one.sql] >= asks / 2]
    waterfall = [one for one in own if one.at >= last_from]
    return {
        "asks": asks,
        "waterfall": [{**asdict(one), "at_ms": round((one.at - last_from) * 1000, 1)} for one in waterfall],
        "an_ask": {
            process: count([one for one in own if one.process == process], asks)
            for process in sorted({one.process for one in own})
        }
        | {"all": count(own, asks)},
    }


def count(statements: list[Statement], asks: int) -> dict[str, float]:
    """How many statements an ask, and transactions: blocks, and statements that are one by themselves."""
    blocks = sum(one.sql == "COMMIT" for one in statements)
    return {
        "statements": round(len(statements) / asks, 1),
        "transactions": round((blocks + alone(statements)) / asks, 1),
    }


def alone(statements: list[Statement]) -> int:
    """How many stand in no block of BEGIN and COMMIT of their process, as far as their order tells."""
    inside: Counter[str] = Counter()
    found = 0
    for one in statements:
        if one.sql in ("BEGIN", "COMMIT"):
            inside[one.process] += 1 if one.sql == "BEGIN" else -1
        elif inside[one.process] <= 0:
            found += 1
    return found


def read(log: Path, start: int) -> list[Statement]:
    """The statements that PostgreSQL logged after the first ``start`` bytes."""
    found = []
    with log.open("rb") as file:
        file.seek(start)
        for line in file.read().decode("utf-8", "replace").splitlines():
            matched = _LINE.match(line)
            run = matched and _RUN.match(matched["text"])
            if matched and run:
                at = datetime.fromisoformat(f"{matched['at']}+00:00").timestamp()
                process = matched["who"].removeprefix("lotus ")
                found.append(Statement(at=at, process=process, ms=float(matched["ms"]), sql=run["sql"].strip()[:90]))
    return found


if __name__ == "__main__":
    main()
