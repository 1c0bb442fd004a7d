"""What LOTUS adds between a model's first token and the terminal: `manage.py ask` in a terminal of its own, real processes.

    python benchmarks/first_token.py [--asks N] [--json]

Prints
    added_ms    from the moment the model server wrote its first token to the moment the terminal had it (p50, p95, max)
    asks        how many were measured
The model waits long enough before its first token for the command to have started; the wait is no part of the figure.
It starts a LOTUS of its own under the temporary folder and removes it.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from stack import Lotus, lotus_home  # noqa: E402

from tests.modelserver.handle import ModelServerHandle, model_server_process  # noqa: E402

FIRST_TOKEN_DELAY_S = 2.5
WORD = "Heureka"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="What LOTUS adds between a model's first token and the terminal.")
    parser.add_argument("--asks", type=int, default=20, help="asks one after the other (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with model_server_process() as model:
        settings = {"LOTUS_PROVIDERS": "openai,offline", "OPENAI_BASE_URL": model.openai_url}
        with lotus_home(**settings) as lotus:
            lotus.up()
            try:
                report = measure(lotus, model, options.asks)
            finally:
                lotus.run("down")
    print(json.dumps(report) if options.json else "\n".join(f"{name:<10} {value}" for name, value in report.items()))


def measure(lotus: Lotus, model: ModelServerHandle, asks: int) -> dict[str, Any]:
    """The figures."""
    model.script(reply=f"{WORD} it is", first_token_delay_s=FIRST_TOKEN_DELAY_S, token_delay_s=0.05)
    shown = [first_word_at(lotus, f"question {number}?") for number in range(asks)]
    sent = [call["first_token_at"] for call in model.calls]
    added = sorted((seen - written) * 1000 for seen, written in zip(shown, sent, strict=True))
    return {
        "added_ms": {
            "p50": round(statistics.median(added), 2),
            "p95": round(added[min(len(added) - 1, int(len(added) * 0.95))], 2),
            "max": round(added[-1], 2),
        },
        "asks": asks,
    }


def first_word_at(lotus: Lotus, question: str) -> float:
    """Ask in a terminal; when the first word stood on it (epoch seconds). Raises RuntimeError when it never did."""
    ours, theirs = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "manage.py", "ask", question],
        cwd=PROJECT,
        env=dict(lotus.environment),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    seen_at = 0.0
    output = b""
    deadline = time.monotonic() + 30
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1.0)[0]:
                continue
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side has closed
                break
            if not piece:
                break
            output += piece
            if not seen_at and WORD.encode() in output:
                seen_at = time.time()
    finally:
        os.close(ours)
        asking.wait(10)
    if not seen_at:
        raise RuntimeError(f"the first word never came; the terminal showed {output!r}")
    return seen_at


if __name__ == "__main__":
    main()
