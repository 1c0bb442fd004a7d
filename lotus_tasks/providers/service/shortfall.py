"""What a prompt had to do without: what a server cut without a word, told by its own count, and tools that had no room."""

from __future__ import annotations

from lotus_tasks.providers.models import CompletionRequest, ProviderKind, ProviderName, ProviderRow, Usage
from lotus_tasks.providers.service.prompt import Prompt

_CHARACTERS = 8
"""No text of a prompt's length has fewer tokens than one for so many characters: English has one for 4, other scripts more."""
_LEAST_CHARACTERS = 4000
"""A shorter prompt fits any context."""


def cut_prompt(row: ProviderRow, request: CompletionRequest, usage: Usage, prompt: Prompt) -> str:
    """The line for ``degraded`` where Ollama read far less than it was sent, else "".

    It cuts a prompt to its context without an error, the oldest first. One that counts nothing had it all in its cache.
    """
    if row.kind is not ProviderKind.OLLAMA or usage.estimated or not usage.input_tokens or request.needs_images:
        return ""
    characters = sum(len(message.content) for message in prompt.messages)
    if characters < _LEAST_CHARACTERS or usage.input_tokens >= characters / _CHARACTERS:
        return ""
    read = f"read only {usage.input_tokens} tokens of a prompt of {characters} characters"
    return (
        f"{row.name}: {read}: it was cut; give Ollama more context, or set the provider's context_tokens to what it has"
    )


def left_out_tools(provider: ProviderName, request: CompletionRequest, prompt: Prompt, context_tokens: int) -> str:
    """The line for ``degraded`` where the model's context had no room for all tools, else ""."""
    left_out = [tool.name for tool in prompt.left_out_tools]
    if not left_out:
        return ""
    room = f"{len(left_out)} of {len(request.tools)} tools left out, the model's {context_tokens} tokens hold no more"
    return f"{provider}: {room}: {', '.join(left_out)}"
