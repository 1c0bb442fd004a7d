"""One splitter, and what a reader of each language would say."""

from __future__ import annotations

import pytest

from lotus_tasks.language.sentences import first_sentence, sentences_and_lines, split_sentences

CASES = [
    # English
    "One.| Two!| Three?",
    "Dr. Weiss left Bern, approx. 3 km away.| He waved.",
    "He met No. 7 today.| Fine.",
    "I said no.| He went.",
    "See fig. 3 for it…| Then stop.",
    "J. R. Smith came.| He left.",
    "It cost 3.50 euros.| Cheap.",
    "“Go!” she said.| He went.",
    "We saw Mr. and Mrs. Lund at 5 p.m. on Monday.| They waved.",
    "It closes at 5 p.m.| Come early.",
    "Bring rope, tape, etc.| Then call.",
    "I have 12.| They are red.",
    "i moved to oslo.| my new number is 5.",
    "Version 2.1.3 is out.| Get it at example.org.",
    # German, Danish, Polish, Czech
    "Er kam am 4. Februar nach St. Gallen.| Dann ging er.",
    "Geburtstag: 12. März.| Feier am Samstag.",
    "Er kam z. B. gestern.| Dann ging er, vgl. Nr. 7.",
    "Hr. Sørensen bor i nr. 12.| Han er flink.",
    "Spotkanie z p. Nowak o 12.| Potem obiad.",
    "Sejdeme se 4. února v Praze.| Vezmi mapu.",
    # French, Spanish, Italian
    "Mme. Dupont est partie.| Elle revient lundi.",
    "La Sra. García vive aquí.| ¿Dónde está?| No sé.",
    "Il dott. Rossi arriva alle 9.| Porta i documenti.",
    # Russian, Greek
    "Он приехал в Осло.| Теперь живёт там.",
    # Chinese, Japanese, Arabic, Hindi
    "我喜欢茶。|他喜欢咖啡。",
    "今日は休みです。|明日は仕事です！|大丈夫？",
    "كيف حالك؟ |أنا بخير.",
    "मैं घर पर हूँ। |वह नहीं है।",
]


@pytest.mark.parametrize("marked", CASES)
def test_a_text_is_cut_where_a_reader_would_cut_it(marked: str):
    whole = marked.replace("|", "")
    wanted = [piece.strip() for piece in marked.split("|")]
    found = split_sentences(whole)
    assert [piece.strip() for piece in found] == wanted
    assert "".join(found) == whole


def test_a_line_ends_a_sentence_where_lines_are_asked_for():
    assert sentences_and_lines("first\n\n  second   one. Third.") == ["first", "second one.", "Third."]


@pytest.mark.parametrize(("text", "first"), [("", ""), ("\n\n", ""), ("no end", "no end"), ("Dr. Weiss? Yes.", "Dr. Weiss?")])
def test_the_first_sentence(text: str, first: str):
    assert first_sentence(text) == first


@pytest.mark.parametrize("text", [". " * 20_000, "a. " * 20_000, "1. " * 20_000, "." * 60_000, "!\n" * 20_000])
def test_text_made_to_be_slow_is_cut_in_time(text: str):
    assert "".join(split_sentences(text)) == text
