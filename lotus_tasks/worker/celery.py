"""The whole Celery app: the app itself, the verbs every module has, and what a worker does at its start and end."""

from __future__ import annotations

from lotus_tasks.worker import module_tasks, signals
from lotus_tasks.worker.app import app

__all__ = ["app", "module_tasks", "signals"]
