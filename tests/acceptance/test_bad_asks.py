"""Whatever is asked wrongly is one clear line on stderr and the right exit code, and LOTUS goes on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import Lotus, lotus_home

from lotus_tasks.local.home import PROJECT
from tests.modelserver.handle import ModelServerHandle

UNKNOWN = "01234567-89ab-cdef-0123-456789abcdef"


def refusal(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The only line on stderr of a command that ended with ``code`` and printed nothing."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in line
    assert "internal error" not in line
    return line


def count_runs(lotus: Lotus) -> int:
    with lotus.database() as conn:
        return conn.execute("SELECT count(*) FROM runs").fetchone()[0]


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\xff\xfe\x00h", "not UTF-8"),
        ("Gr\u00fc\u00dfe".encode("latin-1"), "not UTF-8"),
        (b"x" * 300 * 1024, "longer than 256 KB"),
        (b"x" * 10_000_000, "longer than 256 KB"),
        (b"\xff" * 10_000_000, "longer than 256 KB"),
    ],
    ids=["empty", "blank", "UTF-16", "Latin-1", "300 KB", "10 MB", "10 MB that is no text"],
)
def test_a_question_on_stdin_that_can_not_be_asked_is_refused(lotus: Lotus, stdin: bytes, words: str):
    before = count_runs(lotus)
    assert words in refusal(lotus.run("ask", "-", stdin=stdin), 2)
    assert count_runs(lotus) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], "empty"),
        (["   ", "\n"], "empty"),
        ([], "Missing argument"),
        (["--frobnicate", "x"], "No such option"),
        (["--timeout", "0", "x"], "--timeout"),
        (["--timeout", "soon", "x"], "--timeout"),
        (["-c", "--conversation", UNKNOWN, "x"], "exclude each other"),
        (["-f", "{folder}", "x"], "Is a directory"),
        (["-f", "{folder}/nothing.txt", "x"], "No such file"),
        (["-f", "~nobody-of-this-name/x", "x"], "no such user"),
        (["-f", "{folder}/binary", "x"], "binary"),
        (["-f", "{folder}/latin1.txt", "x"], "not UTF-8"),
        (["-f", "{folder}/large.txt", "x"], "ingest"),
        (["-f", "/dev/zero", "x"], "not a regular file"),
    ],
)
def test_arguments_that_can_not_be_used_are_refused(lotus: Lotus, tmp_path: Path, arguments: list[str], words: str):
    (tmp_path / "binary").write_bytes(b"a\x00b")
    (tmp_path / "latin1.txt").write_bytes("Grüße".encode("latin-1"))
    (tmp_path / "large.txt").write_bytes(b"x" * 1_100_000)
    before = count_runs(lotus)
    done = lotus.run("ask", *(argument.format(folder=tmp_path) for argument in arguments))
    assert words in refusal(done, 2)
    assert count_runs(lotus) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_refused(lotus: Lotus, tmp_path: Path):
    (tmp_path / "secret").touch(mode=0o000)
    assert "Permission denied" in refusal(lotus.run("ask", "-f", str(tmp_path / "secret"), "x"), 2)


def test_a_closed_stdin_is_refused(lotus: Lotus):
    command = f'exec "{sys.executable}" manage.py ask - <&-'
    done = subprocess.run(
        ["sh", "-c", command], cwd=PROJECT, env={**lotus.environment}, capture_output=True, text=True, check=False
    )
    assert "standard input is closed" in refusal(done, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["runs", "frobnicate"], 2, "No such command 'frobnicate'"),
        (["runs", "list", "-n", "0"], 2, "-n"),
        (["runs", "list", "--status", "lost"], 2, "--status"),
        (["runs", "show"], 2, "Missing argument"),
        (["runs", "show", UNKNOWN], 1, f"there is no run {UNKNOWN}"),
        (["runs", "show", "zebra"], 1, "there is no run zebra"),
        (["runs", "show", ""], 2, "the id of the run is empty"),
        (["runs", "show", "%"], 1, "there is no run %"),
        (["runs", "show", "\udcff"], 1, "there is no run"),
        (["runs", "follow", UNKNOWN], 1, "there is no run"),
        (["runs", "cancel", UNKNOWN], 1, "there is no run"),
        (["runs", "retry", UNKNOWN], 1, "there is no run"),
        (["ask", "x", "--conversation", UNKNOWN], 1, "there is no conversation"),
        (["ask", "x", "--conversation", "_"], 1, "there is no conversation"),
        (["ask", "x", "--provider", "nobody"], 1, "there is no provider 'nobody'; there are: openai, offline"),
        (["ask", "x", "--provider", "\udcff"], 1, "there is no provider"),
    ],
)
def test_a_name_that_names_nothing_is_one_line(lotus: Lotus, arguments: list[str], code: int, words: str):
    assert words in refusal(lotus.run(*arguments), code)


def test_nul_bytes_and_bytes_that_are_no_text_in_an_argument_are_asked_all_the_same(
    lotus: Lotus, model: ModelServerHandle
):
    assert lotus.run("ask", "-", stdin=b"where\x00is it?").returncode == 0
    assert model.calls[-1]["body"]["messages"][-1]["content"].startswith("where\ufffdis it?")
    assert lotus.run("ask", "wo h\udce4ngt es?").returncode == 0
    assert model.calls[-1]["body"]["messages"][-1]["content"].startswith("wo h\ufffdngt es?")


def test_a_file_whose_name_is_no_text_is_given_all_the_same(lotus: Lotus, model: ModelServerHandle, tmp_path: Path):
    path = os.fsencode(tmp_path) + b"/l\xf6g.txt"
    with open(path, "w") as file:  # noqa: PTH123 - bytes
        file.write("mast: cracked")
    assert lotus.run("ask", "what broke?", "-f", os.fsdecode(path)).returncode == 0
    assert "l\ufffdg.txt" in model.calls[-1]["body"]["messages"][-1]["content"]


def test_a_model_that_speaks_to_the_terminal_is_piped_as_it_is(lotus: Lotus, model: ModelServerHandle):
    model.script(reply="a\x1b[2Jb")
    assert lotus.run("ask", "clear").stdout == "a\x1b[2Jb\n"


@pytest.fixture(scope="module")
def dead_url() -> Iterator[str]:
    """A port of this machine that refuses every connection, held so that nobody else listens there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


def test_a_dead_model_server_is_one_line_in_bounded_time_and_with_another_provider_an_answer(dead_url: str):
    with lotus_home(LOTUS_PROVIDERS="openai", OPENAI_BASE_URL=dead_url) as lotus:
        lotus.up()
        started = time.monotonic()
        done = lotus.run("ask", "are you there?")
        assert time.monotonic() - started < 30
        assert (done.returncode, done.stdout) == (1, "")
        assert "no provider answered (openai: " in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert lotus.run("down").returncode == 0
        lotus.up(LOTUS_PROVIDERS="openai,offline")
        done = lotus.run("ask", "are you there?")
        assert done.returncode == 0
        assert "· degraded: openai: " in done.stderr
        assert "offline provider" in done.stderr
