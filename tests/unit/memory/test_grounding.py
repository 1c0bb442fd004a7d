"""A model's text says only what its sources say: no new name, number or denial."""

import pytest

from lotus_tasks.memory.service.grounding import invented

TOLD = [
    "Ann: We sail to Marstal on 14 May with Dr. Brandt's boat, for 3.5 days.",
    "Ben: I'll bring the NDR map; it cost 12,50 euro.",
]


@pytest.mark.parametrize(
    "text",
    [
        "Ann and Ben sail to Marstal on 14 May with the boat of Dr. Brandt.",
        "They sail to Marstal for 3.5 days. Ben will bring the NDR map. However, the map cost 12,50 euro.",
        "The boat is Brandt's; Ben's map cost euro 12,50.",
        "Both sail to Marstal.",
    ],
)
def test_a_retelling_in_the_sources_words_passes(text):
    assert invented(text, TOLD) == ""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Ann and Peter sail to Marstal.", "Peter"),
        ("Peter sails to Marstal on 14 May.", "Peter"),
        ("Ann sails to Marstal on 15 May.", "15"),
        ("Ann sails to Marstal for 3.6 days.", "3.6"),
        ("Ann sails to Marstal for five days.", "five"),
        ("Ann sails to Marstal in the BMW of Dr. Brandt.", "BMW"),
        ("Ann sails to Marstal with map B12.", "12"),
        ("Ann never sails to Marstal.", "denies"),
        ("Ann doesn't sail to Marstal.", "denies"),
        ("Ann secretly embezzled company money while pretending interest in sailing.", "%"),
        ("Ann sails to Marstal. 彼女は結婚した", "結婚"),
        ("Ann sails to Marstal с Иваном.", "Ивано"),
        ("Ann sails to Marstal עם דוד.", "עם"),
    ],
)
def test_what_is_in_no_source_is_named(text, what):
    assert what in invented(text, TOLD)


def test_a_denial_is_no_invention_where_the_sources_deny_something():
    assert invented("Ann does not eat meat.", ["Ann: I don't eat meat."]) == ""
