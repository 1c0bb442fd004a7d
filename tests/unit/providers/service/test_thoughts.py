"""A model's thinking is told from its answer, whatever its marks and whatever the pieces it comes in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotus_tasks.providers.models import RecastDelta, TextDelta, ThoughtDelta
from lotus_tasks.providers.service.thoughts import ThoughtSplitter

FENCED = "So:\n```html\n<think>x</think>\n```\nDone."

CASES = {
    "think": ("<think>Let me see.</think>Blue.", "Blue.", "Let me see."),
    "white space around": ("\n<think>\nLet me see.\n</think>\n\nBlue.", "Blue.", "\nLet me see.\n"),
    "any case": ("<THINK>a</Think>b", "b", "a"),
    "thinking": ("<thinking>a</thinking>b", "b", "a"),
    "thought": ("<thought>a</thought>b", "b", "a"),
    "closed by its sister": ("<thinking>a</think>b", "b", "a"),
    "seed": ("<seed:think>a</seed:think>b", "b", "a"),
    "kimi": ("◁think▷a◁/think▷b", "b", "a"),
    "magistral": ("[THINK]a[/THINK]b", "b", "a"),
    "openthinker": (
        "<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>",
        "b",
        "a",
    ),
    "command": ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b", "a"),
    "gemma": ("<|channel>thought\na<channel|>b", "b", "\na"),
    "harmony": (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
        "b",
        "a",
    ),
    "harmony without its messages": ("<|channel|>analysis a <|channel|>final b", "b", " a "),
    "harmony with its start": (
        "<|start|>assistant<|channel|>analysis<|message|>a<|channel|>final<|message|>b",
        "b",
        "a",
    ),
    "harmony's commentary": ("<|channel|>commentary<|message|>a<|end|><|channel|>final<|message|>b", "b", "a"),
    "harmony opened in the prompt": (
        "a<|end|><|start|>assistant<|channel|>final<|message|>b",
        "b",
        "a<|end|><|start|>assistant",
    ),
    "only the end": ("Let me see.\n</think>\n\nBlue.", "Blue.", "Let me see.\n"),
    "only the end, then a second thought": ("a</think>b\n<think>c</think>d", "b\nd", "ac"),
    "an end too many": ("<think>a</think>b</think>c", "c", "ab"),
    "only thoughts": ("<think>Let me see", "", "Let me see"),
    "nothing thought": ("<think>\n\n</think>\n\nBlue.", "Blue.", "\n\n"),
    "later in the answer": ("One.\n<think>a</think>\nTwo.", "One.\n\nTwo.", "a"),
    "within a line": ("Sure. <think>a</think> Blue.", "Sure.  Blue.", "a"),
    "named in a sentence": ("The <think> tag marks it.", "The <think> tag marks it.", ""),
    "fenced": (FENCED, FENCED, ""),
    "fenced behind a thought": (f"<think>a</think>{FENCED}", FENCED, "a"),
    "fenced by tildes": ("~~~\n</think>\n~~~", "~~~\n</think>\n~~~", ""),
    "fenced in a longer fence": ("````\n```\n</think>\n```\n````", "````\n```\n</think>\n```\n````", ""),
    "behind a fence": ("```\nx\n```\n<think>a</think>b", "```\nx\n```\nb", "a"),
    "between backticks": ("Write `<think>` and `</think>`.", "Write `<think>` and `</think>`.", ""),
    "between two backticks": ("Write ``a ` </think>``.", "Write ``a ` </think>``.", ""),
    "behind a stray backtick": ("a ` b\n</think>c", "c", "a ` b\n"),
    "code in the thought": ("<think>```\nx</think>b", "b", "```\nx"),
    "no mark": ("a < b, [1] and <b>bold</b> <thin", "a < b, [1] and <b>bold</b> <thin", ""),
    "white space alone": ("  \n", "  \n", ""),
    "indented": ("    code", "    code", ""),
    "another's end": ("Say <|end|> and <|message|>.", "Say <|end|> and <|message|>.", ""),
    "an example behind a stray end": ("Hm.</think>It is <think>a</think> here.", "It is <think>a</think> here.", "Hm."),
    "a sentence that ends behind the end": ("Sure. <think>a</think>\nBlue.", "Sure. \nBlue.", "a"),
    "begun within a line": ("Let me look <think>\na\n</think>\nBlue.", "Let me look \nBlue.", "\na\n"),
    "glued to a word": ("Look<think>a</think>Blue.", "LookBlue.", "a"),
    "behind a named one": (
        "The user names <think> here.\nSo:\n</think>\nBlue.",
        "Blue.",
        "The user names <think> here.\nSo:\n",
    ),
    "JSON": ('<think>a</think>{"tag": "<think>"}', '{"tag": "<think>"}', "a"),
}


NAMED = {
    "closed, with something between": "R1 writes <think>its reasoning</think> before it answers.",
    "closed at once": "An empty <think></think> pair turns it off.",
    "two tags": "The <think> and </think> tags mark the reasoning.",
    "two tags at the end": "Its reasoning stands between <think> and </think>",
    "two tags and the sentence's end": "It stands between <think> and </think>.\n\nNothing else does.",
    "the end alone": "The closing </think> tag ends it.",
    "the end alone, last": "Stop reading at </think>.",
    "in quotation marks": 'Look for "<think>" and for "</think>".',
    "in other quotation marks": "Il cherche «<think>» puis «</think>».",
    "bold": "Both **<think>** and **</think>** count.",
    "in brackets": "The tags (<thinking>…</thinking>) are Claude's.",
    "in a list": "Marks:\n- <think>…</think> for R1\n- [THINK]…[/THINK] for Magistral\n- ◁think▷…◁/think▷ for Kimi",
    "in a heading": "## What <think>…</think> means\nIt marks reasoning.",
    "in a table": "| R1 | <think>…</think> |\n| Kimi | ◁think▷…◁/think▷ |",
    "over lines": "First it writes <think> alone,\nthen it reasons, then comes </think> and the answer.",
    "over lines, as it stands": "It writes <think>\nits reasoning\n</think> and then the answer.",
    "at a sentence's beginning": "Models differ. <think>…</think> marks what R1 thinks.",
    "another's": "Seed writes <seed:think>x</seed:think>, Exaone <thought>x</thought>, each in lower case.",
    "in German": "Das Modell schreibt <think>so</think> und dann die Antwort.",
    "in French": "Le modèle écrit <think>ainsi</think>, puis répond.",
}
"""Answers that speak of the marks."""


@pytest.mark.parametrize(
    "before", ["", "<think>Explain.</think>", "Explain.\n</think>\n"], ids=["bare", "thought", "end"]
)
@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_an_answer_may_speak_of_the_marks(text, before):
    assert split(before + text)[0] == text
    assert split(*before, *text)[0] == text


def split(*pieces: str) -> tuple[str, str]:
    splitter = ThoughtSplitter()
    text = thoughts = ""
    for delta in [one for piece in pieces for one in splitter.feed(piece)] + list(splitter.finish()):
        match delta:
            case TextDelta(said):
                text += said
            case ThoughtDelta(thought):
                thoughts += thought
            case RecastDelta():
                text, thoughts = "", thoughts + text
    return text, thoughts


def cut(text: str, places: list[int]) -> list[str]:
    bounds = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize(("text", "answer", "thoughts"), CASES.values(), ids=CASES)
def test_a_text_is_split_whole_and_letter_by_letter(text, answer, thoughts):
    assert split(text) == (answer, thoughts)
    assert split(*text) == (answer, thoughts)


fragments = st.sampled_from(
    [
        *("<think>", "</think>", "<thinking>", "</thinking>", "◁think▷", "◁/think▷", "[THINK]", "[/THINK]"),
        *("<|channel|>analysis", "<|channel|>final", "<|message|>", "<|end|>", "<|start|>assistant", "<|return|>"),
        *("<|begin_of_thought|>", "<|end_of_thought|>", "```", "````", "~~~", "`", "``", "\n", " ", "> "),
        *("a", "word", "<", "<|", "</", "[", "◁", "<THINK>", "İ", "é"),
    ]
)


@given(st.lists(fragments, max_size=14).map("".join), st.lists(st.integers(0, 400), max_size=12))
def test_no_cut_of_the_text_into_pieces_changes_what_comes_out(text, places):
    assert split(*cut(text, places)) == split(text)


@given(st.text(st.characters(exclude_characters="<◁[", codec="utf-8")), st.lists(st.integers(0, 400), max_size=8))
def test_a_text_without_marks_comes_out_as_it_went_in(text, places):
    assert split(*cut(text, places)) == (text, "")


@given(st.lists(fragments, max_size=10).map("".join))
def test_what_stands_in_a_fence_comes_out_as_it_went_in(text):
    inside = text.replace("`", "")
    fenced = f"Here:\n`````\n{inside}\n`````\nDone."
    assert split(fenced) == (fenced, "")


@given(st.lists(fragments, max_size=10).map("".join))
def test_a_thought_is_never_in_the_answer(text):
    inside = text.replace("</", "").replace(">", "")
    assert split(f"<think>{inside}</think>Blue.") == ("Blue.", inside)


def test_pieces_without_marks_are_passed_on_at_once():
    splitter = ThoughtSplitter()
    assert [list(splitter.feed(piece)) for piece in ("The", " key", " hangs [", "1].")] == [
        [TextDelta("The")],
        [TextDelta(" key")],
        [TextDelta(" hangs ")],
        [TextDelta("[1].")],
    ]


def test_a_thought_that_is_held_back_is_a_sign_of_life():
    splitter = ThoughtSplitter()
    list(splitter.feed("Sure. <think>"))
    assert list(splitter.feed("hm")) == [ThoughtDelta("")]
