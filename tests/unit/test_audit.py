"""What is said of pip-audit's findings, and when the test run ends for them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lotus_tasks.local.home import PROJECT

sys.path.insert(0, str(PROJECT / "requirements"))
import audit

SOUND = {"name": "celery", "version": "5.7.0", "vulns": []}
FAULTY = {"name": "celery", "version": "5.7.0", "vulns": [{"id": "GHSA-1", "fix_versions": ["5.7.1"], "aliases": ["CVE-1"]}]}
UNKNOWN = {"name": "vine", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "ignored", "code", "line"),
    [
        ([SOUND], {}, 0, "pip-audit: no known vulnerability in 1 packages"),
        ([FAULTY, SOUND], {}, 1, "celery 5.7.0: GHSA-1, mended in 5.7.1"),
        ([FAULTY, UNKNOWN], {}, 1, "celery 5.7.0: GHSA-1, mended in 5.7.1"),
        ([FAULTY], {"CVE-1": "a reason"}, 0, "pip-audit: no known vulnerability in 1 packages"),
        ([UNKNOWN, SOUND], {}, 0, "pip-audit: nothing is known about vine"),
        ([UNKNOWN, UNKNOWN], {}, 0, "pip-audit: skipped, as advisories can't be had here"),
    ],
)
def test_a_known_vulnerability_ends_the_run_and_missing_advisories_are_one_line(
    packages: list[dict[str, Any]], ignored: dict[str, str], code: int, line: str
) -> None:
    found, lines = audit.judge({"dependencies": packages}, ignored)
    assert (found, lines[0]) == (code, line)


def test_advisories_that_cannot_be_fetched_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback\nConnectionError: no route to host\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    assert audit.main() == 0
    said = capsys.readouterr().out
    assert said == "pip-audit: skipped, as the advisories can't be fetched (ConnectionError: no route to host)\n"
