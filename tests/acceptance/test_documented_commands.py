"""The commands that README.md and docs/ show are run as they stand there, a page after the other, on a real LOTUS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from stack import Lotus, lotus_home, temporary_home

from lotus_tasks.cli import command_tree
from lotus_tasks.local.home import PROJECT

NOT_RUN: Mapping[str, str] = {
    "./start_lotus.sh": "makes the environment that the tests run in; LOTUS is up already",
    "./run_tests.sh": "is the test run itself",
    "ollama pull": "needs Ollama, and downloads gigabytes",
    "umask 077; echo 'OPENAI_API_KEY": "changes the .env of the project that is being tested",
    "install -m 600 providers.toml": "needs files that a user may have",
    "git pull": "changes the project that is being tested",
    "docker compose": "needs Docker",
    "python manage.py worker": "stays in the foreground; tests/acceptance/test_scaling.py runs it",
    ".venv/bin/celery": "stays in the foreground; tests/acceptance/test_scaling.py runs workers",
    "python manage.py providers pull": "needs Ollama; tests/acceptance/test_commands.py pulls from a double",
}
"""How a line begins that is not run, and why."""
SAID: Mapping[str, tuple[str, ...]] = {
    "README.md": ("3 May 2026", "remembered ", "Anna's birthday is on 12 June"),
    "memory.md": ("user · dentist · Dr. Ahlers in Kiel", "user · dentist · Dr. Brandt"),
    "operations.md": ("the vector index is whole",),
    "schedules.md": ("what-did-i-plan: next ", "on percept.captured source="),
}
"""What a page's commands print, beside ending well."""
NOTES = {
    "boat.md": "# Boat\n\n## Engine\n\nOil was changed on 3 May 2026, the next change is due after 100 hours.\n",
    "house.md": "# House\n\nThe spare key is with Jonas.\n",
}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(
    r"(?:python manage\.py|\./\w+\.sh|\.venv/bin|pbpaste|curl|umask|install|export|git|ollama|echo|docker|PGBIN=|\"\$PGBIN)"
)
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def blocks(page: Path) -> Iterator[list[str]]:
    """The commands of each block that shows some: its lines, or those behind a prompt where it shows output, too."""
    for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = [] if language else block.splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        lines = [line for line in lines if line.strip()]
        if lines and all(_COMMAND.match(line) for line in lines):
            yield lines


def run_lines(page: Path) -> list[str]:
    """What of a page is run, in its order: a later block may need what an earlier one set."""
    return [line for lines in blocks(page) for line in lines if not line.startswith(tuple(NOT_RUN))]


@pytest.fixture(scope="module")
def lotus() -> Iterator[Lotus]:
    """One without a model, as the documents assume where they show an answer."""
    with lotus_home() as system:
        system.up()
        assert system.run("remember", "The mast is twelve metres high.").returncode == 0
        yield system
        assert system.run("down").returncode == 0


@pytest.fixture
def place(lotus: Lotus, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A home folder as the documents assume it: notes, LOTUS_HOME at its usual place, and the programs that they name."""
    lotus.up()  # a page before this one may have ended with `down`
    with temporary_home() as home:  # of a short path, as sockets need it
        yield from _furnished(lotus, home, tmp_path)


def _furnished(lotus: Lotus, home: Path, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    (home / "notes").mkdir(parents=True)
    for name, text in NOTES.items():
        (home / "notes" / name).write_text(text)
    (home / ".lotus").symlink_to(lotus.home)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    (programs / "pbpaste").write_text("#!/bin/sh\necho 'a text from the clipboard'\n")
    (programs / "pbpaste").chmod(0o755)
    yield {**lotus.environment, "HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(
        [sys.executable, "manage.py", "down"], cwd=PROJECT, check=False, capture_output=True, timeout=120,
        env={**lotus.environment, "LOTUS_HOME": str(home / ".lotus-restored")},
    )  # fmt: skip


@pytest.mark.parametrize("page", [page for page in PAGES if run_lines(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_do_what_it_says(lotus: Lotus, place: Mapping[str, str], page: Path, tmp_path: Path):
    if any("curl " in line for line in run_lines(page)) and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    script = "\n".join(run_lines(page)).replace("http://127.0.0.1:8086", lotus.runtime.gateway_url)
    script = script.replace("--file=lotus.dump", f"--file={tmp_path}/lotus.dump").replace(
        " lotus.dump", f" {tmp_path}/lotus.dump"
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR\n{script}"],
        cwd=PROJECT, env=dict(place), capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    for words in SAID.get(page.name, ()):
        assert words in done.stdout, (words, done.stdout, done.stderr)


def test_every_reason_for_not_running_a_line_has_such_a_line():
    lines = [line for page in PAGES for block in blocks(page) for line in block]
    assert len(lines) >= 30
    assert [begin for begin in NOT_RUN if not any(line.startswith(begin) for line in lines)] == []


def calls() -> Iterator[tuple[str, str]]:
    """Every `manage.py …` in the documents, with its page."""
    for page in PAGES:
        if page.name != "cli.md":  # made from the commands themselves, and compared by a test
            for found in re.findall(r"`(?:python |\./)?manage\.py ([^`\n]+)`", page.read_text(encoding="utf-8")):
                yield page.name, found


@pytest.mark.parametrize(("page", "call"), sorted(set(calls())))
def test_every_command_that_a_sentence_names_exists(page: str, call: str):
    command = command_tree.read()
    words = call.split()
    while words and "commands" in command and "|" not in words[0]:
        if words[0] not in command["commands"]:
            assert words[0].isupper() or "." in words[0] or words[0].startswith(("-", "[", "…")), f"{page}: {call}"
            return
        command = command["commands"][words.pop(0)]
    known = {name for param in command["params"] for name in param.get("opts", ())} | {"--help", "-h"}
    named = {word.partition("=")[0].strip("[]") for word in words if word.startswith(("-", "[-")) and len(word) > 1}
    if "commands" not in command and call.split(maxsplit=1)[0] != "psql":
        assert named <= known, f"{page}: {call}"
