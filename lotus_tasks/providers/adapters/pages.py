"""A web page where a model's answer should be: a login page, a proxy's, or that of another program at the address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from lotus_tasks.providers.models import FailureKind, ModelRefusal, ModelUnavailable, ProviderRow

_TELLS_ENOUGH = frozenset({401, 407, 408, 413, 425, 429})
"""Statuses of a request's error that say what is wrong whatever comes with them; so does each of 500 and more."""


def refuse_pages(client: Any, row: ProviderRow) -> None:
    """Let ``client`` (an httpx or httpx2 Client) raise where a page comes instead of an answer.

    ModelUnavailable for a page that says that all is well: it goes when somebody has signed in.
    ModelRefusal for one that refuses.
    """

    def refuse(response: Any) -> None:
        status = response.status_code
        if not is_page(response.headers.get("content-type", "")) or response.has_redirect_location:
            return
        if status < 400:
            summary = _summary(row)
            raise ModelUnavailable(FailureKind.GARBAGE, summary, f"{row.name}: {summary}; check the address")
        if status < 500 and status not in _TELLS_ENOUGH:
            summary = f"{_summary(row)} ({status})"
            raise ModelRefusal(FailureKind.BAD_REQUEST, summary, f"{row.name}: {summary}; check the address")

    client.event_hooks = {**client.event_hooks, "response": [*client.event_hooks["response"], refuse]}


def is_page(content_type: str) -> bool:
    """Whether a body of this type is for a browser."""
    return "html" in content_type.lower()


def is_page_text(text: str) -> bool:
    """Whether ``text`` is a page's source."""
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<head", "<?xml"))


def _summary(row: ProviderRow) -> str:
    parts = urlsplit(row.base_url)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return f"{address} answered with a web page instead of JSON"
