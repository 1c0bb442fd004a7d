"""What LOTUS answers without a model: how often the right passage comes first, and how often it says that it doesn't know.

    python benchmarks/answers.py [--json] [--wrong] [CORPUS.json …]

Three households (tests/integration/memory/household.py) in seven languages, with earlier asks beside the notes: `fitted` is
the one that the threshold was chosen on, `held_out` another, and of `near_misses` a third of what nothing tells is asked of those
of whom something else is told. Prints for each
    right      answerable questions whose right passage is quoted first
    refused    answerable questions that were declined
    silent     answerable questions that were declined without showing what comes nearest
    declined   unanswerable questions that were declined
    near       of those unanswerable ones that are asked of somebody of whom something else is told (where the corpus says which)
and beside them `nearest`: the share of answerable questions whose best vector alone, Chroma's nearest, holds the passage.

Named files are measured instead of the households. Each is an object: `files` (name to text), `told` (a list of texts, oldest
first), `questions` (a list of objects: `q`; `kind`, "answerable" or "unanswerable"; `right`, of which one must stand in the
passage; `near`).
`--wrong` also prints every question that wasn't answered right, with what was said.

It starts embedded services of its own under the temporary folder and removes them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from stack import Services, running_services  # noqa: E402

from lotus_tasks.providers.adapters.offline import KNOWS_NOTHING, NEAREST_IS  # noqa: E402
from tests.integration.inprocess import workers_in_process  # noqa: E402
from tests.integration.memory.household import CALIBRATION, HELD_OUT, NEAR_MISSES, Household  # noqa: E402
from tests.integration.memory.test_answers import answer, first_passage, move_in  # noqa: E402


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Answers without a model: right, refused, declined.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--wrong", action="store_true", help="print what was wrong")
    parser.add_argument("corpora", nargs="*", type=Path, metavar="CORPUS.json", help="measure these instead")
    options = parser.parse_args()
    corpora = {path.stem: read_corpus(path) for path in options.corpora} or {
        name: of_household(household)
        for name, household in (("fitted", CALIBRATION), ("held_out", HELD_OUT), ("near_misses", NEAR_MISSES))
    }
    with running_services() as services:
        os.environ.update(services.environment)
        measured = {name: measure(services, corpus) for name, corpus in corpora.items()}
    report = {name: figures for name, (figures, _) in measured.items()}
    print(json.dumps(report) if options.json else "\n".join(f"{name:<12} {row}" for name, row in report.items()))
    if options.wrong:
        for name, (_, wrong) in measured.items():
            print("", name, *wrong, sep="\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, what a right passage holds one of (none: nothing tells), and whether something near is told."""

    question: str
    right: Sequence[str]
    near: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Notes, what was asked of them before, and what is asked."""

    notes: Household
    questions: Sequence[Asked]


def of_household(household: Household) -> Corpus:
    """A household with its own questions."""
    known = [Asked(question=question, right=[part]) for question, part in household.answerable]
    unknown = [Asked(question=question, right=[]) for question in household.unanswerable]
    return Corpus(notes=household, questions=[*known, *unknown])


def read_corpus(path: Path) -> Corpus:
    """A file of the form that the module's docstring names."""
    read = json.loads(path.read_text(encoding="utf-8"))
    notes = Household(files=read["files"], told=read["told"], asked=(), answerable=(), unanswerable=())
    asked = [
        Asked(
            question=one["q"],
            right=one["right"] if one["kind"] == "answerable" else [],
            near=bool(one.get("near")),
        )
        for one in read["questions"]
    ]
    return Corpus(notes=notes, questions=asked)


def measure(services: Services, corpus: Corpus) -> tuple[dict[str, Any], list[str]]:
    """One corpus in a clean store: the figures, and a line for each wrong answer."""
    services.clean()
    with workers_in_process(services) as workers, tempfile.TemporaryDirectory(prefix="lotus-answers-") as folder:
        from lotus_tasks.memory.tasks.parts import parts

        move_in(workers, corpus.notes, Path(folder))
        parts().catch_up()
        known = [one for one in corpus.questions if one.right]
        nearest = [_holds(_nearest(one.question), one.right) for one in known]
        said = {one.question: answer(workers, one.question) for one in corpus.questions}
    declines = {one.question: said[one.question].startswith(KNOWS_NOTHING) for one in corpus.questions}
    right = {
        one.question: not declines[one.question] and _holds(first_passage(said[one.question]), one.right)
        for one in known
    }
    unknown = [one for one in corpus.questions if not one.right]
    wrong = [one for one in corpus.questions if not (right[one.question] if one.right else declines[one.question])]
    return {
        "answerable": len(known),
        "right": _share(list(right.values())),
        "refused": _share([declines[one.question] for one in known]),
        "silent": _share([declines[one.question] and NEAREST_IS not in said[one.question] for one in known]),
        "unanswerable": len(unknown),
        "declined": _share([declines[one.question] for one in unknown]),
        "near": _share([declines[one.question] for one in unknown if one.near]),
        "nearest": _share(nearest),
    }, [f"{'answerable' if one.right else 'unknown':<10} {one.question}  ->  {said[one.question]!r}" for one in wrong]


def _holds(text: str, parts: Sequence[str]) -> bool:
    return any(part in text for part in parts)


def _nearest(question: str) -> str:
    from lotus_tasks.memory.tasks.parts import parts

    found = parts().lexicon.by_id(parts().recaller.baseline(question, "vectors", 1))
    return found[0].text if found else ""


def _share(outcomes: list[bool]) -> float | None:
    return round(sum(outcomes) / len(outcomes), 3) if outcomes else None


if __name__ == "__main__":
    main()
