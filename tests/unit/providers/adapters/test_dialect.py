"""What servers say of the fields they don't know, each in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from lotus_tasks.providers.adapters.dialect import refused_fields
from lotus_tasks.providers.adapters.failures import message_of

SENT = {"stream_options", "tools", "max_tokens", "temperature", "system", "stream", "messages", "model"}


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


REFUSALS: list[tuple[int, Any, set[str]]] = [
    (
        400,
        {
            "error": {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model.",
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            }
        },
        {"max_tokens"},
    ),
    (
        400,
        {
            "error": {
                "message": "Unsupported value: 'temperature' does not support 0.2 with this model.",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "unsupported_value",
            }
        },
        {"temperature"},
    ),
    (
        400,
        {
            "error": {
                "message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                "type": "invalid_request_error",
                "param": "messages[0].role",
                "code": "unsupported_value",
            }
        },
        {"system"},
    ),
    (
        400,
        {
            "error": {
                "message": "Unrecognized request argument supplied: stream_options",
                "type": "invalid_request_error",
                "param": None,
            }
        },
        {"stream_options"},
    ),
    (
        422,
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "stream_options"],
                    "msg": "Extra inputs are not permitted",
                    "input": {"include_usage": True},
                }
            ]
        },
        {"stream_options"},
    ),
    (
        400,
        {
            "object": "error",
            "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'not permitted'}]",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        {"stream_options"},
    ),
    (
        400,
        {
            "object": "error",
            "message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
            "type": "BadRequestError",
            "code": 400,
        },
        {"tools"},
    ),
    (500, {"error": {"message": "tools param requires --jinja flag", "code": 500, "type": "server_error"}}, {"tools"}),
    (500, {"error": {"message": "System role not supported", "code": 500, "type": "server_error"}}, {"system"}),
    (
        400,
        {"error": 'Error rendering prompt with jinja template: "Error: Only user and assistant roles are supported!".'},
        {"system"},
    ),
    (
        400,
        {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400},
        {"system"},
    ),
    (
        400,
        {
            "object": "error",
            "message": "Conversation roles must alternate user/assistant/user/assistant/...",
            "type": "BadRequestError",
            "code": 400,
        },
        {"system"},
    ),
    (
        400,
        {
            "object": "error",
            "message": "roles must alternate user/assistant/... System role not supported",
        },
        {"system"},
    ),
    (
        400,
        {"error": {"message": "Invalid 'stream_options': stream_options is only allowed when stream is true"}},
        {"stream_options"},
    ),
    (400, {"error": {"message": "This model does not support function calling"}}, {"tools"}),
    (400, {"error": {"message": "model does not support tool use"}}, {"tools"}),
    (
        404,
        {
            "error": {
                "message": "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing",
                "code": 404,
            }
        },
        {"tools"},
    ),
    (
        400,
        {"error": {"message": "`tool calling` is not supported with this model", "type": "invalid_request_error"}},
        {"tools"},
    ),
    (
        400,
        {"error": {"message": "registry.ollama.ai/library/gemma:2b does not support tools", "type": "api_error"}},
        {"tools"},
    ),
    (
        422,
        {
            "detail": [
                {"loc": ["body", "tools"], "msg": "extra fields not permitted", "type": "value_error.extra"},
                {"loc": ["body", "stream_options"], "msg": "extra fields not permitted", "type": "value_error.extra"},
            ]
        },
        {"stream_options", "tools"},
    ),
    (400, {"error": {"message": "Streaming is not supported for this model"}}, {"stream"}),
    (
        400,
        {
            "error": {
                "message": "Unsupported value: 'stream' does not support true with this model.",
                "param": "stream",
                "code": "unsupported_value",
            }
        },
        {"stream"},
    ),
    (
        400,
        {
            "error": {
                "message": "Developer instruction is not enabled for models/gemma-3-27b-it",
                "code": 400,
                "status": "INVALID_ARGUMENT",
            }
        },
        {"system"},
    ),
    (400, {"error": {"message": "Function calling is not enabled for models/gemma-3-27b-it"}}, {"tools"}),
    (
        400,
        {"error": {"message": "Invalid parameter: 'temperature' and 'top_p' cannot both be specified"}},
        {"temperature"},
    ),
    (400, {"message": "property 'stream_options' is unsupported, did you mean 'stream'?"}, {"stream_options"}),
    (
        400,
        {"error": {"message": "property 'stream_options' is unsupported", "type": "invalid_request_error"}},
        {"stream_options"},
    ),
    (400, {"error": {"message": 'json: unknown field "stream_options"'}}, {"stream_options"}),
    (
        400,
        {"error": {"message": "Input should be a valid dictionary or object to extract fields from: tool_choice"}},
        {"tools"},
    ),
]
NO_REFUSALS: list[tuple[int, Any]] = [
    (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 4096 tokens. You requested 5000; max_tokens is too large"
            }
        },
    ),
    (400, {"error": {"message": "Incorrect API key provided"}}),
    (
        404,
        {
            "error": {
                "message": "The model `nosuch` does not exist or you do not have access to it.",
                "code": "model_not_found",
            }
        },
    ),
    (404, {"error": {"message": "model 'tools-7b' not found"}}),
    (400, {"error": {"message": "The model `tools` is not supported"}}),
    (
        400,
        {
            "error": {
                "message": "Invalid schema for function 'search': In context=(), 'additionalProperties' is required.",
                "param": "tools[0].function.parameters",
                "code": "invalid_function_parameters",
            }
        },
    ),
    (500, {"error": {"message": "System overloaded, not supported right now role"}}),
]


def shown(value: Any) -> str:
    """A case's name, the same in every process: a set has no order of its own."""
    return message_of(sorted(value) if isinstance(value, set) else value)[:60]


@pytest.mark.parametrize(("status", "body", "refused"), REFUSALS, ids=shown)
def test_a_field_that_a_server_names_as_unknown_is_left_out(status: int, body: Any, refused: set[str]):
    assert refused_fields(status, message_of(body), body, SENT) == refused


@pytest.mark.parametrize(("status", "body"), NO_REFUSALS, ids=lambda value: message_of(value)[:60])
def test_another_fault_is_not_taken_for_one(status: int, body: Any):
    assert refused_fields(status, message_of(body), body, SENT) == set()


def test_a_field_that_was_not_sent_is_not_refused():
    body = said("Extra inputs are not permitted: stream_options")
    assert refused_fields(400, message_of(body), body, SENT - {"stream_options"}) == set()
    body = said("extra fields not permitted: max_completion_tokens")
    assert refused_fields(422, message_of(body), body, SENT | {"max_completion_tokens"}) == {"max_completion_tokens"}
