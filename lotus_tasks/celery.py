"""Where ``celery -A lotus_tasks`` finds the app."""

from __future__ import annotations

from lotus_tasks.worker.celery import app

__all__ = ["app"]
