"""What a server that refuses a request says it doesn't know, so that the request can do without."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

_FIELDS = {
    "stream_options": re.compile(r"stream_options|include_usage"),
    "tools": re.compile(r"\btools?\b|tool_choice|tool[- ]calls?|function[- ]calling|\bfunctions\b", re.IGNORECASE),
    "max_tokens": re.compile(r"\bmax_tokens\b"),
    "max_completion_tokens": re.compile(r"\bmax_completion_tokens\b"),
    "temperature": re.compile(r"\btemperature\b", re.IGNORECASE),
    "system": re.compile(
        r"(?:system|developer)[- ](?:role|prompt|message|instruction)|role\W.{0,30}\bsystem|\bsystem\b.{0,20}\brole|"
        r"roles must alternate|only user(?:,| and) (?:assistant|model)\b.{0,20}\broles",
        re.IGNORECASE,
    ),
    "stream": re.compile(r"\bstream(?:ing)?\b", re.IGNORECASE),
}
_UNABLE = (
    r"unsupported|not (?:be )?supported|(?:does(?:n't| not)|cannot|can't) support|requires|not (?:enabled|implemented)"
)
_REFUSED = re.compile(
    _UNABLE
    + r"|roles are supported|(?:only|not) allowed|endpoints? found that support|valid dictionary or object"
    + r"|unknown|unrecogni[sz]ed|unexpected|extra_forbidden|extra (?:inputs|fields)|not (?:permitted|allowed|available)|"
    r"forbidden|invalid (?:parameter|argument|field|value)|no such|must (?:not|alternate)",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model [`'\"][^`'\"]+[`'\"] (?:is not supported|was not found|not found|does not exist)", re.IGNORECASE
)
"""It is the model that is refused, whatever its name reads like."""
_INABILITY = re.compile(_UNABLE, re.IGNORECASE)


def refused_fields(status: int, said: str, body: Any, sent: Collection[str]) -> set[str]:
    """Which of the fields that were ``sent`` an error names as unknown or unsupported.

    ``stream`` only where nothing else is named. A server's fault (500) counts where it says that it lacks an ability, as
    llama.cpp does for tools.
    """
    if status not in {400, 404, 415, 422, 500, 501}:
        return set()
    if _MODEL.search(said):
        return set()
    told = " ".join([said, *_places(body)])
    if not (_INABILITY if status >= 500 else _REFUSED).search(told):
        return set()
    named = {name for name, pattern in _FIELDS.items() if name in sent and pattern.search(told)}
    return named - {"stream"} or named


def _places(body: Any) -> list[str]:
    """Where the error is, as OpenAI (``param``, ``code``) and FastAPI (``loc``, ``type``) write it."""
    if isinstance(body, list):
        return [place for part in body for place in _places(part)]
    if not isinstance(body, Mapping):
        return []
    found = [str(body[name]) for name in ("param", "code", "type") if body.get(name)]
    found += map(str, body["loc"]) if isinstance(body.get("loc"), list) else ()
    return [*found, *_places(body.get("error")), *_places(body.get("detail"))]
