"""What asking from the command line takes, whole process: `manage.py ask` beside the `llm` CLI on the same model server; and what
a key of a shell that completes takes, beside a Python that does nothing.

    python benchmarks/cli.py [--runs N] [--llm VERSION] [--only-key] [--json]

Prints
    ask_s    median seconds of `manage.py ask QUESTION`, from its start to its end: recall and every commit included
    llm_s    median seconds of `llm -m MODEL QUESTION`
    ratio    ask_s / llm_s
    key_s    median seconds of the answer to a shell whose line is "./manage.py runs show ": the ids of runs, from PostgreSQL
    bare_s   median seconds of `python -c pass`
    key_ratio  key_s / bare_s
    spread   the fastest and the slowest run of each
With --only-key the last three alone, and nothing is installed.

The model answers at once, so what is measured is everything but the model. Runs of the two alternate, both into a pipe; the
first of each is not counted. The newest llm is installed into a temporary environment, which is removed at the end; so is the
LOTUS that is started.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from stack import Lotus, lotus_home  # noqa: E402

from tests.modelserver.handle import ModelServerHandle, model_server_process  # noqa: E402

QUESTION = "Where does the spare key of the boat hang?"
REPLY = "Behind the blue door in Marstal."
MODEL = "scripted"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="`manage.py ask` beside the `llm` CLI, whole process.")
    parser.add_argument("--runs", type=int, default=15, help="runs of each (default 15)")
    parser.add_argument("--llm", default="", metavar="VERSION", help="this version of llm (default: the newest)")
    parser.add_argument("--only-key", action="store_true", help="only what a key takes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with model_server_process() as model, tempfile.TemporaryDirectory(prefix="lotus-llm-") as folder:
        model.script(reply=REPLY)
        llm = None if options.only_key else Llm(Path(folder), options.llm, model)
        settings = {"LOTUS_PROVIDERS": "openai", "OPENAI_BASE_URL": model.openai_url}
        with lotus_home(**settings) as lotus:
            lotus.up()
            try:
                lotus.run("remember", "The spare key of the boat hangs behind the blue door.")
                report = measure_key(lotus, options.runs)
                if llm is not None:
                    asked = measure(lotus, llm, options.runs)
                    report = {**asked, **report, "spread": {**asked["spread"], **report["spread"]}}
            finally:
                lotus.run("down")
    print(json.dumps(report) if options.json else "\n".join(f"{name:<12} {value}" for name, value in report.items()))


class Llm:
    """The llm CLI in an environment of its own under ``folder``, with the scripted model as its only extra one."""

    def __init__(self, folder: Path, version: str, model: ModelServerHandle) -> None:
        home = folder / "home"
        home.mkdir()
        entry = {"model_id": MODEL, "model_name": MODEL, "api_base": model.openai_url}
        # JSON is YAML.
        (home / "extra-openai-models.yaml").write_text(json.dumps([entry]), encoding="utf-8")
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / "bin"
        wanted = f"llm=={version}" if version else "llm"
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([programs / "python", "-m", "pip", "install", *quiet, wanted], check=True)
        self.command = [str(programs / "llm"), "-m", MODEL]
        self.environment = {**os.environ, "LLM_USER_PATH": str(home), "OPENAI_API_KEY": "sk-benchmark-000000000000"}
        shown = subprocess.run([*self.command[:1], "--version"], check=True, capture_output=True, text=True)
        self.version = shown.stdout.strip().rpartition(" ")[2]


def measure(lotus: Lotus, llm: Llm, runs: int) -> dict[str, Any]:
    """The figures of asking."""
    ours = [sys.executable, str(PROJECT / "manage.py"), "ask", QUESTION]
    asked, theirs = [], []
    for number in range(runs + 1):
        ask_s = timed(ours, lotus.environment)
        llm_s = timed([*llm.command, QUESTION], llm.environment)
        if number:
            asked.append(ask_s)
            theirs.append(llm_s)
    return {
        "ask_s": round(statistics.median(asked), 3),
        "llm_s": round(statistics.median(theirs), 3),
        "ratio": round(statistics.median(asked) / statistics.median(theirs), 2),
        "spread": {"ask_s": _spread(asked), "llm_s": _spread(theirs)},
        "llm_version": llm.version,
        "runs": runs,
    }


def measure_key(lotus: Lotus, runs: int) -> dict[str, Any]:
    """The figures of a key."""
    lotus.run("ask", QUESTION)
    line = {"_MANAGE_PY_COMPLETE": "bash_complete", "COMP_LINE": "./manage.py runs show "}
    keys, bare = [], []
    for number in range(runs + 1):
        key_s = timed([sys.executable, str(PROJECT / "manage.py")], {**lotus.environment, **line}, wanted="plain,")
        bare_s = timed([sys.executable, "-c", "pass"], lotus.environment, wanted="")
        if number:
            keys.append(key_s)
            bare.append(bare_s)
    return {
        "key_s": round(statistics.median(keys), 3),
        "bare_s": round(statistics.median(bare), 3),
        "key_ratio": round(statistics.median(keys) / statistics.median(bare), 1),
        "spread": {"key_s": _spread(keys), "bare_s": _spread(bare)},
        "runs": runs,
    }


def timed(command: Sequence[str], environment: Mapping[str, str], *, wanted: str = REPLY) -> float:
    """Seconds from the command's start to its end. Raises RuntimeError where it didn't print what is ``wanted``."""
    started = time.perf_counter()
    done = subprocess.run(
        command, env=dict(environment), stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True
    )
    took_s = time.perf_counter() - started
    if done.returncode != 0 or wanted not in done.stdout:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stdout} {done.stderr}")
    return took_s


def _spread(values: Sequence[float]) -> list[float]:
    return [round(min(values), 3), round(max(values), 3)]


if __name__ == "__main__":
    main()
