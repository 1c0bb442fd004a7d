"""What a setting may be: the types of settings.py, and how each is told to a person."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field


def url_of(*schemes: str) -> AfterValidator:
    """Checks that a value is a URL of one of these schemes."""

    def check(value: str) -> str:
        parts = urlsplit(value)
        port = parts.port  # raises ValueError for what is no port
        if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")) or port == 0:
            raise ValueError("not such a URL")
        return value

    return AfterValidator(check)


def ollama_url(value: str) -> str:
    """Ollama itself allows ``host``, ``host:port`` and a URL."""
    url = value if "://" in value else f"http://{value}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not such a URL")
    return url.rstrip("/") if parts.port else f"{parts.scheme}://{parts.hostname}:11434"


def split(value: object) -> object:
    """The parts of what is written with commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    """Checks that there is one at least and none twice."""
    if not value or len(set(value)) != len(value):
        raise ValueError("each name once, at least one")
    return value


HTTP = "a URL: http://host:port or https://…"
SLOTS = "a whole number from 1 to 64"
SECONDS = "seconds, more than 0"
ITEMS = "a whole number from 1 to 100000"
PORT = "a port from 1 to 65535"
HttpUrl = Annotated[str, url_of("http", "https")]
Slots = Annotated[int | None, Field(ge=1, le=64)]
Port = Annotated[int | None, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
Hours = Annotated[int, Field(ge=1, le=8760)]
Items = Annotated[int, Field(ge=1, le=100_000)]
ProviderNames = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")], ...],
    BeforeValidator(split),
    AfterValidator(each_once),
]
