"""Every program in benchmarks/ starts from a plain checkout and says how it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lotus_tasks.local.home import PROJECT

ELSEWHERE = {"chroma_default.py"}
"""Runs in an environment of its own, with Chroma's client: recall_scale.py makes it."""
PROGRAMS = [file for file in sorted((PROJECT / "benchmarks").glob("*.py")) if "__main__" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("program", [file for file in PROGRAMS if file.name not in ELSEWHERE], ids=lambda file: file.name)
def test_a_benchmark_says_how_it_is_used(program: Path, tmp_path: Path):
    command = [sys.executable, str(program), "--help"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
