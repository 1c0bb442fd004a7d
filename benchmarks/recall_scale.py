"""What a recall costs as memory grows, and what storing costs beside Chroma's default embedder.

    python benchmarks/recall_scale.py [--sizes 1000,10000,100000] [--queries N] [--embed-all] [--json]

Prints
    recall_ms    for each size: p50 and p95 of a recall of ten through the service, on real PostgreSQL and Chroma, with every
                 question new to the process
    ingest       memories a second stored, embedded and indexed by LOTUS; the same texts added to a Chroma collection with
                 Chroma's default embedder; the ratio

The memories are made up: turns of long conversations, dated, with speakers, words as often as
in English. So that 100 000 of them don't
take the better part of an hour to embed, only 2 000 are; the others get the vector and token bits of one of those with noise
added (--embed-all embeds every one). Questions are embedded for real. Chroma's default embedder is Chroma's own code, which
LOTUS's locks leave out: it is installed into a temporary environment. Where its weights can't be downloaded, it runs the same
weights from LOTUS's package.
It starts services of its own under the temporary folder and removes them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import numpy as np

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the memory worker
PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(PROJECT / "benchmarks")]

from recall import percentile, store  # noqa: E402
from stack import Services, running_services  # noqa: E402

from lotus_tasks.memory.adapters.assembly import MemoryParts  # noqa: E402
from lotus_tasks.memory.adapters.minilm import MiniLMEmbedder  # noqa: E402
from lotus_tasks.memory.models import Draft  # noqa: E402
from lotus_tasks.memory.ports import Embedding, QueryEmbedding  # noqa: E402
from lotus_tasks.origins import USER  # noqa: E402

EMBEDDED = 2000
INGESTED = 400
CONVERSATION = 400
SITTING = 20
NAMES = (
    "Ada",
    "Bo",
    "Cem",
    "Dora",
    "Emil",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "Jule",
    "Kai",
    "Lene",
    "Mats",
    "Nora",
    "Ole",
    "Pia",
)


class SampledEmbedder:
    """Embeds the first texts for real and gives each further one the embedding of one of them, with noise."""

    def __init__(self, real: MiniLMEmbedder, *, every: bool) -> None:
        self._real = real
        self._every = every
        self._known: list[Embedding] = []
        self._random = np.random.default_rng(7)
        self.model = real.model
        self.dimensions = real.dimensions

    def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """One embedding a text."""
        if self._every or len(self._known) < EMBEDDED:
            found = self._real.embed(texts)
            self._known += found
            return found
        return [self._noisy() for _ in texts]

    def embed_query(self, text: str) -> QueryEmbedding:
        """A real embedding."""
        return self._real.embed_query(text)

    def _noisy(self) -> Embedding:
        known = self._known[int(self._random.integers(EMBEDDED))]
        vector = known.vector + self._random.normal(0.0, 0.02, self.dimensions).astype(np.float32)
        return Embedding(vector=vector / np.linalg.norm(vector), tokens=known.tokens)


class Talk:
    """Made-up conversations: two people, sittings of twenty turns some days apart, words by Zipf's law."""

    def __init__(self, models: Path, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = vocabulary(models)
        self._weights = [1.0 / (rank + 3) for rank in range(len(self._words))]
        self._made = 0

    def turns(self, count: int) -> list[Draft]:
        """The next turns."""
        drafts = []
        for number in range(self._made, self._made + count):
            conversation, turn = divmod(number, CONVERSATION)
            pair = (NAMES[conversation % len(NAMES)], NAMES[(conversation * 7 + 3) % len(NAMES)])
            drafts.append(
                Draft(
                    origin=USER,
                    text=self.sentence(self._random.randint(8, 30)),
                    key=f"talk/{number}",
                    kind="turn",
                    source=f"talk {conversation}",
                    thread=f"talk {conversation}",
                    segment=str(turn // SITTING),
                    speaker=pair[turn % 2],
                    happened_at=datetime(2023, 1, 1, tzinfo=UTC)
                    + timedelta(days=conversation * 0.3 + (turn // SITTING) * 9),
                )
            )
        self._made += count
        return drafts

    def sentence(self, length: int) -> str:
        """Words as often as they are in English."""
        return " ".join(self._random.choices(self._words, self._weights, k=length)) + "."

    def question(self) -> str:
        """What somebody did or said."""
        return f"What did {self._random.choice(NAMES)} say about {self.sentence(self._random.randint(4, 8))[:-1]}?"


def vocabulary(models: Path) -> list[str]:
    """The embedder's whole English words, commonest first: its vocabulary is in that order."""
    MiniLMEmbedder(models).embed(["make the model"])
    tokenizer = json.loads(next(models.glob("*/tokenizer.json")).read_text(encoding="utf-8"))
    pieces = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    return [piece for piece, _ in pieces if re.fullmatch(r"[a-z]{2,}", piece)]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="What a recall costs as memory grows.")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of memories, with commas")
    parser.add_argument("--queries", type=int, default=200, help="recalls at each size")
    parser.add_argument("--embed-all", action="store_true", help="embed every memory")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.sizes.split(","))
    sys.setswitchinterval(0.0005)  # as in every worker
    with running_services() as services:
        report = {
            "recall_ms": scale(services, sizes, options.queries, embed_all=options.embed_all),
            "ingest": ingest(services),
        }
    print(json.dumps(report) if options.json else json.dumps(report, indent=1))


def scale(services: Services, sizes: Sequence[int], queries: int, *, embed_all: bool) -> dict[str, dict[str, float]]:
    """Grow one store through the sizes and ask at each."""
    figures: dict[str, dict[str, float]] = {}
    talk = Talk(services.home / "models")
    embedder = SampledEmbedder(MiniLMEmbedder(services.home / "models"), every=embed_all)
    with store(services, "scale", embedder=embedder) as memory:
        stored = 0
        for size in sizes:
            while stored < size:
                batch = min(1000, size - stored)
                memory.remember(talk.turns(batch))
                stored += batch
            memory.catch_up()
            settle(memory)
            memory.recall(talk.question())
            took, parts = [], []
            for _ in range(queries):
                question = talk.question()
                started = time.perf_counter()
                found = memory.recall(question)
                took.append((time.perf_counter() - started) * 1000)
                parts.append(found.timings_ms)
            figures[str(size)] = {"p50": percentile(took, 50), "p95": percentile(took, 95)}
            steps = {name: round(statistics.median(one[name] for one in parts), 1) for name in parts[0]}
            print(f"{size} memories: {figures[str(size)]}, until {steps}", file=sys.stderr)
    return figures


def settle(memory: MemoryParts) -> None:
    """What autovacuum does in a store that grew over months."""
    with memory.database.pool().connection() as conn:
        conn.set_autocommit(True)
        conn.execute("VACUUM ANALYZE")
        conn.set_autocommit(False)


def ingest(services: Services) -> dict[str, float]:
    """LOTUS and Chroma with its default embedder, the same texts."""
    drafts = Talk(services.home / "models", seed=2).turns(INGESTED)
    with store(services, "ingest") as memory:
        memory.embedder.embed(["warm up"])
        started = time.perf_counter()
        memory.remember(drafts)
        memory.catch_up()
        lotus_s = time.perf_counter() - started
    chroma_s = chroma_default(services, [draft.text for draft in drafts])
    return {
        "lotus_per_s": round(INGESTED / lotus_s, 1),
        "chroma_default_per_s": round(INGESTED / chroma_s, 1),
        "ratio": round(chroma_s / lotus_s, 2),
    }


def chroma_default(services: Services, texts: Sequence[str]) -> float:
    """Seconds that Chroma takes to add the texts with its default embedder, in an environment of its own (chroma_default.py)."""
    with tempfile.TemporaryDirectory(prefix="lotus-chroma-") as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        wanted = [f"chromadb=={version('chromadb')}", "onnx"]
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([python, "-m", "pip", "install", *quiet, *wanted], check=True, stdout=sys.stderr)
        script = PROJECT / "benchmarks" / "chroma_default.py"
        done = subprocess.run(
            [python, script, services.home / "models"],
            input=json.dumps(list(texts)), stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    return float(done.stdout)


if __name__ == "__main__":
    main()
