"""Celery's worker, beat and Flower for LOTUS's own processes: ``-m lotus_tasks.worker.celery_command worker|beat|flower …``

The same commands with the same options as ``celery -A lotus_tasks …``, without the `celery` program around them: that one
loads every command and plugin, Flower's web server among them, into every worker: 20 MB and 0.4 s of a core for each of seven
processes.
"""

from __future__ import annotations

import sys
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
    celery = click.Group("celery", commands={name: getattr(import_module(COMMANDS[name]), name)})
    celery.main(args=arguments, prog_name="celery", obj=CLIContext(app=app, no_color=True, workdir=None, quiet=True))


def protect_metrics() -> None:
    """Flower's /metrics asks for the password, as its pages do; on its own Flower shows it to anyone."""
    from flower.views import monitor
    from tornado.web import authenticated

    monitor.Metrics.get = authenticated(monitor.Metrics.get)


if __name__ == "__main__":
    main(sys.argv[1:])
