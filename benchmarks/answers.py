"""What LOTUS answers without a model: how often the right passage comes first, and how often it says that it doesn't know.

    python benchmarks/answers.py [--json]

Three households (tests/integration/memory/household.py) in seven languages, with earlier asks beside the notes: `fitted` is
the one that the threshold was chosen on, `held_out` another, and of `near_misses` a third of what nothing tells is asked of those
of whom something else is told. Prints for each
    right      answerable questions whose right passage is quoted first
    refused    answerable questions that were declined
    declined   unanswerable questions that were declined
and beside them `nearest`: the share of answerable questions whose best vector alone, Chroma's nearest, holds the passage.
It starts embedded services of its own under the temporary folder and removes them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from stack import Services, running_services  # noqa: E402

from lotus_tasks.providers.adapters.offline import KNOWS_NOTHING  # noqa: E402
from tests.integration.inprocess import workers_in_process  # noqa: E402
from tests.integration.memory.household import CALIBRATION, HELD_OUT, NEAR_MISSES, Household  # noqa: E402
from tests.integration.memory.test_answers import answer, first_passage, move_in  # noqa: E402


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Answers without a model: right, refused, declined.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with running_services() as services:
        os.environ.update(services.environment)
        report = {
            name: measure(services, household)
            for name, household in (("fitted", CALIBRATION), ("held_out", HELD_OUT), ("near_misses", NEAR_MISSES))
        }
    print(json.dumps(report) if options.json else "\n".join(f"{name:<12} {row}" for name, row in report.items()))


def measure(services: Services, household: Household) -> dict[str, Any]:
    """One household in a clean store."""
    services.clean()
    with workers_in_process(services) as workers, tempfile.TemporaryDirectory(prefix="lotus-answers-") as folder:
        from lotus_tasks.memory.tasks.parts import parts

        move_in(workers, household, Path(folder))
        parts().catch_up()
        nearest = [part in _nearest(question) for question, part in household.answerable]
        said = {question: answer(workers, question) for question, _ in household.answerable}
        unknown = [answer(workers, question) for question in household.unanswerable]
        right = [part in first_passage(said[question]) for question, part in household.answerable]
        return {
            "answerable": len(right),
            "right": _share(right),
            "refused": _share([text.startswith(KNOWS_NOTHING) for text in said.values()]),
            "unanswerable": len(unknown),
            "declined": _share([text.startswith(KNOWS_NOTHING) for text in unknown]),
            "nearest": _share(nearest),
        }


def _nearest(question: str) -> str:
    from lotus_tasks.memory.tasks.parts import parts

    found = parts().lexicon.by_id(parts().recaller.baseline(question, "vectors", 1))
    return found[0].text if found else ""


def _share(outcomes: list[bool]) -> float:
    return round(sum(outcomes) / len(outcomes), 3)


if __name__ == "__main__":
    main()
