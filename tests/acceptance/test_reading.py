"""`ingest`, `perceived`, `status` and `events` as a user meets them, and the health endpoint as a monitor does."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stack import Lotus, wait_until


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder with one note, one empty file and one that isn't text; the note is this test's own."""
    (tmp_path / "boat.md").write_text(
        f"# Boat\n\nThe spare key of {tmp_path.name} hangs behind the blue door in Marstal.\n"
    )
    (tmp_path / "empty.txt").touch()
    (tmp_path / "noise.dump").write_bytes(b"\x00\x01\x02")
    return tmp_path


def get(lotus: Lotus, path: str, token: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(lotus.runtime.gateway_url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def token_of(lotus: Lotus) -> str:
    return (lotus.home / "secrets" / "gateway").read_text().strip()


def status_of(lotus: Lotus) -> dict:
    return json.loads(lotus.run("status", "--json").stdout)


def one_line(text: str) -> str:
    """The only line of an error, which is no traceback."""
    (line,) = text.strip().splitlines()
    assert "Traceback" not in line
    return line


def test_a_folder_is_read_when_ingest_returns(lotus: Lotus, notes: Path):
    done = lotus.run("ingest", str(notes))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 file read in 1 chunk, 2 skipped\n"
    assert f"skipped: {notes}/empty.txt: it is empty" in done.stderr
    recalled = lotus.run("recall", f"spare key of {notes.name}", "--json")
    assert any(notes.name in row["text"] for row in json.loads(recalled.stdout)), recalled.stderr


def test_reading_again_changes_nothing(lotus: Lotus, notes: Path):
    lotus.run("ingest", str(notes))
    again = lotus.run("ingest", str(notes / "boat.md"))
    assert (again.returncode, again.stdout) == (0, "0 files read in 0 chunks, 1 unchanged\n")


def test_several_paths_and_stdin_are_read_at_once(lotus: Lotus, notes: Path):
    done = lotus.run("ingest", str(notes / "boat.md"), "-", stdin=f"From a pipe, for {notes.name}.")
    assert (done.returncode, done.stdout) == (0, "2 files read in 2 chunks\n")


def test_a_relative_path_is_read_from_where_the_user_stands(lotus: Lotus):
    done = lotus.run("ingest", "LICENSE")
    assert done.returncode == 0, done.stderr
    listed = json.loads(lotus.run("perceived", "--json").stdout)
    assert any(row["source"].startswith("/") and row["source"].endswith("/LICENSE") for row in listed)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{notes}/nothing.md"], 1, "does not exist"),
        (["{notes}/boat.md", "{notes}/nothing.md"], 1, "does not exist"),
        ([""], 2, "empty"),
        (["http://127.0.0.1:9/"], 2, "not supported yet"),
    ],
)
def test_what_can_not_be_read_is_one_line_and_its_exit_code(lotus: Lotus, notes: Path, arguments, code, words):
    before = len(json.loads(lotus.run("perceived", "--json").stdout))
    done = lotus.run("ingest", *(argument.format(notes=notes) for argument in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert words in one_line(done.stderr)
    assert len(json.loads(lotus.run("perceived", "--json").stdout)) == before


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"\x89PNG\r\n\x1a\n"], ids=["empty", "binary", "picture"])
def test_nothing_to_read_on_stdin_is_exit_1_with_the_reason(lotus: Lotus, content: bytes):
    done = lotus.run("ingest", "-", stdin=content)
    assert done.returncode == 1
    assert done.stderr.startswith("skipped: stdin:")
    assert "Traceback" not in done.stderr


def test_more_than_10_mb_on_stdin_is_one_line(lotus: Lotus):
    done = lotus.run("ingest", "-", stdin=b"x" * 10_000_001)
    assert done.returncode == 1
    assert one_line(done.stderr) == "lotus: stdin holds more than 10 MB; split it"


def test_perceived_lists_what_was_asked_for(lotus: Lotus, notes: Path):
    lotus.run("ingest", str(notes))
    skipped = [
        row
        for row in json.loads(lotus.run("perceived", "--status", "skipped", "--json").stdout)
        if str(notes) in row["source"]
    ]
    assert {Path(row["source"]).name: row["reason"] for row in skipped} == {
        "empty.txt": "it is empty",
        "noise.dump": "it is binary, not text",
    }
    assert re.search(rf"^indexed +1  {notes}/boat.md$", lotus.run("perceived").stdout, re.MULTILINE)


def test_a_file_is_read_although_the_worker_dies_over_it(lotus: Lotus, tmp_path: Path):
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"note {number} of {tmp_path.name}")
    reading = lotus.popen("ingest", str(tmp_path))
    with lotus.database() as conn:
        count = "SELECT count(*) FROM percepts WHERE source LIKE %s"
        wait_until(lambda: conn.execute(count, [f"{tmp_path}/%"]).fetchone()[0] > 3, what="the first files")  # type: ignore[index]
        lotus.kill("worker-perception")
        out, err = reading.communicate(timeout=60)
        assert reading.returncode == 0, err.decode()
        assert out == b"60 files read in 60 chunks\n"
        published = (
            "SELECT count(*), count(DISTINCT payload->>'source') FROM events"
            " WHERE payload->>'source' LIKE %s AND name = 'percept.captured'"
        )
        assert conn.execute(published, [f"{tmp_path}/%"]).fetchone() == (60, 60)


def test_a_reading_that_does_not_move_is_given_up_with_exit_4_and_goes_on(lotus: Lotus, notes: Path):
    os.kill(worker := lotus.pid_of("worker-perception"), signal.SIGSTOP)
    try:
        done = lotus.run("ingest", str(notes / "boat.md"), "--timeout", "1")
    finally:
        os.kill(worker, signal.SIGCONT)
    assert done.returncode == 4
    assert "goes on in the background" in one_line(done.stderr)
    wait_until(lambda: f"indexed      1  {notes}/boat.md" in lotus.run("perceived").stdout, what="the reading")


def test_a_reading_is_cancelled_from_another_shell_and_can_be_begun_again(lotus: Lotus, notes: Path):
    os.kill(worker := lotus.pid_of("worker-perception"), signal.SIGSTOP)
    try:
        reading = lotus.popen("ingest", str(notes / "boat.md"))
        with lotus.database() as conn:
            waiting = "SELECT 1 FROM commands WHERE status = 'queued' AND name = 'perception.ingest' AND payload->>'path' = %s"
            wait_until(lambda: conn.execute(waiting, [str(notes / "boat.md")]).fetchone(), what="the reading")
        cancelled = lotus.run("ingest", "--cancel")
        out, err = reading.communicate(timeout=30)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert (cancelled.returncode, cancelled.stdout) == (0, "1 step of reading cancelled\n"), cancelled.stderr
    assert (reading.returncode, out) == (1, b"0 files read in 0 chunks, 1 cancelled\n")
    assert b"boat.md: the reading was cancelled" in err
    assert lotus.run("ingest", str(notes / "boat.md")).stdout == "1 file read in 1 chunk\n"


@pytest.mark.parametrize("arguments", [["--cancel", "{notes}"], []], ids=["both", "neither"])
def test_a_path_or_cancel_but_not_both(lotus: Lotus, notes: Path, arguments: list[str]):
    done = lotus.run("ingest", *(argument.format(notes=notes) for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--cancel alone" in done.stderr if arguments else "give a PATH" in done.stderr


def test_status_is_plain_when_piped_and_waits_for_nothing(lotus: Lotus):
    started = time.monotonic()
    done = lotus.run("status")
    assert time.monotonic() - started < 10.0  # a dead service would be waited for longer
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("overall: ")
    assert "\x1b" not in done.stdout
    for name in (
        "process: worker-memory",
        "service: postgres",
        "module: perception",
        "queue: system",
        "provider: offline",
    ):
        assert name in done.stdout


def test_a_killed_process_is_counted_as_restarted(lotus: Lotus):
    before = next(row for row in status_of(lotus)["processes"] if row["name"] == "worker-system")
    lotus.kill("worker-system")
    after = wait_until(
        lambda: next(
            (
                row
                for row in status_of(lotus)["processes"]
                if row["name"] == "worker-system" and row["restarts"] > before["restarts"]
            ),
            None,
        ),
        what="the restart of worker-system",
    )
    assert after["restarts"] == before["restarts"] + 1
    wait_until(lambda: status_of(lotus)["overall"] == "ok", timeout_s=30, what="overall ok")


def test_the_health_endpoint_says_one_word_to_anyone_and_the_rest_to_who_knows_the_token(lotus: Lotus):
    wait_until(lambda: get(lotus, "/readyz") == (200, "ready\n"), what="/readyz")
    assert get(lotus, "/healthz") == (200, "ok\n")
    for path in ("/status", "/metrics", "/", "/nothing"):
        assert get(lotus, path) == get(lotus, path, "wrong") == (401, "unauthorized\n")
    document = json.loads(get(lotus, "/status", token_of(lotus))[1])
    assert document["services"]["gateway"]["ok"]
    assert {row["name"] for row in document["modules"]} == {"memory", "providers", "perception", "reasoning"}
    assert "lotus_up 1" in get(lotus, "/metrics", token_of(lotus))[1]
    assert get(lotus, "/nothing", token_of(lotus))[0] == 404


def test_events_are_shown_and_published(lotus: Lotus):
    done = lotus.run("events", "emit", "memory.stored", "source=an-acceptance-test", "count=7")
    assert done.returncode == 0, done.stderr
    lines = [
        json.loads(line)
        for line in lotus.run("events", "tail", "--json", "--no-follow", "--name", "memory.stored").stdout.splitlines()
    ]
    assert lines[-1]["payload"] == {"source": "an-acceptance-test", "count": 7}


def test_an_event_that_nobody_declares_is_refused_by_name(lotus: Lotus):
    done = lotus.run("events", "emit", "memory.vanished")
    assert done.returncode == 2
    assert "nobody declares an event 'memory.vanished'" in one_line(done.stderr)


def test_tail_shows_what_happens_while_it_looks(lotus: Lotus):
    tail = lotus.popen("events", "tail", "-n", "0", "--name", "memory.stored")
    assert tail.stdout is not None
    try:
        for number in range(40):  # the first may be published before it looks
            lotus.run("events", "emit", "memory.stored", f"source=tail-{number}", "count=1")
            if number >= 2:
                break
        assert b"source=tail-" in tail.stdout.readline()
    finally:
        tail.send_signal(signal.SIGINT)
        tail.communicate(timeout=10)
    assert tail.returncode == 130


@pytest.mark.parametrize(
    "command", [["status"], ["status", "--json"], ["ingest", "LICENSE"], ["perceived"], ["events", "tail"]]
)
def test_without_a_running_lotus_it_is_exit_3_and_the_command_that_starts_it(fresh_lotus: Lotus, command):
    done = fresh_lotus.run(*command)
    assert (done.returncode, done.stdout) == (3, "")
    assert "python manage.py up" in one_line(done.stderr)
