"""The cache of the BM25 index stays small whatever is asked for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from lotus_tasks.memory.ports import Snapshot
from lotus_tasks.memory.service import corpus as module
from lotus_tasks.memory.service.corpus import Corpus


def test_words_that_nobody_ever_wrote_are_forgotten_too(monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHED_POSTINGS", 6400)
    empty = Snapshot(incarnation=1, generation=1, last_no=0)
    corpus = Corpus(SimpleNamespace(snapshot=lambda: empty, postings=lambda terms, last_no, after: {}))
    for number in range(1000):
        assert corpus.view([f"house{number}", "common"]).postings == {}
    assert len(corpus._postings) <= 6400 // 64
    assert "common" in corpus._postings
    assert np.array_equal(corpus.view(["common"]).rows_of([1, 2]), np.empty(0, np.int32))
