"""Fits the weights of recall to a LoCoMo file, and says how far to believe them.

    python benchmarks/fit_recall.py DATASET [--write] [--ablate] [--cache FOLDER] [--json]

Every conversation is a store of its own, one memory a turn, as ``benchmarks/recall.py`` has it; the signals are those of
``lotus_tasks.memory.ranking``, computed by the very code that recall runs, over exact cosines instead of the index's.

The fit is listwise: the softmax of the scores over a question's candidates shall lie on its evidence (each piece weighs the
same), with an L2 penalty on the weights of the standardised signals. That is convex; Newton's method solves it. A signal whose
weight would have the wrong sign (a match that counts against a memory) is left out and the rest fitted again. One weight is
given, not fitted (GIVEN says why). Two sets of
weights come out: ``survey`` over all memories with what is known before any vector is fetched, and ``final`` over its best
CANDIDATES.

Printed: recall@5/10/20 of evidence turns, and whether the best 5/10 sessions hold any evidence and what share of it the best 10
hold, (a) fitted on all conversations and tried on the same, which flatters, (b) leave-one-out: fitted on all but one, tried on
that one, (c) both again with all conversations in one store, with the weights of (a) and (b), (d) (b) where the
embedder gives no token states, and where there are no vectors at all. Which signals there are was
decided by looking at (b) on the development half, so even (b) flatters a little; conversations nobody looked at are the test.
``--ablate`` fits again without each group of signals. ``--write`` puts the weights of (a) into lotus_tasks/memory/weights.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

from locomo import CATEGORIES, Conversation, Turn, read_locomo  # noqa: E402

from lotus_tasks.memory.adapters.minilm import MiniLMEmbedder  # noqa: E402
from lotus_tasks.memory.cues import read_question, text_cues  # noqa: E402
from lotus_tasks.memory.ports import Embedding, QueryEmbedding  # noqa: E402
from lotus_tasks.memory.ranking import (  # noqa: E402
    CANDIDATES,
    GROUPS,
    NEAREST,
    SIGNALS,
    SURVEY_SIGNALS,
    TOKEN_BYTES,
    Fetched,
    Layout,
    Nearest,
    Survey,
    gather,
    lay_out,
    rank_segments,
    rough_scores,
    subject_tokens,
    survey,
    weigh,
)
from lotus_tasks.memory.service.writing import told_days  # noqa: E402
from lotus_tasks.memory.text import count_terms, embedding_text  # noqa: E402
from lotus_tasks.memory.weights import PATH, Weights  # noqa: E402

L2 = 10.0
GIVEN = {"words": 2.0}
"""Not fitted. LoCoMo's questions paraphrase, and token states find what is paraphrased, so the fit would give the plain words
nothing, at no loss here (0.848 either way). People also ask for a name, a number, a code; these are found by their letters."""
MAY_BE_NEGATIVE = {"other_speaker", "is_question", "asks"}
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Conversations laid out as one store."""

    layout: Layout
    postings: Mapping[str, tuple[NDArray[np.int32], NDArray[np.int32]]]
    speakers: Sequence[str]
    vectors: NDArray[np.float32]
    signs: Sequence[NDArray[np.uint8]]
    years: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A question put to a store: the rows that answer it, and the conversation it is about."""

    store: Store
    text: str
    embedding: QueryEmbedding
    evidence: NDArray[np.int32]
    category: int
    fold: int


def main() -> None:
    """Fit, measure, print; see above."""
    options = _options()
    conversations = read_locomo(options.dataset)
    embed = EmbeddingCache(options.cache)
    started = time.perf_counter()
    alone = [trial for fold, one in enumerate(conversations) for trial in trials([one], embed, [fold])]
    shared = trials(conversations, embed, range(len(conversations)))
    print(f"{len(alone)} questions read in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    report, weights = _report(alone, shared)
    if options.ablate:
        report["without"] = {group: _report(alone, shared, off=names)[0] for group, names in GROUPS.items()}
    _print(report, as_json=options.json)
    if options.write:
        digest = hashlib.sha256(options.dataset.read_bytes()).hexdigest()
        provenance = {
            "program": "benchmarks/fit_recall.py",
            "data": f"LoCoMo, {len(conversations)} conversations, {len(alone)} questions, sha256 {digest[:16]}",
            "fitted": report["fitted"]["turn"],
            "leave_one_out": report["leave_one_out"]["turn"],
        }
        content = {"provenance": provenance, **asdict(weights)}
        PATH.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def fit(trials: Sequence[Trial], off: Iterable[str] = ()) -> Weights:
    """The weights that put the evidence of ``trials`` first, without the signals ``off``."""
    off = set(off)
    survey_weights = _fit_survey(trials, off)
    names = [name for name in SIGNALS if name not in off]
    lists = []
    for trial in trials:
        rows, signals = _candidates(trial, survey_weights)
        found = np.flatnonzero(np.isin(rows, trial.evidence))
        if len(found):
            lists.append((np.stack([signals[name] for name in names], axis=1), found))
    kept = [index for index, name in enumerate(names) if name not in GROUPS["tokens"]]
    return Weights(
        survey=survey_weights,
        final=_fit_linear(names, lists, GIVEN),
        without_tokens=_fit_linear([names[index] for index in kept], [(one[:, kept], at) for one, at in lists], GIVEN),
        without_vectors=_fit_survey(trials, off | {*GROUPS["meaning"]}, GIVEN),
    )


def _fit_survey(
    trials: Sequence[Trial], off: AbstractSet[str], given: Mapping[str, float] | None = None
) -> dict[str, float]:
    names = [name for name in SURVEY_SIGNALS if name not in off]
    lists: list[tuple[NDArray[np.float32], NDArray[Any]]] = []
    for trial in trials:
        look = _look(trial)
        lists.append((np.stack([look.signals[name] for name in names], axis=1), look.layout.rank[trial.evidence]))
    return _fit_linear(names, lists, given)


def _fit_linear(
    names: Sequence[str],
    lists: Sequence[tuple[NDArray[np.float32], NDArray[Any]]],
    given: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """One weight a signal, but for those ``given``; what would have the wrong sign is dropped, the worst first."""
    given = {name: weight for name, weight in (given or {}).items() if name in names}
    values = np.concatenate([one for one, _ in lists]).astype(np.float64)
    starts = np.cumsum([0, *(len(one) for one, _ in lists)])[:-1]
    offset = values @ np.array([given.get(name, 0.0) for name in names])
    wanted = np.stack([one[evidence].mean(axis=0) for one, evidence in lists])
    spread = np.maximum(values.std(axis=0), 1e-9)
    values /= spread
    wanted = wanted / spread
    kept = [index for index, name in enumerate(names) if spread[index] > 1e-9 and name not in given]
    weights = np.zeros(len(names))
    while True:
        weights[kept] = _solve(values[:, kept], starts, wanted[:, kept], offset, weights[kept])
        wrong = [
            (weights[index], index) for index in kept if weights[index] < 0 and names[index] not in MAY_BE_NEGATIVE
        ]
        if not wrong:
            break
        worst = min(wrong)[1]
        kept.remove(worst)
        weights[worst] = 0.0
    return {**given, **{names[index]: float(f"{weights[index] / spread[index]:.4g}") for index in kept}}


def _solve(values: Matrix, starts: NDArray[Any], wanted: Matrix, offset: Matrix, weights: Matrix) -> Matrix:
    """Newton's method on the penalised listwise loss, from ``weights`` on."""
    lengths = np.diff([*starts, len(values)])
    for _ in range(20):
        scores = values @ weights + offset
        chance = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), lengths))
        chance /= np.repeat(np.add.reduceat(chance, starts), lengths)
        weighed = values * chance[:, None]
        means = np.add.reduceat(weighed, starts, axis=0)
        gradient = (means - wanted).sum(axis=0) + L2 * weights
        hessian = weighed.T @ values - means.T @ means + L2 * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        # Far from the optimum a full Newton step may overshoot.
        weights = weights - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-4:
            break
    return weights


_looks: dict[int, Survey] = {}


def _look(trial: Trial) -> Survey:
    """The survey signals, which no weights are in."""
    if id(trial) not in _looks:
        _looks[id(trial)] = _survey(trial)
    return _looks[id(trial)]


def _survey(trial: Trial) -> Survey:
    store = trial.store
    question = read_question(trial.text, speakers=store.speakers, years=store.years)
    cosines = store.vectors @ trial.embedding.vector
    nearest = np.argsort(-cosines, kind="stable")[:NEAREST].astype(np.int32)
    return survey(
        store.layout,
        question,
        speakers=store.speakers,
        postings={term: store.postings[term] for term in question.terms if term in store.postings},
        nearest=Nearest(
            rows=nearest,
            cosines=cosines[nearest],
            vector=trial.embedding.vector,
            tokens=subject_tokens(question, trial.embedding.tokens, trial.embedding.words),
        ),
        weights=Weights(survey={}, final={}),
    )


def _fetch(store: Store, rows: NDArray[np.int32]) -> Fetched:
    return Fetched(
        rows=rows,
        vectors=store.vectors[rows],
        signs=np.concatenate([store.signs[row] for row in rows]),
        token_counts=np.array([len(store.signs[row]) for row in rows], np.int32),
    )


_gathered: dict[tuple[int, bytes], dict[str, NDArray[np.float32]]] = {}


def _candidates(trial: Trial, weights: Mapping[str, float]) -> tuple[NDArray[np.int32], dict[str, NDArray[np.float32]]]:
    look = _look(trial)
    look = replace(look, score=rough_scores(look.signals, weights))
    rows = look.candidates(CANDIDATES)
    key = (id(trial), rows.tobytes())
    if key not in _gathered:
        _gathered[key] = gather(look, rows, _fetch(trial.store, look.surroundings(rows)))
    return rows, _gathered[key]


def _measure(
    trials: Sequence[Trial], weights: Callable[[Trial], Weights], missing: Literal["tokens", "vectors"] | None = None
) -> list[dict[str, float]]:
    measured = []
    for trial in trials:
        fitted = weights(trial)
        rows, signals = _candidates(trial, fitted.without_vectors if missing == "vectors" else fitted.survey)
        part = {"tokens": fitted.without_tokens, "vectors": fitted.without_vectors, None: fitted.final}[missing]
        ranking = weigh(rows, signals, part)
        layout = trial.store.layout
        segments = list(rank_segments(_look(trial), ranking))
        wanted = set(layout.segment[layout.rank[trial.evidence]].tolist())
        measured.append(
            {f"turn{k}": float(np.isin(trial.evidence, ranking.rows[:k]).mean()) for k in (5, 10, 20)}
            | {f"any{k}": float(not wanted.isdisjoint(segments[:k])) for k in (5, 10)}
            | {"mean10": len(wanted.intersection(segments[:10])) / len(wanted)}
            | {"found": float(np.isin(trial.evidence, rows).mean())}
        )
    return measured


def _report(alone: Sequence[Trial], shared: Sequence[Trial], off: Iterable[str] = ()) -> tuple[dict[str, Any], Weights]:
    off = tuple(off)
    full = fit(alone, off)
    without = {fold: fit([trial for trial in alone if trial.fold != fold], off) for fold in {one.fold for one in alone}}

    def held_out(trial: Trial) -> Weights:
        return without[trial.fold]

    return {
        "fitted": _summary(alone, _measure(alone, lambda _: full)),
        "leave_one_out": _summary(alone, _measure(alone, held_out)),
        "shared_fitted": _summary(shared, _measure(shared, lambda _: full)),
        "shared_leave_one_out": _summary(shared, _measure(shared, held_out)),
        "leave_one_out_without_tokens": _summary(alone, _measure(alone, held_out, "tokens")),
        "leave_one_out_without_vectors": _summary(alone, _measure(alone, held_out, "vectors")),
    }, full


def _summary(trials: Sequence[Trial], measured: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    def mean(key: str, chosen: Callable[[Trial], bool] = lambda _: True) -> float:
        return round(
            float(np.mean([one[key] for trial, one in zip(trials, measured, strict=True) if chosen(trial)])), 4
        )

    return {
        "turn": {str(k): mean(f"turn{k}") for k in (5, 10, 20)},
        "session_any": {str(k): mean(f"any{k}") for k in (5, 10)},
        "session_mean": {"10": mean("mean10")},
        "by_category": {
            name: mean("turn10", lambda trial, number=number: trial.category == number)  # type: ignore[misc]
            for number, name in CATEGORIES.items()
        },
        "by_conversation": [
            mean("turn10", lambda trial, fold=fold: trial.fold == fold)  # type: ignore[misc]
            for fold in sorted({trial.fold for trial in trials})
        ],
        "among_candidates": mean("found"),
    }


def trials(conversations: Sequence[Conversation], embed: EmbeddingCache, folds: Iterable[int]) -> list[Trial]:
    """What is asked about the conversations, put to one store of them all; ``folds`` numbers them."""
    store = _store(conversations, embed)
    found, before = [], 0
    for fold, conversation in zip(folds, conversations, strict=True):
        embeddings = embed.questions([asked.text for asked in conversation.questions])
        found += [
            Trial(
                store=store,
                text=asked.text,
                embedding=embedding,
                evidence=np.array(asked.evidence, np.int32) + before,
                category=asked.category,
                fold=fold,
            )
            for asked, embedding in zip(conversation.questions, embeddings, strict=True)
        ]
        before += len(conversation.turns)
    return found


def _told(turns: Sequence[tuple[int, Turn]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    days = [told_days(turn.text, turn.happened_at) or (-1, -1) for _, turn in turns]
    return np.array([first for first, _ in days], np.int32), np.array([last for _, last in days], np.int32)


def _store(conversations: Sequence[Conversation], embed: EmbeddingCache) -> Store:
    turns = [(number, turn) for number, one in enumerate(conversations) for turn in one.turns]
    texts = [embedding_text(turn.text, turn.speaker) for _, turn in turns]
    counts = [count_terms(text) for text in texts]
    gathered: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, counted in enumerate(counts):
        for term, count in counted.items():
            gathered[term].append((row, count))
    speakers = sorted({turn.speaker for _, turn in turns})
    segments = {key: number for number, key in enumerate(dict.fromkeys((one, turn.session) for one, turn in turns))}
    embeddings = [embedding for one in conversations for embedding in embed.turns(one)]
    return Store(
        layout=lay_out(
            segment=np.array([segments[one, turn.session] for one, turn in turns], np.int32),
            position=np.arange(len(turns), dtype=np.int32),
            length=np.array([sum(counted.values()) for counted in counts], np.int32),
            speaker=np.array([speakers.index(turn.speaker) for _, turn in turns], np.int32),
            day=np.array([turn.happened_at.toordinal() for _, turn in turns], np.float32),
            cues=np.array([text_cues(turn.text) for _, turn in turns], np.uint8),
            told=_told(turns),
        ),
        postings={
            term: (np.array([row for row, _ in found], np.int32), np.array([count for _, count in found], np.int32))
            for term, found in gathered.items()
        },
        speakers=speakers,
        # As PostgreSQL keeps them.
        vectors=np.stack([one.vector for one in embeddings]).astype(np.float16).astype(np.float32),
        signs=[np.frombuffer(one.tokens, np.uint8).reshape(-1, TOKEN_BYTES) for one in embeddings],
        years=(min(turn.happened_at.year for _, turn in turns), max(turn.happened_at.year for _, turn in turns)),
    )


class EmbeddingCache:
    """Embeddings, computed once a text list; kept in ``folder`` if there is one."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._models = Path(tempfile.gettempdir()) / "lotus-fit-models" if folder is None else folder / "models"
        self._embedder = MiniLMEmbedder(self._models)
        self._known: dict[str, Any] = {}

    def turns(self, conversation: Conversation) -> Sequence[Embedding]:
        """The embeddings of its turns."""
        texts = [embedding_text(turn.text, turn.speaker) for turn in conversation.turns]
        found: Sequence[Embedding] = self._through("turns", texts, lambda: list(self._embedder.embed(texts)))
        return found

    def questions(self, texts: Sequence[str]) -> Sequence[QueryEmbedding]:
        """The embeddings of questions."""
        found: Sequence[QueryEmbedding] = self._through(
            "questions", texts, lambda: [self._embedder.embed_query(text) for text in texts]
        )
        return found

    def _through(self, name: str, texts: Sequence[str], compute: Callable[[], Any]) -> Any:
        key = f"{name}-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}"
        if key not in self._known:
            path = self._folder / f"{key}.pickle" if self._folder else None
            if path is not None and path.exists():
                self._known[key] = pickle.loads(path.read_bytes())
            else:
                self._known[key] = compute()
                if path is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(pickle.dumps(self._known[key]))
        return self._known[key]


def _print(report: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    for name, figures in report.items():
        if name == "without":
            for group, one in figures.items():
                print(
                    f"without {group:16s} fitted {one['fitted']['turn']['10']:.4f}  leave-one-out "
                    f"{one['leave_one_out']['turn']['10']:.4f}  shared {one['shared_leave_one_out']['turn']['10']:.4f}"
                )
        else:
            print(f"{name:22s}", json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--write", action="store_true", help="put the weights into lotus_tasks/memory/weights.json")
    parser.add_argument("--ablate", action="store_true", help="fit again without each group of signals")
    parser.add_argument("--cache", type=Path, help="keep embeddings in this folder")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
