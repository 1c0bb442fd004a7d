"""A program in the box sees nothing, reaches nothing and ends."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from lotus_tasks.errors import HandBack, InvalidInput, Permanent
from lotus_tasks.reasoning.adapters import python_box
from lotus_tasks.reasoning.adapters.python_box import run_in_box


def run(code: str) -> str:
    return run_in_box(code, stop=lambda: False)


@pytest.fixture(scope="module", autouse=True)
def box():
    try:
        run("pass")
    except Permanent as error:
        pytest.skip(f"no box on this machine: {error}")


def test_what_it_prints_is_the_answer():
    assert run("import math\nprint(math.factorial(20))") == "2432902008176640000\n"


def test_a_failing_program_shows_its_error_and_exit_code():
    said = run("print('so far')\nraise SystemExit(3)")
    assert said == "so far\n\n[exit code 3]"
    assert "ZeroDivisionError" in run("1 / 0")


def test_it_may_use_files_in_its_own_folder_and_finds_it_empty():
    assert run("import os\nprint(os.listdir())\nopen('a', 'w').write('x')\nprint(open('a').read())") == "[]\nx\n"


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", str(Path.home()), __file__])
def test_it_reads_no_other_file(path):
    said = run(f"import os\nprint(os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read())")
    assert (
        "FileNotFoundError" in said or "PermissionError" in said
    )  # the latter of a folder that leads to Python itself


def test_it_writes_no_other_file(tmp_path):
    assert "FileNotFoundError" in run(f"open({str(tmp_path / 'x')!r}, 'w')")
    assert list(tmp_path.iterdir()) == []


def test_it_reaches_no_network_not_even_this_machine():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=2)"
        assert "PermissionError" in run(code)


def test_it_reaches_no_unix_socket_such_as_postgresql_s(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        code = f"import socket\nsocket.socket(socket.AF_UNIX).connect({str(tmp_path / 's')!r})\nprint('through')"
        said = run(code)
    assert "PermissionError" in said
    assert "through" not in said


@pytest.mark.parametrize(
    "code",
    [
        "import os\nif os.fork() == 0: os._exit(0)",
        "import subprocess\nsubprocess.run(['/usr/bin/true'])",
        "import os\nos.posix_spawn('/usr/bin/true', ['true'], {})",
    ],
)
def test_it_starts_no_other_process(code):
    said = run(f"{code}\nprint('started')")
    assert "PermissionError" in said
    assert "started" not in said


def test_it_may_use_threads_and_asyncio():
    code = (
        "import asyncio, threading\nt = threading.Thread(target=print, args=('thread',))\nt.start()\nt.join()\n"
        "asyncio.run(asyncio.sleep(0))\nprint('loop')"
    )
    assert run(code) == "thread\nloop\n"


def test_it_fills_no_disk():
    said = run("for n in range(100_000): open(str(n), 'wb').write(bytes(1_000_000))")
    assert "No space left on device" in said


def test_it_sees_no_variable_of_lotus(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "sk-secret" not in run("import os\nprint(dict(os.environ))")


def test_it_gets_no_more_memory_than_it_may():
    assert "MemoryError" in run("x = bytearray(2_000_000_000)")


def test_a_program_without_an_end_is_ended(monkeypatch):
    monkeypatch.setattr(python_box, "WALL_S", 1.0)
    started = time.monotonic()
    assert run("print('a', flush=True)\nwhile True: pass").endswith("[ended after 1 s]")
    assert time.monotonic() - started < 5


def test_a_stopping_worker_ends_it():
    started = time.monotonic()
    with pytest.raises(HandBack):
        run_in_box("while True: pass", stop=lambda: time.monotonic() - started > 0.3)


def test_a_program_that_is_too_long_is_refused():
    with pytest.raises(InvalidInput, match="longer"):
        run("#" * 200_000)
