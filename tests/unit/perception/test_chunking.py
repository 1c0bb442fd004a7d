"""Documents to chunks: what belongs together stays together, and nothing is too long or lost."""

from __future__ import annotations

import random
import re

import pytest

from lotus_tasks.origins import OWN_FILE
from lotus_tasks.perception.models import Chunk, Document
from lotus_tasks.perception.service.chunking import chunk
from lotus_tasks.perception.service.sentences import MOST_CHARACTERS, MOST_WORDS, count_words
from lotus_tasks.values import utc_now


def chunks_of(text: str, kind: str = "markdown") -> list[Chunk]:
    return chunk(
        Document(
            origin=OWN_FILE,
            source="/notes/a.md",
            kind=kind,  # type: ignore[arg-type]
            text=text,
            content_hash="",
            size_bytes=len(text),
            modified_at=None,
            read_at=utc_now(),
        )
    )


def words(count: int, seed: int = 0) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(["boat", "key", "door", "harbour", "Marstal", "behind"]) for _ in range(count))


def sentences(count: int, length: int = 12) -> str:
    return " ".join(words(length, seed=number).capitalize() + "." for number in range(count))


def test_a_chunk_carries_the_path_of_its_headings():
    chunks = chunks_of("# Boat\n\nIt floats.\n\n## Keys\n\nBehind the door.\n\n# House\n\nIt stands.\n")
    assert [(one.heading, one.text) for one in chunks] == [
        ("Boat", "It floats."),
        ("Boat › Keys", "Behind the door."),
        ("House", "It stands."),
    ]


def test_a_deeper_heading_leaves_when_a_higher_one_comes():
    headings = [one.heading for one in chunks_of("# A\n## B\n### C\nx\n## D\ny\n")]
    assert headings == ["A › B › C", "A › D"]


def test_a_hash_in_code_is_no_heading_and_the_code_stays_whole():
    (only,) = chunks_of("# Start\n\nRun this:\n\n```sh\n# not a heading\n./start_lotus.sh\n```\n")
    assert only.heading == "Start"
    assert "```sh\n# not a heading\n./start_lotus.sh\n```" in only.text


def test_text_before_the_first_heading_has_none():
    assert chunks_of("Hello.\n\n# A\n\nx\n")[0] == Chunk(heading="", text="Hello.")


def test_emphasis_and_addresses_go_and_the_words_stay():
    (only,) = chunks_of("A **bold** [link](http://example.test/x) with `code` and ![a picture](p.png).")
    assert only.text == "A bold link with `code` and a picture."


def test_front_matter_is_text_not_a_heading():
    chunks = chunks_of("---\ntitle: Boat\ntags: [sea]\n---\n# Keys\n\nx\n")
    assert chunks[0] == Chunk(heading="", text="---\ntitle: Boat\ntags: [sea]\n---")
    assert chunks[1].heading == "Keys"


def test_a_list_keeps_its_nesting_and_numbers():
    (only,) = chunks_of("3. three\n   - inner\n4. four\n")
    assert only.text == "3. three\n   - inner\n4. four"


def test_a_sentence_that_announces_a_list_goes_with_it():
    listed = "\n".join(f"- {words(18, seed=number)}" for number in range(8))
    chunks = chunks_of(f"{sentences(9)}\n\nYou need these:\n\n{listed}\n")
    assert chunks[-1].text.startswith("You need these:\n\n- ")


def test_a_heading_with_nothing_below_is_kept_as_text():
    assert chunks_of("# A\n\nx\n\n## Empty\n") == [Chunk(heading="A", text="x\n\nEmpty")]


def test_a_table_that_is_too_long_repeats_its_head():
    rows = "\n".join(f"| {number} | {words(9, seed=number)} |" for number in range(60))
    chunks = chunks_of(f"| no | what |\n|---|---|\n{rows}\n")
    assert len(chunks) > 1
    assert all(one.text.startswith("no | what\n") for one in chunks)


def test_code_that_is_too_long_is_cut_between_lines_and_fenced_again():
    code = "\n".join(f"line_{number} = {number}" for number in range(300))
    chunks = chunks_of(f"```py\n{code}\n```\n")
    assert all(one.text.startswith("```py\n") and one.text.endswith("\n```") for one in chunks)
    kept = [line for one in chunks for line in one.text.splitlines()[1:-1]]
    assert kept == code.splitlines()


def test_a_long_paragraph_is_cut_between_sentences():
    chunks = chunks_of(sentences(60))
    assert len(chunks) > 2
    assert all(one.text.endswith(".") for one in chunks)


@pytest.mark.parametrize("kind", ["markdown", "text"])
@pytest.mark.parametrize(
    "text",
    [
        sentences(200),
        words(3000),
        "x" * 9000,
        "今天天气很好。我们去海边看船。" * 300,
        "กุญแจสำรองของเรือแขวนอยู่หลังประตูสีฟ้า" * 100,
        "नाव की चाबी नीले दरवाज़े के पीछे है। " * 200,
        "\n".join(f"2026-11-23 INFO event {number} took 1.5 s" for number in range(500)),
        "e\u0301" * 3000,
        "- " + "\n- ".join(words(40, seed=number) for number in range(40)),
        "> " * 300 + "deep",
    ],
    ids=["sentences", "no sentence", "no gap", "chinese", "thai", "hindi", "log", "combining", "list", "nested"],
)
def test_no_chunk_is_too_long_and_no_word_is_lost(text, kind):
    chunks = chunks_of(text, kind)
    for one in chunks:
        assert len(one.text) <= MOST_CHARACTERS + 100
        assert count_words(one.text) <= MOST_WORDS + 20
    if kind == "text":
        assert "".join(re.sub(r"\s", "", one.text) for one in chunks) == re.sub(r"\s", "", text)


def test_a_letter_and_its_accent_are_not_cut_apart():
    assert all(one.text.startswith("e") for one in chunks_of("e\u0301" * 3000, "text"))


def test_most_chunks_of_a_long_text_are_filled():
    chunks = chunks_of("\n\n".join(sentences(4) for _ in range(100)), "text")
    filled = [one for one in chunks if 120 <= count_words(one.text) <= MOST_WORDS]
    assert len(filled) >= 0.9 * len(chunks)


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "*a_ " * 10_000, "[a](<b" * 5_000, "|a" * 500 + "|\n" + "|-" * 500 + "|\n|b|\n"]
)
def test_text_made_to_be_slow_is_cut_in_time(text):
    assert chunks_of(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("> [!note] Keys\n> The key hangs behind the door.\n> Ask Jens.", "Keys: The key hangs behind the door. Ask Jens."),
        ("> [!tip]\n> The key hangs behind the door.", "The key hangs behind the door."),
        ("> [!warning]- Mind the step!\n>\n> It is wet.", "Mind the step! It is wet."),
        ("> [!todo] **Buy** tar", "Buy tar"),
        ("> [see] the list\n> of keys", "[see] the list of keys"),
    ],
)
def test_a_callout_is_its_title_and_what_it_says(written, read):
    assert [one.text for one in chunks_of(written)] == [read]


def test_nothing_gives_no_chunks():
    assert chunks_of("") == chunks_of("<!-- note -->\n\n---\n") == chunks_of(" \n\n", "text") == []
