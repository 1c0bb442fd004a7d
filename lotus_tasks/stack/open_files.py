"""How many files a process may open: PostgreSQL, Valkey, Chroma and the supervisor each want several hundred."""

from __future__ import annotations

import resource

from lotus_tasks.errors import ConfigurationError

NEEDED = 1024
"""The usual limit of Linux, with which everything is tested."""


def allow_open_files() -> None:
    """Raises this process's limit to NEEDED; what it starts inherits it. Raises ConfigurationError where that isn't allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= NEEDED:
        return
    if hard != resource.RLIM_INFINITY and hard < NEEDED:
        raise ConfigurationError(
            f"a process may open {hard} files only here; LOTUS needs {NEEDED}: raise the limit (`ulimit -n {NEEDED}`, or "
            "LimitNOFILE= of a service) and start it again"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (NEEDED, hard))
