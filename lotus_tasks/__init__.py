"""LOTUS: a local-first AI operating system as a Celery task-queue worker system.

The map, top may import down (import-linter keeps it):

    cli                          the click command line
    gateway, relay               the health endpoint; what sends commands that came without a sender
    <module>.tasks               when a module runs: task bodies of a few lines
    celery                       the Celery app and the one Task base
    bootstrap                    the wiring: which adapter answers which port
    <module>.adapters            how the world answers
    infra                        PostgreSQL, Redis, the outbox, streams, embedded services
    settings                     configuration, checked at start
    <module>.service             what a module decides
    <module>.ports               what it needs
    <module>.models              what it is
    work, manifest, events, values, errors

The modules are memory, providers, perception and reasoning. They never import each other: they speak through events and
commands. This package's ``__init__`` imports nothing; ``celery -A lotus_tasks`` finds the app in ``lotus_tasks.celery``.
"""
