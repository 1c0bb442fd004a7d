"""LOTUS: a local-first AI operating system as a Celery task-queue worker system.

The rooms, top may import down (import-linter keeps it, pyproject.toml):

    cli                          the click command line
    celery                       where `celery -A lotus_tasks` finds the app
    memory, providers,           the modules; in each: tasks (when it runs), adapters (how the world answers),
    perception, reasoning        service (what it decides), ports (what it needs), models (what it is)
    worker, health               the Celery app, the one Task base, the relay; what state LOTUS is in, and the health endpoint
    bootstrap                    the wiring: which adapter answers which port
    stack                        the embedded services and the processes: made, started, watched, stopped
    spine                        durable commands in PostgreSQL: outbox, leases, execution, streams; the database itself
    settings, local              configuration, checked at start; this machine: home, locks, logs, open and closed folders
    tools, work, manifest, events, values, errors; language (sentences, scripts)

The modules never import each other: they speak through events and commands. This package's ``__init__`` imports nothing.
"""
