"""Why a model stopped, from the words of every vendor and of the servers that imitate them."""

from __future__ import annotations

from typing import Any

from lotus_tasks.providers.models import FailureKind, ModelUnavailable, ProviderRow, StopReason

_REASONS = {
    StopReason.STOP: ("stop", "end_turn", "stop_sequence", "eos", "eos_token", "pause_turn"),
    StopReason.LENGTH: ("length", "max_tokens", "max_length", "model_length", "model_context_window_exceeded"),
    StopReason.TOOL_CALLS: ("tool_calls", "tool_use", "function_call"),
    StopReason.FILTERED: (
        "content_filter",
        "content-filter",
        "refusal",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "language",
        "image_safety",
        "model_armor",
    ),
}
"""Finish reasons of OpenAI, vLLM, SGLang and Mistral; done reasons of Ollama; stop reasons of Anthropic; of Gemini."""
_WORDS = {word: reason for reason, words in _REASONS.items() for word in words}
_FAULTS = frozenset(
    {
        "error",
        "abort",
        "insufficient_system_resource",
        "other",
        "malformed_function_call",
        "malformed_response",
        "unexpected_tool_call",
        "too_many_tool_calls",
        "missing_thought_signature",
    }
)
"""A server's word for a reply that it broke off itself: OpenRouter, SGLang, DeepSeek, Gemini."""


def read_stop(row: ProviderRow, word: Any, *, has_calls: bool = False) -> StopReason:
    """The reason that a vendor's ``word`` stands for; one that nobody knows is a plain end.

    ``has_calls``: tools were called, whatever plain end the server names: many say ``stop``.
    Raises ModelUnavailable for a reply that the server itself calls broken, ValueError for a word that is no text.
    """
    if not isinstance(word, str):
        raise ValueError(f"a stop reason that is a {type(word).__name__}")  # noqa: TRY004 - it is the server's reply
    name = word.lower()
    if name in _FAULTS:
        said = f"broke its reply off ({name})"
        raise ModelUnavailable(FailureKind.SERVER_FAULT, said, f"{row.name}: {said}")
    reason = _WORDS.get(name, StopReason.STOP)
    return StopReason.TOOL_CALLS if has_calls and reason is StopReason.STOP else reason
