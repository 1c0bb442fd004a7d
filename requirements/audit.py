"""Asks for known vulnerabilities of what the locks name: ``python requirements/audit.py``

Exit code 1, with a line each, when one is known and not among IGNORED. Where the advisories can't be had (no network, an
index of packages that has none) it is one line, and exit code 0: nothing is known then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent / "test.lock"
"""It holds all of lotus.lock."""
LONGEST_S = 120
IGNORED: Mapping[str, str] = {}
"""Advisories that are lived with: the identifier, and why."""


def judge(document: Mapping[str, Any], ignored: Mapping[str, str] = IGNORED) -> tuple[int, list[str]]:
    """The exit code and the lines to say, of what pip-audit wrote as JSON."""
    packages = document["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        return 0, ["pip-audit: skipped, as advisories can't be had here"]
    found = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for package in packages
        for fault in package.get("vulns", ())
        if not {fault["id"], *fault.get("aliases", ())} & ignored.keys()
    ]
    if unknown:
        found_nothing_about = f"pip-audit: nothing is known about {', '.join(unknown)}"
        return (1 if found else 0), [*found, found_nothing_about]
    return (1 if found else 0), found or [f"pip-audit: no known vulnerability in {len(packages)} packages"]


def main() -> int:
    """Runs pip-audit and says what it found."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    command += ["--no-deps", "--disable-pip", "--requirement", str(LOCK)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST_S, check=False)
        code, lines = judge(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        code, lines = 0, [f"pip-audit: skipped, as the advisories did not come within {LONGEST_S} s"]
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
        code, lines = 0, [f"pip-audit: skipped, as the advisories can't be fetched ({reason})"]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
