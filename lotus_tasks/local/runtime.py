"""The running system's endpoints: LOTUS_HOME/run/runtime.json, written by `up`, read by every process and by the CLI.

Stdlib only, so that a command needs no pydantic to find its services. API keys are not in it: a worker reads them from its
environment and .env through settings.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lotus_tasks.errors import NotRunning
from lotus_tasks.local.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where the parts of a running LOTUS answer.

    ``redis_url`` is as redis-py reads it (``unix:///…/valkey.sock?db=0``), ``broker_url`` as kombu reads it.
    ``embedded``: the services that are LOTUS's own ("redis", "postgres", "chroma").
    ``settings``: every setting that is no secret, by its name ("LOTUS_LEASE_S"), as JSON.
    ``secret_marks``: by which `up` sees that a secret has changed since (stack/secret_marks.py).
    """

    home: Path
    database_url: str
    redis_url: str
    broker_url: str
    chroma_url: str
    gateway_url: str
    flower_url: str
    supervisor_socket: Path
    embedded: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret_marks: Mapping[str, str] = field(default_factory=dict)

    def setting(self, name: str) -> Any:
        """The value of one setting. Raises KeyError for a name that settings.py doesn't have."""
        return self.settings[name]

    def save(self) -> None:
        """Writes the file at once as a whole, readable by its owner only."""
        document = asdict(self) | {
            "home": str(self.home),
            "supervisor_socket": str(self.supervisor_socket),
            "embedded": sorted(self.embedded),
            "settings": dict(self.settings),
            "secret_marks": dict(self.secret_marks),
        }
        write_private(Home(self.home).runtime_file, json.dumps(document, indent=1, ensure_ascii=False))


def load_runtime(home: Home | None = None) -> Runtime:
    """The running system's endpoints. Raises NotRunning when LOTUS wasn't started in this home."""
    home = Home.locate() if home is None else home
    try:
        document = json.loads(home.runtime_file.read_bytes())
        return Runtime(
            **document
            | {
                "home": Path(document["home"]),
                "supervisor_socket": Path(document["supervisor_socket"]),
                "embedded": frozenset(document["embedded"]),
            }
        )
    except FileNotFoundError as error:
        raise NotRunning(f"LOTUS is not running in {home.path}; start it with `python manage.py up`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = (
            f"{home.runtime_file} can't be read ({error}); run `python manage.py down`, then `python manage.py up`"
        )
        raise NotRunning(message) from error


def write_private(path: Path, text: str) -> None:
    """Replaces ``path`` by ``text`` in one step, mode 0600: a reader sees the old or the new whole."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
