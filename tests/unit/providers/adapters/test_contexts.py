from __future__ import annotations

import pytest

from lotus_tasks.providers.adapters.contexts import listed_context, props_url, refused_sizes
from lotus_tasks.providers.adapters.failures import from_status
from lotus_tasks.providers.models import FailureKind, ModelRefusal
from tests.unit.providers.service.doubles import row


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"id": "m", "meta": {"n_ctx": 2048, "n_ctx_train": 131072}}, 2048),
        ({"id": "m", "meta": {"n_ctx_train": 131072}}, 131072),
        ({"id": "m", "max_model_len": 4096}, 4096),
        ({"id": "m", "context_length": 200000, "top_provider": {"context_length": 160000}}, 160000),
        ({"id": "m", "context_window": "8192"}, 8192),
        ({"id": "m", "loaded_context_length": 4096, "max_context_length": 32768}, 4096),
        ({"default_generation_settings": {"n_ctx": 1024}, "total_slots": 4}, 1024),
        ({"id": "m"}, None),
        ({"id": "m", "meta": None, "context_length": "unknown"}, None),
        ({"id": "m", "context_length": 0}, None),
        ({"id": "m", "context_length": True}, None),
    ],
)
def test_a_context_is_read_from_what_a_server_lists(told, tokens):
    assert listed_context(told) == tokens


@pytest.mark.parametrize(
    ("said", "body", "sizes"),
    [
        (
            "request (5012 tokens) exceeds the available context size (2048 tokens), try increasing it",
            None,
            (2048, 5012),
        ),
        ("the request exceeds the available context size", {"n_ctx": 2048, "n_prompt_tokens": 5012}, (2048, 5012)),
        ("too long", {"error": {"n_ctx": 2048, "n_prompt_tokens": 5012}}, (2048, 5012)),
        ("context window overflow: n_ctx = 2048", None, (2048, None)),
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
            None,
            (8192, 9001),
        ),
        (
            "This model's maximum context length is 8,192 tokens. However, you requested 9,001 tokens (8,001 in the messages).",
            None,
            (8192, 8001),
        ),
        ("maximum context length is 4096 tokens and your request has 5000 input tokens", None, (4096, 5000)),
        ("Requested tokens (5000) exceed context window of 2048", None, (2048, 5000)),
        ("prompt is too long: 210000 tokens > 200000 maximum", None, (200000, 210000)),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            None,
            (1048576, 1200000),
        ),
        ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length", None, (32768, 40000)),
        (
            "Trying to keep the first 4567 tokens. The model is loaded with context length of only 4096 tokens",
            None,
            (4096, 4567),
        ),
        ("The prompt does not fit the context window", None, (None, None)),
    ],
)
def test_the_sizes_are_read_from_a_refusal(said, body, sizes):
    assert refused_sizes(said, body) == sizes
    failure = from_status(row("p"), 413, said, body=body)
    assert isinstance(failure, ModelRefusal)
    assert failure.kind is FailureKind.CONTEXT_EXCEEDED
    assert (failure.context_tokens, failure.prompt_tokens) == sizes


def test_a_context_overrun_is_no_outage_whatever_its_status():
    failure = from_status(row("p"), 500, "the request exceeds the available context size. try increasing it")
    assert isinstance(failure, ModelRefusal)
    assert failure.kind is FailureKind.CONTEXT_EXCEEDED


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080"])
def test_the_properties_stand_beside_the_api(base):
    assert props_url(base) == "http://127.0.0.1:8080/props"
