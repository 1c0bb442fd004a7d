"""A client that carries a key or a private question stays with the server it was made for."""

from __future__ import annotations

from typing import Any

from lotus_tasks.providers.models import FailureKind, ModelUnavailable, ProviderRow

_PORTS = {"http": 80, "https": 443}


def stay_at_origin(client: Any, row: ProviderRow) -> None:
    """Let ``client`` (an httpx or httpx2 Client) follow no redirect to another scheme, host or port.

    Only ``Authorization`` is taken off a redirected request by httpx; a vendor's own key header and the body go along.
    """

    def refuse(response: Any) -> None:
        if not response.has_redirect_location:
            return
        asked = response.request.url
        target = asked.join(response.headers["location"])
        if _origin(target) == _origin(asked):
            return
        where = f"{target.scheme}://{target.netloc.decode('ascii', 'replace').rpartition('@')[2]}"
        raise ModelUnavailable(
            FailureKind.REDIRECTED,
            "redirected elsewhere",
            f"{row.name} at {row.base_url} redirects to {where}, which gets neither key nor question; if that is the "
            "server, set it as the address",
        )

    client.event_hooks = {**client.event_hooks, "response": [*client.event_hooks["response"], refuse]}


def _origin(url: Any) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)
