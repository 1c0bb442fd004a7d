"""Whether recall finds the evidence: LoCoMo's questions asked of LOTUS's memory on real PostgreSQL and Chroma.

    python benchmarks/recall.py --dataset FILE [--shared-store] [--leave-one-out] [--off SIGNALS] [--json]

FILE is in LoCoMo's own format: a list of conversations, each with dated sessions of turns and a list of questions. One memory
is stored for each turn (its speaker, its text, the caption of a picture), with the session's date. Questions of category 1 to 4
that name evidence are asked. Each conversation has a store of its own, or all share one (--shared-store).

Prints
    turn            share of a question's evidence turns among the first 5, 10, 20 memories
    session_any     is any evidence session among the first 5, 10 sessions
    session_mean    share of the evidence sessions among the first 10
    by_category     turn-level recall@10
    recall_ms       one recall of ten through the service, p50 and p95
    ingest_per_s    memories stored, embedded and indexed a second
    baselines       the same figures for BM25 alone and vectors alone, over the same stores (a session ranks by its best turn)
    held_out        with --leave-one-out: the same figures, each conversation with weights fitted on the others
It starts services of its own under the temporary folder and removes them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the memory worker
PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(PROJECT / "benchmarks")]

from locomo import CATEGORIES, Asked, Conversation, read_locomo  # noqa: E402
from stack import Services, running_services  # noqa: E402

from lotus_tasks.memory.adapters.assembly import MemoryParts, assemble, choose_embedder  # noqa: E402
from lotus_tasks.memory.models import Draft  # noqa: E402
from lotus_tasks.memory.ports import Embedder  # noqa: E402
from lotus_tasks.memory.service.recall import Recaller  # noqa: E402
from lotus_tasks.memory.weights import Weights  # noqa: E402
from lotus_tasks.origins import USER  # noqa: E402
from lotus_tasks.spine.database import Database  # noqa: E402

DEPTH = 200
TURN_CUTS = (5, 10, 20)
SESSION_CUTS = (5, 10)
BASELINES: tuple[Literal["bm25"], Literal["vectors"]] = ("bm25", "vectors")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was measured so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    recall_ms: list[float] = field(default_factory=list)
    stored: int = 0
    ingest_s: float = 0.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Whether recall finds the evidence.")
    parser.add_argument("--dataset", type=Path, required=True, help="LoCoMo's JSON")
    parser.add_argument("--shared-store", action="store_true", help="all conversations in one store")
    parser.add_argument(
        "--leave-one-out", action="store_true", help="also with weights fitted on the other conversations"
    )
    parser.add_argument("--off", default="", help="signals to turn off, with commas")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    conversations = read_locomo(options.dataset)
    held_out = fit_held_out(conversations) if options.leave_one_out else {}
    off = [name for name in options.off.split(",") if name]
    groups = [conversations] if options.shared_store else [[one] for one in conversations]
    tally = Tally()
    with running_services() as services:
        for number, group in enumerate(groups):
            with store(services, f"recall_{number}") as memory:
                measure(memory, group, tally, held_out=held_out, off=off)
    report = summarise(tally, stores=len(groups), names=BASELINES, held_out=bool(held_out))
    print(json.dumps(report) if options.json else "\n".join(f"{name:<14} {value}" for name, value in report.items()))


def fit_held_out(conversations: Sequence[Conversation]) -> dict[str, Weights]:
    """For each conversation the weights that the others alone would have given."""
    from fit_recall import EmbeddingCache, fit, trials

    cache = EmbeddingCache(None)
    every = [trial for fold, one in enumerate(conversations) for trial in trials([one], cache, [fold])]
    return {one.id: fit([trial for trial in every if trial.fold != fold]) for fold, one in enumerate(conversations)}


@contextmanager
def store(services: Services, name: str, *, embedder: Embedder | None = None) -> Iterator[MemoryParts]:
    """An empty store of its own: a database beside the others, a collection of its own in Chroma."""
    with psycopg.connect(services.runtime.database_url.replace("/lotus?", "/postgres?"), autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE lotus_template").format(sql.Identifier(name)))
    with (
        Database(services.runtime.database_url.replace("/lotus?", f"/{name}?")) as database,
        services.redis() as client,
    ):
        chosen = embedder or choose_embedder("minilm", services.home / "models")
        with assemble(
            database=database, client=client, chroma_url=services.runtime.chroma_url, embedder=chosen
        ) as memory:
            yield memory


def drafts_of(conversation: Conversation) -> list[Draft]:
    """One memory a turn."""
    return [
        Draft(
            origin=USER,
            text=turn.text,
            key=f"{conversation.id}/{turn.id}",
            kind="turn",
            source=conversation.id,
            thread=conversation.id,
            segment=str(turn.session),
            speaker=turn.speaker,
            happened_at=turn.happened_at,
        )
        for turn in conversation.turns
    ]


def measure(
    memory: MemoryParts,
    group: Sequence[Conversation],
    tally: Tally,
    *,
    held_out: Mapping[str, Weights],
    off: Sequence[str],
) -> None:
    """Ingest the conversations into one store and ask everything."""
    drafts = {one.id: drafts_of(one) for one in group}
    started = time.perf_counter()
    for one in group:
        memory.remember(drafts[one.id])
    memory.catch_up()
    tally.ingest_s += time.perf_counter() - started
    tally.stored += sum(map(len, drafts.values()))
    session_of = {draft.id: f"{draft.source}/{draft.segment}" for one in group for draft in drafts[one.id]}
    memory.recall("warm up")
    for one in group:
        ids = [draft.id for draft in drafts[one.id]]
        other = Recaller(memory.lexicon, memory.embedder, memory.index, weights=held_out[one.id]) if held_out else None
        for asked in one.questions:
            tally.rows.append(ask(memory, other, asked, ids, session_of, off))
            tally.recall_ms.append(tally.rows[-1].pop("ms"))


def ask(
    memory: MemoryParts,
    held_out: Recaller | None,
    asked: Asked,
    ids: Sequence[Any],
    session_of: Mapping[Any, str],
    off: Sequence[str],
) -> dict[str, Any]:
    """One question: what LOTUS, BM25 alone and vectors alone find."""
    wanted = {ids[index] for index in asked.evidence}
    started = time.perf_counter()
    memory.recaller.recall(asked.text, count=10, off=off)
    spent_ms = (time.perf_counter() - started) * 1000
    row: dict[str, Any] = {"category": asked.category, "ms": spent_ms}
    for name, recaller in (("lotus", memory.recaller), ("held_out", held_out)):
        if recaller is not None:
            found = [one.memory.id for one in recaller.recall(asked.text, count=DEPTH, off=off).memories]
            sessions = [session_of[one] for one in recaller.best_segments(asked.text, count=10, off=off)]
            row[name] = score(found, sessions, wanted, session_of)
    for name in BASELINES:
        found = memory.recaller.baseline(asked.text, name, DEPTH)
        row[name] = score(found, list(dict.fromkeys(session_of[one] for one in found)), wanted, session_of)
    return row


def score(
    ids: Sequence[Any], sessions: Sequence[str], wanted: set[Any], session_of: Mapping[Any, str]
) -> dict[str, Mapping[int, float]]:
    """One ranking's figures."""
    homes = {session_of[one] for one in wanted}
    return {
        "turn": {cut: len(wanted & set(ids[:cut])) / len(wanted) for cut in TURN_CUTS},
        "session_any": {cut: float(bool(homes & set(sessions[:cut]))) for cut in SESSION_CUTS},
        "session_mean": {10: len(homes & set(sessions[:10])) / len(homes)},
    }


def summarise(tally: Tally, *, stores: int, names: Sequence[str], held_out: bool) -> dict[str, Any]:
    """The figures of all questions."""
    rows = tally.rows
    report = {
        "questions": len(rows),
        "memories": tally.stored,
        "stores": stores,
        **means(rows, "lotus"),
        "by_category": by_category(rows, "lotus"),
        "recall_ms": {"p50": percentile(tally.recall_ms, 50), "p95": percentile(tally.recall_ms, 95)},
        "ingest_per_s": round(tally.stored / tally.ingest_s, 1),
        "baselines": {name: means(rows, name) for name in names},
    }
    return report | (
        {"held_out": means(rows, "held_out") | {"by_category": by_category(rows, "held_out")}} if held_out else {}
    )


def means(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, dict[int, float]]:
    """Means over all questions."""
    return {
        figure: {cut: round(statistics.fmean(row[name][figure][cut] for row in rows), 4) for cut in cuts}
        for figure, cuts in (("turn", TURN_CUTS), ("session_any", SESSION_CUTS), ("session_mean", (10,)))
    }


def by_category(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    """Turn-level recall@10 of each category."""
    return {
        label: round(statistics.fmean(row[name]["turn"][10] for row in rows if row["category"] == number), 4)
        for number, label in CATEGORIES.items()
        if any(row["category"] == number for row in rows)
    }


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile, to a tenth."""
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 1)


if __name__ == "__main__":
    main()
