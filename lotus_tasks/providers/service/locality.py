"""Which providers, and which of their models, run on this machine: what must not leave it is put to them alone."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from lotus_tasks.providers.models import (
    Among,
    CompletionRequest,
    FailureKind,
    ModelName,
    ModelRefusal,
    ProviderRow,
)

_HERE: Final = frozenset({"localhost", "host.docker.internal", "ollama"})
"""Names of this machine. The last two as a container knows them: its host, and docker-compose.yml's own Ollama."""
_REMOTE: Final = ("-cloud", ":cloud")
"""How the tags of models end that an Ollama on this machine only passes on to ollama.com."""


def is_here(row: ProviderRow) -> bool:
    """Whether the provider's own address is on this machine. Whose software answers there makes no difference."""
    host = (urlsplit(row.base_url).hostname or "").rstrip(".")
    if host in _HERE or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def keep_here(request: CompletionRequest, row: ProviderRow, model: ModelName) -> None:
    """Raises ModelRefusal where the request must stay on this machine and the model is elsewhere."""
    if request.among is not Among.LOCAL or (is_here(row) and not model.endswith(_REMOTE)):
        return
    summary = f"{model} does not run on this machine"
    raise ModelRefusal(FailureKind.NOT_CAPABLE, summary, f"{row.name}: {summary}; name another model")
