from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from lotus_tasks.providers.adapters.failures import from_status, parse_retry_after, scrub
from lotus_tasks.providers.models import FailureKind, ModelRefusal, ModelUnavailable
from lotus_tasks.values import utc_now
from tests.unit.providers.service.doubles import row

SECRET = "zzz-very-private"


@pytest.mark.parametrize(
    "text",
    [
        f"bad key {SECRET}!",
        "Incorrect API key provided: sk-proj-abcdefgh1234",
        "Authorization: Bearer abc.def",
        "api_key=AIzaSyA1234567890",
        "gsk_abcdefghijkl",
    ],
)
def test_keys_never_survive_in_a_text(text):
    cleaned = scrub(text, SECRET)
    assert "***" in cleaned
    assert not any(part in cleaned for part in (SECRET, "abcdefgh", "abc.def", "AIzaSy"))


def test_a_text_becomes_one_short_line():
    assert len(scrub("word\n" * 500)) == 300
    assert "\n" not in scrub("a\nb")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({}, None),
        ({"Retry-After": "soon"}, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_milliseconds(headers, seconds):
    assert parse_retry_after(headers) == seconds


def test_retry_after_is_read_as_a_date():
    when = format_datetime(utc_now() + timedelta(seconds=30), usegmt=True)
    assert 25 < parse_retry_after({"Retry-After": when}) <= 30


def test_a_retry_after_in_the_past_is_now():
    when = format_datetime(utc_now() - timedelta(seconds=30), usegmt=True)
    assert parse_retry_after({"Retry-After": when}) == 0.0


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, "", FailureKind.WRONG_KEY),
        (403, "", FailureKind.WRONG_KEY),
        (400, "API key not valid. Please pass a valid API key.", FailureKind.WRONG_KEY),
        (404, "model 'x' not found", FailureKind.UNKNOWN_MODEL),
        (400, "The model `x` does not exist", FailureKind.UNKNOWN_MODEL),
        (400, "maximum context length is 8192 tokens", FailureKind.CONTEXT_EXCEEDED),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", FailureKind.CONTEXT_EXCEEDED),
        (413, "", FailureKind.CONTEXT_EXCEEDED),
        (400, "registry.ollama.ai/library/x does not support tools", FailureKind.NOT_CAPABLE),
        (422, "temperature must be a number", FailureKind.BAD_REQUEST),
    ],
)
def test_a_refusal_is_told_from_its_words(status, text, kind):
    failure = from_status(row("p"), status, text)
    assert isinstance(failure, ModelRefusal)
    assert failure.kind is kind


@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_what_may_pass_is_transient(status):
    assert isinstance(from_status(row("p"), status, "busy"), ModelUnavailable)
