"""Answers checked against a JSON Schema in a process of its own.

A pattern such as ``(a+)+$`` takes for ever on some texts, and Python's regular expressions let no other thread of the process
run meanwhile: one such schema stopped the whole worker.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from lotus_tasks.local.home import PROJECT
from lotus_tasks.reasoning.service.structuring import Mismatch, read_answer

LONGEST_S = 5.0
"""A hundred times what a check takes with the start of its process."""


def read_answer_apart(text: str, schema: Mapping[str, Any]) -> Any:
    """As ``structuring.read_answer``. Raises Mismatch, also where the check takes too long."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            cwd=PROJECT,
            input=json.dumps({"text": text, "schema": schema}),
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise Mismatch(f"the schema could not be checked within {LONGEST_S:g} s; simplify its patterns") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise Mismatch(f"the schema could not be checked ({type(error).__name__})") from error
    verdict = json.loads(done.stdout)
    if "mismatch" in verdict:
        raise Mismatch(verdict["mismatch"])
    return verdict["value"]


def main() -> None:
    """What the process does: one check, from standard input to standard output."""
    asked = json.loads(sys.stdin.read())
    try:
        verdict = {"value": read_answer(asked["text"], asked["schema"])}
    except Mismatch as mismatch:
        verdict = {"mismatch": str(mismatch)}
    sys.stdout.write(json.dumps(verdict))


if __name__ == "__main__":
    main()
