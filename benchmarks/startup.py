"""How long LOTUS takes from `up` to healthy, how much memory the idle system holds, and how long it takes to stop.

``python benchmarks/startup.py [--runs N] [--json]``: in a LOTUS_HOME of its own, which is removed. The first start, which
makes the database, is told apart; start_s and pss_mb are the medians of the others. PSS counts a page that n processes share
as 1/n (Linux, /proc/<pid>/smaps_rollup). Both kinds of workers (LOTUS_WORKERS) are measured, each in a home of its own. Beside
each start: how long the same PostgreSQL program, alone on the same files, takes until pg_isready says that it is ready.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from lotus_tasks.environment import enter_environment  # noqa: E402

IDLE_S = 15.0
"""After that the first health reports are written and every worker has settled."""


def main() -> None:
    """Runs the benchmark and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, dict[str, Any]] = {}
    for workers in ("shared", "separate"):
        with tempfile.TemporaryDirectory(prefix="lotus-bench-") as folder:
            results[workers] = measure(Path(folder) / "home", options.runs, workers)
    if options.json:
        print(json.dumps(results))
        return
    for workers, result in results.items():
        print(f"workers: {workers}")
        tell(result)


def tell(result: dict[str, Any]) -> None:
    """One kind of workers, for a person."""
    first = f"the first, which makes the database: {result['first_start_s']:.1f} s"
    print(f"start to healthy  {result['start_s']:.1f} s   ({first})")
    print(
        f"  over PostgreSQL {result['start_ratio']:.1f} × the {result['postgres_s']:.2f} s that it alone takes to be ready"
    )
    print(f"idle memory       {result['pss_mb']:.0f} MB PSS in {result['processes']} processes")
    print(f"stop              {result['stop_s']:.1f} s")
    for name, size_mb in result["pss_mb_by_process"].items():
        print(f"  {name:<20} {size_mb:6.1f} MB")


def measure(home: Path, runs: int, workers: str) -> dict[str, Any]:
    """One first start and ``runs`` more."""
    environment = {**os.environ, "LOTUS_HOME": str(home), "LOTUS_PROVIDERS": "offline", "LOTUS_WORKERS": workers}
    alone: list[float] = []
    starts: list[float] = []
    stops: list[float] = []
    sizes: list[dict[str, float]] = []
    counts: list[int] = []
    for number in range(runs + 1):
        try:
            starts.append(call("up", environment))
            if number:
                time.sleep(IDLE_S)
                pids = own_processes(home)
                sizes.append(pss_by_name(pids))
                counts.append(len(pids))
        finally:
            stops.append(call("down", environment))
        alone.append(start_postgres_alone(home))
    middle = sorted(range(len(sizes)), key=lambda index: sum(sizes[index].values()))[len(sizes) // 2]
    return {
        "start_s": round(statistics.median(starts[1:]), 2),
        "postgres_s": round(statistics.median(alone), 3),
        "start_ratio": round(statistics.median(starts[1:]) / statistics.median(alone), 1),
        "first_start_s": round(starts[0], 2),
        "stop_s": round(statistics.median(stops), 2),
        "pss_mb": round(sum(sizes[middle].values()), 1),
        "processes": counts[middle],
        "pss_mb_by_process": {
            name: round(size, 1) for name, size in sorted(sizes[middle].items(), key=lambda item: -item[1])
        },
        "runs": runs,
        "cores": len(os.sched_getaffinity(0)),
    }


def call(command: str, environment: dict[str, str]) -> float:
    """Seconds that `manage.py COMMAND` takes, as a user sees it; leaves with its output when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"manage.py {command} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def start_postgres_alone(home: Path) -> float:
    """Seconds from the start of the home's embedded PostgreSQL, with nothing around it, to its first answer; ends it again."""
    from lotus_tasks.local.home import Home
    from lotus_tasks.stack.postgres import embedded_postgres

    Home(home).create()  # `down` has removed the folder of its socket
    server = embedded_postgres(Home(home))
    program = server.program()
    user, group = program.run_as or (None, None)
    began = time.monotonic()
    with subprocess.Popen(
        program.command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        group=group,
        start_new_session=True,
    ) as process:
        try:
            while not server.answers():
                if process.poll() is not None:
                    sys.exit(f"PostgreSQL alone ended with exit code {process.returncode}")
                time.sleep(0.005)
            return time.monotonic() - began
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def own_processes(home: Path) -> dict[int, str]:
    """Every process of this home, by the program it belongs to."""
    from lotus_tasks.local.home import Home
    from lotus_tasks.stack.orphans import find_processes

    return {process.pid: process.name for process in find_processes(Home(home))}


def pss_by_name(pids: dict[int, str]) -> dict[str, float]:
    """Megabytes (10^6) of proportional set size of each program, its children included."""
    sizes: dict[str, float] = {}
    for pid, name in pids.items():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                sizes[name] = sizes.get(name, 0.0) + int(line.split()[1]) * 1024 / 1e6
    return sizes


if __name__ == "__main__":
    enter_environment(__file__)
    main()
