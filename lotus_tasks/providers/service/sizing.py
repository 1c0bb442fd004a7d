"""What is learned of a model's real context from its refusal of a prompt. Pure."""

from __future__ import annotations

from lotus_tasks.providers.models import ModelRefusal
from lotus_tasks.providers.service.prompt import Prompt

_MARGIN = 0.95
"""Of what a server counted, for what it counts beside the prompt."""
_UNTOLD = 0.5
"""So much of a context that was too long is tried where the server tells no number that helps."""
_LEAST_UNTOLD = 512


def learned_context(refusal: ModelRefusal, prompt: Prompt, context_tokens: int) -> int | None:
    """How many tokens, as LOTUS estimates them, the model holds that refused a ``prompt`` made for ``context_tokens``.

    None where that is no less. Where the server counts more tokens than were estimated, as much less is what fits.
    """
    told, counted = refusal.context_tokens, refusal.prompt_tokens or 0
    if told is None or (told >= context_tokens and not counted):
        learned = max(_LEAST_UNTOLD, int(min(context_tokens, 2 * prompt.tokens) * _UNTOLD))
    else:
        learned = int(told * _MARGIN * prompt.tokens / counted) if counted > prompt.tokens > 0 else told
    return learned if learned < context_tokens else None
