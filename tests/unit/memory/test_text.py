"""The terms of BM25."""

import pytest

from lotus_tasks.memory.text import count_terms, embedding_text, is_content_piece, stem, terms, words


def test_inflected_forms_share_a_term():
    assert terms("She was hiking on mountains") == terms("hikes mountain")


def test_accents_and_case_do_not_part_words():
    assert terms("Schlüssel CAFÉ") == terms("schlussel café".replace("é", "e\u0301"))


def test_compatibility_forms_are_one():
    assert words("ﬁne １２３") == ["fine", "123"]


@pytest.mark.parametrize("apostrophe", ["'", "’"])
def test_clitics_are_no_part_of_a_term(apostrophe):
    assert terms(f"Melanie{apostrophe}s boat doesn{apostrophe}t leak") == [stem("melanie"), "boat", "leak"]


def test_english_stop_words_are_left_out():
    assert terms("What did you do with the boat?") == ["boat"]


def test_a_capitalised_abbreviation_is_no_stop_word():
    assert "IT" in terms("The IT budget of the WHO")
    assert "IT" not in terms("WHAT IS IT")


def test_function_words_of_other_languages_are_indexed():
    assert "der" in terms("Der Schlüssel hängt hinter der Tür")


def test_unspaced_scripts_become_pairs():
    assert terms("東京タワー") == ["東京", "京タ", "タワ", "ワー"]
    assert terms("木") == ["木"]


def test_a_word_is_found_inside_a_sentence_without_spaces():
    assert set(terms("東京")) <= set(terms("昨日は東京に行きました"))


@pytest.mark.parametrize("text", ["हिन्दी", "سلام", "שלום", "привет"])
def test_a_word_of_another_script_is_one_term(text):
    assert len(terms(text)) == 1


def test_arabic_vowel_signs_do_not_part_words():
    assert terms("كِتَابٌ") == terms("كتاب")


def test_counts_are_of_terms():
    assert count_terms("boat, boats and a BOAT") == {"boat": 3}


def test_the_speaker_is_embedded_with_the_text():
    assert embedding_text("I sail", "Ann") == "Ann: I sail"
    assert embedding_text("I sail", None) == "I sail"


def test_content_pieces_are_neither_marks_nor_stop_words():
    assert [
        piece for piece in ("[CLS]", "the", "boat", "##s", "##ing", "?", "s", "[SEP]", "東") if is_content_piece(piece)
    ] == [
        "boat",
        "##s",
        "##ing",
        "東",
    ]
