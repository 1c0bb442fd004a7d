"""Where a call would carry text to, by a name that is the same however the address is written, or by none."""

from __future__ import annotations

import pytest

from lotus_tasks.destinations import UNNAMED, host_of, read_destination
from lotus_tasks.errors import InvalidInput


@pytest.mark.parametrize(
    ("address", "destination"),
    [
        ("https://example.org", "host:example.org"),
        (" HTTPS://Example.ORG/a?b=c#d ", "host:example.org"),
        ("http://example.org:80/", "host:example.org"),
        ("https://example.org:443?q=1", "host:example.org"),
        ("http://example.org:8080/x", "host:example.org:8080"),
        ("https://example.org:80/", "host:example.org:80"),
        ("http://127.0.0.1:0080/", "host:127.0.0.1"),
        ("https://evil.example/?https://example.org/", "host:evil.example"),
    ],
)
def test_a_plain_address_has_a_destination(address: str, destination: str):
    assert host_of(address) == destination


@pytest.mark.parametrize(
    "address",
    [
        "", None, 3, ["https://example.org"], "example.org", "ftp://example.org", "https:///x", "https://",
        "https://example.org@evil.example/", "https://u:p@example.org/", "https://evil.example\\@example.org/",
        "https://example.org\\.evil.example/", "https://exa mple.org/", "https://example.org/a b", "https://example.org/\n",
        "https://example.org\t.evil.example", "https://example..org/", "https://exämple.org/", "https://ex\u200bample.org/",
        "https://example.org:x/", "https://example.org:123456/", "https://[::1]/", "https://.example.org", "https://example.org./",
        "//example.org/", "https:example.org", "https://example.org%2eevil.example/",
    ],
)  # fmt: skip
def test_one_that_others_may_read_otherwise_has_none(address: object):
    assert host_of(address) == (UNNAMED if address != "https://example.org/\n" else "host:example.org")


@pytest.mark.parametrize(
    ("said", "destination"),
    [
        ("host:Example.org", "host:example.org"),
        ("host:example.org:8080", "host:example.org:8080"),
        ("https://example.org/a/b", "host:example.org"),
        ("server:notes", "server:notes"),
    ],
)
def test_what_a_person_writes_is_a_destination(said: str, destination: str):
    assert read_destination(said) == destination


@pytest.mark.parametrize("said", ["", "example.org", "host:", "host:*", "*", "unnamed", "server:", "server:a b", "host:a/b"])
def test_anything_else_is_refused(said: str):
    with pytest.raises(InvalidInput, match="is no destination"):
        read_destination(said)
