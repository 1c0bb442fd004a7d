"""The score of a memory for a question."""

from datetime import date

import numpy as np
import pytest

from lotus_tasks.memory.cues import read_question, text_cues
from lotus_tasks.memory.dates import told_span
from lotus_tasks.memory.ranking import (
    GROUPS,
    SIGNALS,
    Fetched,
    Nearest,
    gather,
    lay_out,
    rank,
    rank_segments,
    subject_tokens,
    survey,
)
from lotus_tasks.memory.text import count_terms
from lotus_tasks.memory.weights import Weights, fitted_weights

AXES = np.eye(384, dtype=np.float32)
NO_TOKENS = np.empty((0, 384), np.float32)


SPEAKER = Weights(survey={}, final={name: fitted_weights().final[name] for name in ("speaker", "other_speaker")})


class Told:
    """Memories told as (text, segment, speaker, day); the columns and postings that a store would have of them."""

    def __init__(self, *memories):
        self.memories = [(*memory, *(-1, "", None)[len(memory) - 1 :]) for memory in memories]
        self.names = sorted({name for _, _, name, _ in self.memories if name})
        counts = [count_terms(text) for text, *_ in self.memories]
        self.layout = lay_out(
            segment=np.array([segment for _, segment, _, _ in self.memories], np.int32),
            position=np.arange(len(self.memories), dtype=np.int32),
            length=np.array([sum(counted.values()) for counted in counts], np.int32),
            speaker=np.array([self.names.index(name) if name else -1 for *_, name, _ in self.memories], np.int32),
            day=np.array([day.toordinal() if day else np.nan for *_, day in self.memories], np.float32),
            cues=np.array([text_cues(text) for text, *_ in self.memories], np.uint8),
            told=self._told(),
        )
        self.postings = {}
        for term in {term for counted in counts for term in counted}:
            rows = [row for row, counted in enumerate(counts) if term in counted]
            self.postings[term] = (np.array(rows, np.int32), np.array([counts[row][term] for row in rows], np.int32))

    def _told(self):
        spans = [told_span(text, day) for text, *_, day in self.memories]
        return tuple(
            np.array([getattr(one, end) if one else -1 for one in spans], np.int32) for end in ("first", "last")
        )

    def look(self, query, nearest=None, weights=None):
        question = read_question(query, speakers=self.names, today=date(2026, 11, 23), years=(2023, 2026))
        return survey(
            self.layout,
            question,
            speakers=self.names,
            postings={term: self.postings[term] for term in question.terms if term in self.postings},
            nearest=nearest,
            weights=weights or fitted_weights(),
        )

    def order(self, query, *, nearest=None, fetched=None, weights=None):
        look = self.look(query, nearest, weights)
        ranking = rank(look, look.candidates(100), fetched, weights or fitted_weights())
        return list(ranking.rows)


def only(*signals):
    return Weights(survey=dict.fromkeys(signals, 1.0), final=dict.fromkeys(signals, 1.0))


def near(rows, cosines, vector=AXES[0], tokens=NO_TOKENS):
    return Nearest(rows=np.array(rows, np.int32), cosines=np.array(cosines, np.float32), vector=vector, tokens=tokens)


def test_the_memory_that_holds_the_words_is_first():
    told = Told(("The boat key hangs in Marstal",), ("The bread is in the oven",), ("A key of the house",))
    assert told.order("where is the boat key?")[0] == 0


def test_a_rare_word_counts_more_than_a_common_one():
    told = Told(*[(f"The boat sails to harbour {place}",) for place in range(20)], ("The quill of the goose",))
    assert told.order("boat quill")[0] == 20


def test_words_are_a_candidate_whatever_their_vector_says():
    told = Told(*[(f"Something else number {row}",) for row in range(300)], ("The zebra crossing",))
    look = told.look("zebra", near(range(200), np.linspace(0.9, 0.5, 200)))
    assert 300 in look.candidates(160)


def test_the_nearest_is_a_candidate_whatever_else_speaks_against_it():
    told = Told(*[(f"Where did the zebra go yesterday, number {row}?", row // 9) for row in range(300)], ("Stripes",))
    look = told.look("where did the zebra go?", near([300, *range(199)], [0.5, *[0.4] * 199]), only("words"))
    assert 300 in look.candidates(100)


def test_meaning_finds_what_shares_no_word():
    told = Told(("Bread and butter",), ("A feline on the sofa",), ("Rain tomorrow",))
    assert told.order("cat", nearest=near([1, 0, 2], [0.7, 0.1, 0.1]))[0] == 1


def test_a_memory_between_matches_beats_one_alone():
    told = Told(
        ("About the boat trip", 1), ("It was lovely there", 1), ("The boat came back", 1),
        ("It was lovely there too", 2), ("Nothing to add here", 2),
    )  # fmt: skip
    order = told.order("boat trip")
    assert order.index(1) < order.index(3)


def test_neighbours_end_with_the_segment():
    told = Told(("The boat trip", 1), ("It was lovely there", 2), ("It was lovely there", 1))
    look = told.look("boat trip")
    assert look.signals["words_beside"][told.layout.rank[1]] == 0
    assert look.signals["words_beside"][told.layout.rank[2]] > 0


def test_memories_of_no_segment_are_no_neighbours():
    told = Told(("The boat trip",), ("It was lovely there",))
    look = told.look("boat trip")
    assert look.signals["words_beside"][told.layout.rank[1]] == 0
    assert list(look.surroundings(np.array([0], np.int32))) == [0]


def test_surroundings_are_two_places_to_each_side():
    told = Told(*[(f"Line {number}", 1) for number in range(9)])
    assert sorted(told.look("line").surroundings(np.array([4], np.int32))) == [2, 3, 4, 5, 6]


def test_the_named_speaker_comes_before_a_note_and_that_before_another():
    told = Told(("We sailed home", -1, "Ann"), ("We sailed home", -1, "Bob"), ("We sailed home",))
    assert told.order("Did Bob sail home?", weights=SPEAKER) == [1, 2, 0]


def test_a_question_that_names_nobody_prefers_nobody():
    told = Told(("We sailed home", -1, "Ann"), ("We sailed home", -1, "Bob"))
    look = told.look("who sailed home?")
    assert not look.signals["speaker"].any()
    assert not look.signals["other_speaker"].any()


def test_the_day_that_a_question_names_decides_between_equals():
    told = Told(
        ("We sailed home", -1, "", date(2023, 5, 8)),
        ("We sailed home", -1, "", date(2023, 8, 1)),
        ("We sailed home",),
    )
    assert told.order("who sailed home on 1 August 2023?")[0] == 1
    assert told.order("who sailed home in May 2023?")[0] == 0


def test_soon_after_the_day_is_nearer_than_before_it():
    told = Told(("We sailed", -1, "", date(2023, 5, 4)), ("We sailed", -1, "", date(2023, 5, 12)))
    assert told.order("who sailed on 8 May 2023?", weights=only("date")) == [1, 0]


def test_a_question_for_a_time_prefers_what_says_when():
    told = Told(("We went to see the lake",), ("We went to see the lake yesterday",))
    assert told.order("When did they see the lake?", weights=only("says_when"))[0] == 1
    assert not told.look("Who went to see the lake?").signals["says_when"].any()


def test_an_answer_follows_its_question():
    told = Told(("Where is the boat?", 1), ("In Marstal", 1), ("It rains", 1), ("In Marstal", 2))
    look = told.look("where is the boat?")
    assert look.signals["answers_words"][told.layout.rank[1]] > 0
    assert look.signals["answers_words"][told.layout.rank[3]] == 0


def test_a_token_finds_its_like_among_the_signs():
    told = Told(("one",), ("two",), ("three",))
    state = np.random.default_rng(7).normal(size=384).astype(np.float32)
    other = np.random.default_rng(8).normal(size=(2, 384))
    signs = np.packbits(np.stack([other[0], state, other[1]]) > 0, axis=1)
    fetched = Fetched(
        rows=np.arange(3, dtype=np.int32), vectors=AXES[:3], signs=signs, token_counts=np.ones(3, np.int32)
    )
    nearest = near([0, 1, 2], [0.1, 0.1, 0.1], tokens=(state / np.linalg.norm(state))[None])
    assert told.order("subject", nearest=nearest, fetched=fetched, weights=only("tokens"))[0] == 1


def test_a_neighbours_token_counts_less_than_ones_own():
    told = Told(("one", 1), ("two", 1), ("three", 1), ("four", 2))
    state = np.random.default_rng(7).normal(size=384).astype(np.float32)
    other = np.random.default_rng(8).normal(size=(3, 384))
    fetched = Fetched(
        rows=np.arange(4, dtype=np.int32),
        vectors=AXES[:4],
        signs=np.packbits(np.stack([state, *other]) > 0, axis=1),
        token_counts=np.ones(4, np.int32),
    )
    nearest = near([0, 1, 2, 3], [0.1] * 4, tokens=(state / np.linalg.norm(state))[None])
    look = told.look("subject", nearest)
    around = gather(look, np.arange(4, dtype=np.int32), fetched)["tokens_around"]
    assert around[0] > around[1] > around[2] > around[3]


def test_names_of_speakers_are_no_subject_of_a_question():
    question = read_question("What did Ann paint?", speakers=["Ann"])
    assert list(subject_tokens(question, AXES[:2], ["ann", "paint"])[0]) == list(AXES[1])
    assert len(subject_tokens(question, AXES[:1], ["ann"])) == 1


def test_a_memory_without_a_vector_is_neither_near_nor_far():
    told = Told(("one",), ("two",), ("three",))
    fetched = Fetched(
        rows=np.array([0, 1], np.int32),
        vectors=AXES[:2],
        signs=np.empty((0, 48), np.uint8),
        token_counts=np.zeros(2, np.int32),
    )
    signals = gather(told.look("one", near([0, 1], [1.0, 0.0])), np.arange(3, dtype=np.int32), fetched)
    assert signals["meaning_beside"] == pytest.approx([1.0, 0.0, 0.5])


def test_without_vectors_the_words_decide():
    told = Told(("The boat key hangs in Marstal",), ("The bread is in the oven",))
    look = told.look("boat key")
    ranking = rank(look, look.candidates(10), None, fitted_weights())
    assert ranking.rows[0] == 0
    assert not ranking.shares["tokens"].any()
    assert not ranking.shares["meaning_beside"].any()


def test_what_is_missing_shifts_the_weight_to_what_is_there():
    weights = Weights(
        survey={}, final={}, without_tokens={"meaning": 1.0}, without_vectors={"words": 1.0}
    )  # fmt: skip
    told = Told(("The boat key",), ("Something else",))
    assert told.order("boat key", weights=weights)[0] == 0
    assert told.order("boat key", nearest=near([1, 0], [0.9, 0.1]), weights=weights)[0] == 1


def test_shares_add_up_to_the_score():
    told = Told(("The boat key hangs", 1, "Ann"), ("Bread", 1, "Bob"), ("A boat", 2, "Ann"))
    look = told.look("where is Ann's boat?", near([0, 1, 2], [0.5, 0.3, 0.4]))
    ranking = rank(look, look.candidates(10), None, fitted_weights())
    assert sum(ranking.shares.values()) == pytest.approx(ranking.scores, abs=1e-5)


def test_the_only_memory_found_has_the_score_of_what_it_answers():
    told = Told(("The boat key hangs behind the blue door",))
    (well,) = rank((look := told.look("where is the boat key?")), look.candidates(10), None, fitted_weights()).scores
    (barely,) = rank((look := told.look("any blue ones?")), look.candidates(10), None, fitted_weights()).scores
    assert well > barely > 0


def test_what_is_not_allowed_is_no_candidate():
    told = Told(("A boat",), ("A boat",), ("A boat",))
    assert sorted(told.look("boat").candidates(10, np.array([True, False, True]))) == [0, 2]


def test_a_segment_is_as_good_as_its_memories_together():
    told = Told(("A boat", 1), ("Bread and butter", 1), ("A boat", 2), ("Our boat", 2))
    look = told.look("boat")
    weights = only("words")
    ranking = rank(look, look.candidates(10), None, weights)
    first = rank_segments(look, ranking)[0]
    assert first == told.layout.segment[told.layout.rank[2]]


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_of_signals_has_a_weight_and_can_be_turned_off(group):
    weights = fitted_weights()
    assert any(weights.final.get(name) for name in GROUPS[group])
    off = weights.without(GROUPS[group])
    assert not any(name in off.final or name in off.survey for name in GROUPS[group])


def test_the_weights_name_known_signals_only():
    weights = fitted_weights()
    assert {*weights.survey, *weights.final, *weights.without_tokens, *weights.without_vectors} <= set(SIGNALS)


def test_no_sign_that_a_memory_answers_counts_against_it():
    weights = fitted_weights()
    may = {"other_speaker", "is_question", "asks"}
    parts = (weights.survey, weights.final, weights.without_tokens, weights.without_vectors)
    assert all(weight >= 0 for part in parts for name, weight in part.items() if name not in may)


def test_an_empty_store_has_no_candidates():
    told = Told()
    look = told.look("boat")
    ranking = rank(look, look.candidates(10), None, fitted_weights())
    assert len(ranking.rows) == 0


def test_yesterday_in_a_memorys_words_is_the_day_before_it():
    told = Told(
        ("We sailed yesterday.", -1, None, date(2023, 5, 8)),
        ("We sail.", -1, None, date(2023, 5, 8)),
        ("We sailed last month.", -1, None, date(2023, 6, 20)),
        ("We sailed yesterday.", -1, None, date(2023, 5, 20)),
    )
    named = told.look("What happened on 7 May 2023?").signals["date"]
    assert named[0] == 1.0
    assert named[1] < 0.95
    assert named[0] > named[1] > named[2] > 0.1
    assert named[3] < 0.5


def test_what_tells_of_no_other_day_has_the_date_signal_it_had():
    plain = Told(("We sail.", -1, None, date(2023, 5, 8)), ("We swim.", -1, None, None))
    other = Told(
        ("We sail.", -1, None, date(2023, 5, 8)),
        ("We swim.", -1, None, None),
        ("It was on 7 May 2023.", -1, None, None),
    )
    query = "What happened on 7 May 2023?"
    assert (plain.look(query).signals["date"] == other.look(query).signals["date"][:2]).all()
    assert other.look(query).signals["date"][2] == 1.0


def test_what_happened_on_the_very_day_is_marked_where_a_day_is_named_and_not_a_year():
    told = Told(("We sail.", -1, None, date(2023, 5, 7)), ("We swim.", -1, None, date(2023, 6, 1)))
    assert told.look("What happened on 7 May 2023?").signals["on_day"].tolist() == [1.0, 0.0]
    assert told.look("What happened in 2023?").signals["on_day"].tolist() == [0.0, 0.0]


def test_a_rare_word_outweighs_two_common_ones():
    told = Told(
        *((f"The drawer by the door holds {thing}.", number) for number, thing in enumerate(["gloves", "maps"] * 20)),
        ("Tarragon stands on the second shelf.", 90),
    )
    found = told.look("Which drawer holds the tarragon?")
    ranking = rank(found, np.arange(41, dtype=np.int32), None, fitted_weights())
    assert int(ranking.rows[0]) == 40


def test_what_is_near_in_meaning_is_a_candidate_among_hundreds_that_share_a_word():
    sections = 40
    told = Told(
        *(
            (text, section)
            for section in range(sections)
            for text in [*(f"The boat number {section}-{n} was painted." for n in range(10)), "Varnish is due."]
        )
    )
    cosines = np.full(len(told.memories), 0.05, np.float32)
    wanted = np.arange(10, len(cosines), 11)
    cosines[wanted] = 0.7
    found = told.look("Does the boat need paint?", near(range(len(cosines)), cosines))
    assert set(wanted.tolist()) <= set(found.candidates(100).tolist())
