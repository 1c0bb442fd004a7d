"""Turns what a vendor's SDK raises into ModelUnavailable or ModelRefusal, with no key in the text."""

from __future__ import annotations

import email.utils
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from lotus_tasks.errors import LotusError
from lotus_tasks.providers.adapters.contexts import refused_sizes
from lotus_tasks.providers.adapters.pages import is_page_text
from lotus_tasks.providers.models import FailureKind, ModelRefusal, ModelUnavailable, ProviderRow
from lotus_tasks.providers.ports import Watch
from lotus_tasks.providers.service.guarding import UNEXPECTED
from lotus_tasks.values import utc_now

log = structlog.get_logger("lotus.providers")

_LONGEST = 300
"""Characters of a vendor's message that are kept."""

_KEY_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key|AIza)[-_]?[A-Za-z0-9*_\-]{8,}|(?i:bearer)\s+\S+|(?i:api[-_ ]?key)\s*[=:]\s*\S+"
)
_CONTEXT_WORDS = re.compile(
    r"context.{0,20}(?:length|window|size)|too many (?:input )?tokens|prompt is too long|maximum.{0,20}tokens|\bn_ctx\b|"
    r"max_new_tokens`? must be",
    re.IGNORECASE,
)
_CONTEXT_OVERRUN = re.compile(
    r"exceeds? the (?:available )?context|context.{0,40}(?:exceeded|overflow)|exceed_context", re.IGNORECASE
)
"""What it is called where the status speaks of a server's fault."""
_MODEL_WORDS = re.compile(
    r"model.{0,80}(?:not found|does not exist|unknown|not exist|not available)|no such model|unknown model",
    re.IGNORECASE,
)
_KEY_WORDS = re.compile(r"api[ _-]?key|unauthorized|authentication|credential", re.IGNORECASE)
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
"""What reading a reply of another shape raises."""
_STATUSES = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "context_length_exceeded": 400,
}
"""The statuses that belong to the words of OpenAI (``code``) and Anthropic (``type``) for an error."""
_TOOL_WORDS = re.compile(r"does not support (?:tools|images|vision)|image input", re.IGNORECASE)


def scrub(text: str, *secrets: str) -> str:
    """``text`` on one line, shortened, with every secret, and whatever looks like a key, replaced by ``***``."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(_KEY_SHAPES.sub("***", text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or an HTTP date, RFC 9110 10.2.3)."""
    lower = {name.lower(): value for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = lower.get(name, "").strip()
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            pass
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(lower["retry-after"]) - utc_now()).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def from_status(
    row: ProviderRow,
    status: int,
    text: str,
    headers: Mapping[str, str] | None = None,
    *,
    model: str = "",
    body: Any = None,
) -> ModelUnavailable | ModelRefusal:
    """The failure that an HTTP ``status`` with the message ``text`` stands for; ``body``: what it came in."""
    said = "a web page" if is_page_text(text) else scrub(text, row.api_key)
    where = f"{row.name}: HTTP {status}" + (f": {said}" if said else "")
    retry_after_s = parse_retry_after(headers or {})
    if status == 429:
        return ModelUnavailable(FailureKind.RATE_LIMITED, "429 too many requests", where, retry_after_s=retry_after_s)
    if status in {408, 409, 425} or (status >= 500 and not _CONTEXT_OVERRUN.search(text)):
        return ModelUnavailable(FailureKind.SERVER_FAULT, str(status), where, retry_after_s=retry_after_s)
    kind, summary, advice = _refusal(row, status, text, model)
    sizes = refused_sizes(text, body) if kind is FailureKind.CONTEXT_EXCEEDED else (None, None)
    return ModelRefusal(kind, summary, f"{where}{advice}", context_tokens=sizes[0], prompt_tokens=sizes[1])


def _refusal(row: ProviderRow, status: int, text: str, model: str) -> tuple[FailureKind, str, str]:
    if status in {401, 403} or (status == 400 and _KEY_WORDS.search(text)):
        key = row.key_variable or "its key"
        return FailureKind.WRONG_KEY, f"wrong key ({status})", f"; check {key}"
    if status == 413 or status >= 500 or _CONTEXT_WORDS.search(text):
        return FailureKind.CONTEXT_EXCEEDED, "context too long", "; choose a model with more context"
    if status == 404 or _MODEL_WORDS.search(text):
        return (
            FailureKind.UNKNOWN_MODEL,
            f"unknown model {model}".rstrip(),
            f"; `manage.py providers models {row.name}` lists what there is",
        )
    if _TOOL_WORDS.search(text):
        return FailureKind.NOT_CAPABLE, "not capable", ""
    return FailureKind.BAD_REQUEST, f"refused the request ({status})", ""


@contextmanager
def translated(row: ProviderRow, *, watch: Watch | None = None) -> Iterator[None]:
    """Within the block, network errors and unreadable replies become failures.

    An SDK may wrap or swallow what the Watch raised; the Watch is asked first, and it repeats itself.
    """
    try:
        yield
    except LotusError:
        raise
    except Exception as error:  # noqa: BLE001 - every SDK has errors of its own
        if watch is not None:
            watch.check()
        raise _translate(row, error) from None


def _translate(row: ProviderRow, error: Exception) -> Exception:
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, LotusError):
            return cause
    if isinstance(error, ImportError):
        missing = error.name or str(error)
        said = f"{row.name}: the package {missing} isn't installed; ./start_lotus.sh installs it"
        return ModelRefusal(FailureKind.NOT_CAPABLE, f"package {missing} is missing", said)
    said = scrub(_own_words(chain), row.api_key)
    names = {type(cause).__name__ for cause in chain}
    unavailable: tuple[FailureKind, str] | None = None
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        unavailable = FailureKind.UNRESOLVED, "name not found (DNS)"
    elif names & {
        "ConnectTimeout",
        "ReadTimeout",
        "WriteTimeout",
        "PoolTimeout",
        "APITimeoutError",
        "TimeoutException",
    }:
        unavailable = FailureKind.NO_FIRST_TOKEN, "timed out"
    elif names & {"ConnectError", "ConnectionRefusedError"} or (type(error) is ConnectionError):
        unavailable = FailureKind.REFUSED, "connection refused"
    elif names & {
        "RemoteProtocolError",
        "ReadError",
        "WriteError",
        "IncompleteRead",
        "ConnectionResetError",
        "BrokenPipeError",
    }:
        unavailable = FailureKind.CUT, "connection cut"
    elif any(isinstance(cause, _UNREADABLE) for cause in chain):
        log.info("a reply could not be read", provider=row.name, reason=repr(error))
        unavailable = FailureKind.GARBAGE, "unreadable reply"
    if unavailable is None:
        log.warning("a provider's adapter failed", provider=row.name, exc_info=error)
        unavailable = FailureKind.SERVER_FAULT, UNEXPECTED
    kind, summary = unavailable
    return ModelUnavailable(kind, summary, f"{row.name} at {row.base_url}: {summary}" + (f" ({said})" if said else ""))


def _own_words(chain: list[BaseException]) -> str:
    """What an error says to a person; "" where it speaks of Python."""
    if any(isinstance(cause, json.JSONDecodeError) for cause in chain):
        return "it is no JSON"
    if any(isinstance(cause, UnicodeError) for cause in chain):
        return "it is no UTF-8 text"
    last = next((cause for cause in chain if type(cause) is ValueError), chain[-1])
    if isinstance(last, RecursionError):
        return "it is nested too deep"
    if isinstance(last, (*_UNREADABLE, StopIteration)) and not isinstance(last, ValueError):
        return "its fields aren't those of this kind of server"
    if isinstance(last, ValueError) and type(last) is not ValueError:  # pydantic's
        return "its fields aren't those of this kind of server"
    return str(last)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def message_of(body: Any, fallback: str = "") -> str:
    """The human part of a vendor's error body, whichever way it is written; "" or ``fallback`` where there is none."""
    if isinstance(body, Mapping):
        found = next((body[name] for name in ("error", "message", "detail", "msg") if body.get(name)), None)
        if found is None:
            return fallback or (json.dumps(dict(body), default=str) if body else "")
        return message_of(found, fallback)
    if isinstance(body, list):
        return "; ".join(filter(None, (message_of(part) for part in body))) or fallback
    return str(body) if body else fallback


def from_error(row: ProviderRow, error: Any, *, begun: bool, model: str = "") -> ModelUnavailable | ModelRefusal:
    """The failure that an error object stands for where the status said that all is well.

    ``begun``: the reply had begun, so it isn't the request that is wrong.
    """
    said = message_of(error)
    code = _code_of(error)
    if not begun and code is None and _CONTEXT_WORDS.search(said):
        code = 400
    if not begun and code is not None and 400 <= code < 600:
        return from_status(row, code, said, model=model, body=error)
    how = f"{'failed mid-stream' if begun else 'failed'}: {scrub(said, row.api_key) or 'without a reason'}"
    return ModelUnavailable(FailureKind.SERVER_FAULT, how, f"{row.name}: {how}")


def _code_of(error: Any) -> int | None:
    """The status that an error object names, as a number or in a vendor's word."""
    if not isinstance(error, Mapping):
        return None
    for name in ("code", "status", "type"):
        word = str(error.get(name) or "")
        if word.isdecimal() or word.lower() in _STATUSES:
            return int(word) if word.isdecimal() else _STATUSES[word.lower()]
    return None
