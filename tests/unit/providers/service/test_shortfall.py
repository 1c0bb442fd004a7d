"""A prompt that Ollama cut without a word is told by its own count."""

from __future__ import annotations

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.models import Image, Message, ProviderKind, Role, Usage
from lotus_tasks.providers.service.prompt import compose
from lotus_tasks.providers.service.shortfall import cut_prompt
from tests.unit.providers.service.doubles import ActingModel, question, row, speech, stage
from tests.unit.providers.service.doubles import memory as recalled

TEXT = "The spare key of the boat hangs behind the blue door in Marstal. " * 200
SAID = "ollama: read only 1024 tokens of a prompt of "


def judged(text: str, read: int, *, kind: ProviderKind = ProviderKind.OLLAMA, **details) -> str:
    request = question(text, **details)
    prompt = compose(request, context_tokens=100_000)
    return cut_prompt(row("ollama", kind=kind), request, Usage(input_tokens=read, output_tokens=1), prompt)


def test_a_count_far_below_what_was_sent_is_a_warning():
    said = judged(TEXT, 1024)
    assert said.startswith(f"{SAID}{len(TEXT)} characters: it was cut")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (TEXT, len(TEXT) // 4),  # as English counts
        (TEXT, len(TEXT) // 7),
        ("Запасной ключ висит за синей дверью. " * 200, 37 * 200 // 4),
        ("予備の鍵は青い扉の後ろに掛かっています。" * 300, 20 * 300 // 2),
        (TEXT, 0),  # all of it was in the cache
        ("Where is the key?", 3),
    ],
)
def test_a_count_that_may_be_right_is_none(text, read):
    assert judged(text, read) == ""


def test_only_ollama_is_judged_so():
    assert judged(TEXT, 1024, kind=ProviderKind.OPENAI) == ""


def test_what_images_count_is_not_known():
    image = Image(media_type="image/png", data_base64="x")
    request = question(TEXT)
    seen = type(request)(
        messages=(Message(origin=USER, role=Role.USER, content=TEXT, images=(image,)),), question=request.question
    )
    prompt = compose(seen, context_tokens=100_000)
    assert cut_prompt(row("ollama", kind=ProviderKind.OLLAMA), seen, Usage(input_tokens=9), prompt) == ""


def test_the_answer_says_that_its_prompt_was_cut():
    scene = stage(ActingModel(row("ollama", kind=ProviderKind.OLLAMA, context_tokens=100_000), [speech("Yes.")]))
    completion = scene.complete(question(memories=(recalled(1, TEXT),)))
    (line,) = completion.degraded
    assert line.startswith("ollama: read only ")
