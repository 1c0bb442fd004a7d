"""What is said without a model: quotes, "I don't know" with or without what comes nearest, and what was attached."""

from __future__ import annotations

import pytest

from lotus_tasks.perception.service.blocks import markdown_blocks
from lotus_tasks.providers.adapters.offline import KNOWS_NOTHING, NEAREST, OfflineChatModel
from lotus_tasks.providers.models import OFFLINE, TextDelta
from lotus_tasks.providers.service.passages import sentences_of
from lotus_tasks.providers.service.payloads import read_request

MEMORIES = [
    {"memory_id": "1", "text": "My sister Nia got engaged to Tomos.", "source": "user", "score": 9.0},
    {"memory_id": "2", "text": "Our car is a grey Skoda.", "source": "user", "score": 4.0},
]
MAIL = "Dear all,\n\nthe roof of the hall leaks again. Please pay the 40 pounds by Friday.\n"


class _Watch:
    def check(self) -> None:
        """Goes on."""


def said(question: str, **payload) -> str:
    request = read_request({"question": question, "provider": OFFLINE, **payload})
    deltas = OfflineChatModel().stream(request, model="quotes", watch=_Watch())
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def test_what_is_supported_is_quoted():
    assert said("Who is Nia engaged to?", memories=MEMORIES, support=0.0).startswith("My sister Nia got engaged")


@pytest.mark.parametrize("support", [NEAREST, -1.0, -0.01])
def test_what_is_nearly_supported_is_shown_as_the_nearest(support: float):
    answer = said("Whom is Nia going to marry?", memories=MEMORIES, support=support)
    assert answer == f"{KNOWS_NOTHING} The nearest is: My sister Nia got engaged to Tomos. [1]"


@pytest.mark.parametrize("support", [-2.01, -9.0])
def test_what_is_far_off_is_not_shown(support: float):
    assert said("How tall is Mount Kilimanjaro?", memories=MEMORIES, support=support) == KNOWS_NOTHING


def test_where_there_is_nothing_near_nothing_is_shown():
    assert said("Whom is Nia going to marry?", memories=[], support=-1.0) == KNOWS_NOTHING


def test_an_attached_text_is_quoted_by_its_name():
    answer = said(
        "How many pounds shall I pay?", memories=MEMORIES, support=-9.0, attachments=[{"name": "mail", "text": MAIL}]
    )
    assert "Please pay the 40 pounds by Friday." in answer
    assert answer.endswith("[mail]")
    assert KNOWS_NOTHING not in answer


def test_what_memory_says_follows_what_is_attached():
    answer = said(
        "Who pays for the Skoda?", memories=MEMORIES[1:], support=1.0, attachments=[{"name": "mail", "text": MAIL}]
    )
    assert answer.endswith("Our car is a grey Skoda. [1]")


def test_an_attached_text_that_no_word_leads_into_is_said_to_be_unread():
    answer = said("What does it want?", memories=MEMORIES, support=-9.0, attachments=[{"name": "mail", "text": MAIL}])
    assert answer == "Without a model what is attached can't be read, and no sentence of mail has a word of the question."


def test_front_matter_is_no_evidence_whatever_its_keys():
    text = "---\nproject: Falcon\nstatus: active\nowner: Priya\n---\n# Falcon\n\nThe launch is in May.\n"
    evidence = [one.text for block in markdown_blocks(text) for one in sentences_of(block.text)]
    assert evidence == ["The launch is in May."]
