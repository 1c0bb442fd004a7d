"""Installs a lock into the environment this Python belongs to: ``python requirements/install.py lotus|test``

Exact versions and hashes, nothing beside the lock. `uv` does it where it is on the PATH (2 s of processor time against 75), pip
where it isn't or fails: uv may not know the package index that pip is configured for. Cut short, it goes on at the next run. On
a terminal the progress is one line; piped, a few plain ones.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = Path(sys.prefix)
BAR = 20
SUPERSETS = {"lotus": ["lotus"], "test": ["lotus", "test"]}
"""Which locks are installed once one is: test.lock holds all of lotus.lock."""


def count_packages(lock: Path) -> int:
    """How many of the lock's packages this system and Python need."""
    from pip._vendor.packaging.requirements import Requirement

    lines = re.findall(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", lock.read_text(encoding="utf-8"), re.MULTILINE)
    needed = [Requirement(line.strip()) for line in lines]
    return sum(1 for package in needed if package.marker is None or package.marker.evaluate())


class Progress:
    """``packages ━━━━ 57/118``, in place on a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._in_place = sys.stdout.isatty()
        self._shown = -1

    def show(self, verb: str, done: int) -> None:
        """At most the total; a pipe gets a line for each quarter."""
        done = min(done, self._total)
        step = done if self._in_place else done * 4 // max(1, self._total)
        if (verb, step) == self._shown or (not self._in_place and step == 0):
            return
        self._shown = (verb, step)
        filled = BAR * done // max(1, self._total)
        bar = "━" * filled + ("┄" * (BAR - filled))
        line = f"  {verb:<15} {bar} {done}/{self._total}"
        sys.stdout.write(f"\r{line}" if self._in_place else f"{line}\n")
        sys.stdout.flush()

    def end(self) -> None:
        """Leaves the line."""
        if self._in_place:
            sys.stdout.write("\n")
            sys.stdout.flush()


def installed() -> int:
    """How many packages lie in the environment, pip's own not counted."""
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    names = [path.name for path in site.glob("*.dist-info")]
    return sum(1 for name in names if not name.startswith(("pip-", "setuptools-")))


def run_uv(lock: Path, progress: Progress) -> bool:
    """Whether uv is there and has installed the lock."""
    program = shutil.which("uv")
    if program is None:
        return False
    command = [program, "pip", "install", "--python", sys.executable, "--no-deps", "--require-hashes", "--quiet"]
    process = subprocess.Popen(
        [*command, "-r", str(lock)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    _follow_installation(process, progress)
    _, said = process.communicate()
    if process.returncode:
        lines = [line for line in said.splitlines() if line.strip()] or [f"exit code {process.returncode}"]
        progress.end()
        sys.stdout.write(f"  uv can't install the packages ({lines[0].strip()[:200]}); pip goes on\n")
    return process.returncode == 0


def run_pip(lock: Path, progress: Progress) -> tuple[int, list[str]]:
    """The exit code of pip, and what it wrote."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--require-hashes",
        "--no-input",
        "--progress-bar=off",
    ]
    command += ["--no-color", "--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"]
    command += ["-r", str(lock)]
    lines: list[str] = []
    seen = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in _lines(process):
            lines.append(line)
            if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied")):
                seen += 1
                progress.show("fetching", seen)
            elif line.startswith("Installing collected packages"):
                _follow_installation(process, progress)
    return process.returncode, lines


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    if process.stdout is None:
        return
    for line in process.stdout:
        yield line.rstrip()


def _follow_installation(process: subprocess.Popen[str], progress: Progress) -> None:
    """Nothing comes from pip while it unpacks, so the packages that have appeared are counted."""

    def watch() -> None:
        while process.poll() is None:
            progress.show("packages", installed())
            time.sleep(0.3)

    threading.Thread(target=watch, daemon=True).start()


def explain(lines: list[str]) -> str:
    """One line on why pip failed, and what to do."""
    text = "\n".join(lines)
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    last = (errors or lines or ["pip said nothing"])[0][:300]
    if re.search(
        r"NewConnection|NameResolution|Temporary failure|ConnectionError|refused|ProxyError|unreachable", text
    ):
        return "the package index can't be reached; see that this machine is on the network and run this again"
    if "No space left" in text:
        return "the disk is full; LOTUS's packages need about 1 GB. Make room and run this again"
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in text:
        return f"a package is not the one the lock names, so nothing of it was installed: {last}"
    if "No matching distribution" in text or "Could not find a version" in text:
        return f"the package index has no package for this system and Python {sys.version_info[0]}.{sys.version_info[1]}: {last}"
    return f"the packages can't be installed: {last}"


def main(name: str) -> int:
    """Installs the lock of that name."""
    lock = FOLDER / f"{name}.lock"
    with (ENVIRONMENT / ".installing").open("w", encoding="ascii") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stdout.write("  another start is installing the packages; waiting for it\n")
            sys.stdout.flush()
            fcntl.flock(guard, fcntl.LOCK_EX)
        # As they are now: a lock that is replaced while pip works is not the one that was installed.
        texts = {covered: (FOLDER / f"{covered}.lock").read_bytes() for covered in SUPERSETS[name]}
        stamp = ENVIRONMENT / f"installed-{name}.lock"
        if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
            return 0
        total = count_packages(lock)
        progress = Progress(total)
        progress.show("fetching", 0)
        code, lines = (0, []) if run_uv(lock, progress) else run_pip(lock, progress)
        if code:
            progress.end()
            sys.stderr.write(f"lotus: {explain(lines)}\n")
            return 1
        progress.show("packages", total)
        progress.end()
        for covered in SUPERSETS[name]:
            (ENVIRONMENT / f"installed-{covered}.lock").write_bytes(texts[covered])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.stderr.write("\nlotus: stopped; run this again and it goes on\n")
        sys.exit(130)
