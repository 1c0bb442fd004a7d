"""`restart`, `logs` and `worker`: the processes, one at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import click

from lotus_tasks.errors import InvalidInput, Transient
from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.stack.endpoints import find_runtime
from lotus_tasks.stack.supervision import Supervisor
from workers import SHARED, WORKERS

_RESTART_WAIT_S = 90.0
_TAIL_BYTES = 262_144


@click.command()
@click.argument("process", required=False)
@click.pass_context
def restart(context: click.Context, process: str | None) -> None:
    """Restart one PROCESS (`status` lists them), or all of LOTUS."""
    runtime = load_runtime()
    if process is None:
        from lotus_tasks.cli.up import down, up

        context.invoke(down)
        context.invoke(up)
        return
    supervisor = Supervisor(runtime.supervisor_socket)
    process = _in_shared(process, {row.name for row in supervisor.processes()})
    supervisor.restart(process)
    deadline = time.monotonic() + _RESTART_WAIT_S
    while (state := next(row for row in supervisor.processes() if row.name == process)).state != "RUNNING":
        if time.monotonic() > deadline:
            raise Transient(
                f"{process} did not come up ({state.reason or state.state}); see `python manage.py logs {process}`"
            )
        time.sleep(0.1)
    click.echo(f"{process} runs again, process {state.pid}.", err=True)


@click.command()
@click.argument("process", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=None, help="How many lines of each (50 of one, 10 of all)."
)
def logs(process: str | None, follow: bool, lines: int | None) -> None:
    """Show what PROCESS wrote, or the end of what each wrote."""
    folder = Home.locate().log
    names = sorted(path.stem for path in folder.glob("*.log")) if folder.is_dir() else []
    if process is not None:
        process = _in_shared(process, names)
    if process is not None and process not in names:
        known = f"there are: {', '.join(names)}" if names else f"there are none in {folder}; LOTUS has not run here"
        raise InvalidInput(f"there is no log of {process!r}; {known}")
    shown = [process] if process else names
    count = lines if lines is not None else (50 if process else 10)
    tails = [_Tail(folder / f"{name}.log", prefix="" if process else f"{name}  ") for name in shown]
    for tail in tails:
        tail.show_last(count)
    try:
        while follow:
            news = [tail.show_new() for tail in tails]
            if not any(news):
                time.sleep(0.2)
    except KeyboardInterrupt:
        return


def _in_shared(process: str, known: Collection[str]) -> str:
    """The process that a queue's worker is part of, where they share one."""
    is_of_a_queue = process in {spec.name for spec in WORKERS}
    return SHARED if is_of_a_queue and process not in known and SHARED in known else process


class _Tail:
    """One log, followed through its rotations."""

    def __init__(self, path: Path, *, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._file: BinaryIO = path.open("rb")
        self._rest = b""

    def show_last(self, count: int) -> None:
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - _TAIL_BYTES))
        *lines, rest = self._file.read().split(b"\n")  # splitlines() would end a line at a CR, too
        lines += [rest] if rest else []
        for line in lines[max(0, len(lines) - count) :]:
            self._say(line)

    def show_new(self) -> bool:
        """Whether there was anything new."""
        block = self._file.read()
        if not block:
            self._reopen_if_rotated()
            return False
        *complete, self._rest = (self._rest + block).split(b"\n")
        for line in complete:
            self._say(line)
        return True

    def _reopen_if_rotated(self) -> None:
        try:
            rotated = self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return
        if rotated:
            self._file.close()
            self._file = self._path.open("rb")

    def _say(self, line: bytes) -> None:
        click.echo(self._prefix + line.decode("utf-8", "replace"))


@click.command()
@click.argument("module", type=click.Choice([name for worker in WORKERS for name in worker.modules]))
@click.option(
    "-c", "--concurrency", type=click.IntRange(1, 64), default=None, help="Slots; the usual number without it."
)
def worker(module: str, concurrency: int | None) -> None:
    """Run one more worker of MODULE here, in the foreground, beside those that run already. Ctrl-C stops it.

    On another machine LOTUS_DATABASE_URL, LOTUS_REDIS_URL and LOTUS_CHROMA_URL say where the services are.
    """
    runtime = find_runtime()
    spec = next(spec for spec in WORKERS if module in spec.modules)
    arguments = [
        f"--hostname={spec.name}-{os.getpid()}@%h" if argument.startswith("--hostname=") else argument
        for argument in spec.arguments(concurrency)
    ]
    os.environ["LOTUS_HOME"] = str(runtime.home)
    os.chdir(PROJECT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "lotus_tasks.worker.celery_command", *arguments])  # noqa: S606 - Celery
