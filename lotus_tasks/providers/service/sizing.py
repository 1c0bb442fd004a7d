"""What was learned of the models' real contexts from their refusals, remembered for a while by provider and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lotus_tasks.providers.models import ModelName, ModelRefusal, ProviderName
from lotus_tasks.providers.service.prompt import Prompt

KEEP_S = 3600.0
"""A server may be started anew with more."""
_MARGIN = 0.95
"""Of what a server counted, for what it counts beside the prompt."""
_UNTOLD = 0.5
"""So much of a context that was too long is tried where the server tells no number that helps."""
_LEAST_UNTOLD = 512


@dataclass(slots=True)
class LearnedContexts:
    """The contexts, in tokens as LOTUS estimates them. ``clock``: monotonic seconds."""

    clock: Callable[[], float]
    _known: dict[tuple[ProviderName, ModelName], tuple[float, int]] = field(default_factory=dict)

    def bound(self, provider: ProviderName, model: ModelName, context_tokens: int) -> int:
        """``context_tokens``, or the less that the model was found to hold."""
        learned_at, learned = self._known.get((provider, model), (0.0, context_tokens))
        return min(learned, context_tokens) if self.clock() - learned_at < KEEP_S else context_tokens

    def learn(
        self, provider: ProviderName, model: ModelName, refusal: ModelRefusal, prompt: Prompt, context_tokens: int
    ) -> bool:
        """Take from a ``refusal`` of a prompt made for ``context_tokens`` what the model holds; whether that is less.

        Where the server counts more tokens than were estimated, as much less is what fits by LOTUS's own measure.
        """
        told, counted = refusal.context_tokens, refusal.prompt_tokens or 0
        if told is None or (told >= context_tokens and not counted):
            learned = max(_LEAST_UNTOLD, int(min(context_tokens, 2 * prompt.tokens) * _UNTOLD))
        else:
            learned = int(told * _MARGIN * prompt.tokens / counted) if counted > prompt.tokens > 0 else told
        if learned >= context_tokens:
            return False
        self._known[provider, model] = (self.clock(), learned)
        return True
