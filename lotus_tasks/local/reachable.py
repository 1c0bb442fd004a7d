"""Whether a service answers at its URL, and how that URL is shown."""

from __future__ import annotations

import http.client
import re
from http import HTTPStatus
from urllib.parse import urlsplit

from lotus_tasks.local.http_address import connection_to, credentials

PART_LIMIT_S = 1.5
"""What one part may take to answer."""
_PROBE_LIFE_S = 5


def ask_redis(url: str) -> bool:
    """True where it takes what is written (one that is full still answers PING); else redis.RedisError is raised."""
    import redis

    with redis.Redis.from_url(url, socket_connect_timeout=PART_LIMIT_S / 2, socket_timeout=PART_LIMIT_S / 2) as client:
        return bool(client.set("lotus:probe", 1, ex=_PROBE_LIFE_S))


def ask_http(url: str, path: str, *, token: str = "") -> bool:
    """True where a GET of ``path`` below an address is answered with 200; else OSError or http.client.HTTPException is raised."""
    connection = connection_to(url, timeout_s=PART_LIMIT_S)
    try:
        connection.request("GET", urlsplit(url).path.rstrip("/") + path, headers=credentials(token))
        status = connection.getresponse().status
        if status != HTTPStatus.OK:
            raise http.client.HTTPException(f"HTTP {status}")
        return True
    finally:
        connection.close()


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"(?i)([?&]password=)[^&#]*", r"\1******", re.sub(r"(://[^/@:]*):[^/]*@", r"\1:******@", url))
