"""Celery's worker, beat and Flower for LOTUS's own processes: ``-m lotus_tasks.worker.celery_command worker|beat|flower …``

The same commands with the same options as ``celery -A lotus_tasks …``, without the `celery` program around them: that one
loads every command and plugin, Flower's web server among them, into every worker: 20 MB and 0.4 s of a core for each of seven
processes. Nor does a process load the tasks of queues that it doesn't serve: some 20 MB more for beat and Flower, which send and
show tasks by name, and for a worker of one queue.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click
from celery.bin.base import CLIContext

from lotus_tasks.worker.celery import app

COMMANDS = {"worker": "celery.bin.worker", "beat": "celery.bin.beat", "flower": "flower.command"}
"""Command → the module that has it, as a click command of the same name."""


def main(arguments: list[str]) -> None:
    """Runs one command until it ends; leaves with its exit code."""
    name = arguments[0]
    if name == "flower":
        protect_metrics()
    app.conf.include = needed_tasks(arguments)
    celery = click.Group("celery", commands={name: getattr(import_module(COMMANDS[name]), name)})
    celery.main(args=arguments, prog_name="celery", obj=CLIContext(app=app, no_color=True, workdir=None, quiet=True))


def needed_tasks(arguments: Sequence[str]) -> list[str]:
    """Which of the app's task modules a command with these arguments carries out: all where it names no queues."""
    if arguments[0] != "worker":
        return []
    named = [word.partition("=")[2].split(",") for word in arguments if word.startswith("--queues=")]
    queues = {queue for words in named for queue in words}
    return [path for path in app.conf.include if not queues or queue_of(path) in queues]


def queue_of(path: str) -> str:
    """The queue of a Python module's tasks: ``memory`` for lotus_tasks.memory.tasks, ``system`` for lotus_tasks.worker.system."""
    return next(part for part in reversed(path.split(".")) if part != "tasks")


def protect_metrics() -> None:
    """Flower's /metrics asks for the password, as its pages do; on its own Flower shows it to anyone."""
    from flower.views import monitor
    from tornado.web import authenticated

    monitor.Metrics.get = authenticated(monitor.Metrics.get)


if __name__ == "__main__":
    main(sys.argv[1:])
