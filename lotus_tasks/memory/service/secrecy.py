"""What must not be kept: secrets are recognised before anything is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lotus_tasks.errors import InvalidInput
from lotus_tasks.memory.models import Draft
from lotus_tasks.memory.ports import SecretDetector


class SecretFound(InvalidInput):
    """What the user told holds a secret. The message names its sort, never the secret."""


def refuse_secrets(drafts: Sequence[Draft], detector: SecretDetector) -> None:
    """For what a person tells: raise SecretFound rather than store it."""
    for draft in drafts:
        kinds = dict.fromkeys(secret.kind for secret in detector.find(draft.text))
        if kinds:
            raise SecretFound(
                f"not stored: the text seems to hold a secret ({', '.join(kinds)}). "
                "Leave the secret out and say where it is kept, or insist with --insist"
            )


def mask_secrets(drafts: Sequence[Draft], detector: SecretDetector) -> list[Draft]:
    """For what was read or asked: the text with each secret replaced by its sort, so that the rest can be found."""
    return [_masked(draft, detector) for draft in drafts]


def mask(text: str, detector: SecretDetector) -> str:
    """The text with each secret replaced by its sort."""
    for secret in reversed(detector.find(text)):
        text = f"{text[: secret.start]}[{secret.kind} withheld]{text[secret.end :]}"
    return text


def _masked(draft: Draft, detector: SecretDetector) -> Draft:
    text = mask(draft.text, detector)
    if text == draft.text:
        return draft
    return dataclasses.replace(draft, text=text, provenance={**draft.provenance, "withheld": True})
