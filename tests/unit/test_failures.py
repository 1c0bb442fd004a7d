"""What tests/failures.py does for a test that fails."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lotus_tasks.local.home import PROJECT

CONFTEST = f"""
import sys
import pytest
pytest.register_assert_rewrite("failures")
sys.path[:0] = [{str(PROJECT)!r}, {str(PROJECT / "tests")!r}]
pytest_plugins = ["failures"]
"""


def run_tests(folder: Path, source: str, **options: object) -> subprocess.CompletedProcess[str]:
    """pytest over one file of tests in a folder of its own, with the plugin; evidence is kept there."""
    (folder / "conftest.py").write_text(
        CONFTEST + f"\nimport failures, pathlib\nfailures.KEPT = pathlib.Path({str(folder / 'kept')!r})\n"
    )
    (folder / "test_it.py").write_text(textwrap.dedent(source))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:celery",
        "-p",
        "no:randomly",
        "-W",
        "error",
        "test_it.py",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False, **options)


def test_what_a_failed_test_leaves_fails_no_later_one(tmp_path: Path):
    done = run_tests(
        tmp_path,
        """
        import gc, subprocess, sys

        def test_that_fails_with_an_open_pipe():
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.PIPE)
            raise AssertionError("the failure")

        def test_innocent():
            gc.collect()
        """,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout


def test_a_process_of_the_tests_can_be_interrupted_where_the_run_itself_ignores_it(tmp_path: Path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = run_tests(
            tmp_path,
            """
            import signal, subprocess, sys

            def test_it():
                program = "import time; print('ready', flush=True); time.sleep(20)"
                child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                with child:
                    child.stdout.readline()
                    child.send_signal(signal.SIGINT)
                    assert child.wait(10) == -signal.SIGINT
            """,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("how", ["fixture", "block"])
def test_the_logs_of_a_failed_test_are_kept(tmp_path: Path, how: str):
    done = run_tests(
        tmp_path,
        f"""
        import dataclasses, pathlib, pytest
        from stack import Lotus, lotus_home

        @pytest.fixture
        def system():
            with lotus_home() as lotus:
                (lotus.home / "log").mkdir(parents=True)
                (lotus.home / "log" / "relay.log").write_text("what happened")
                yield lotus

        def test_fixture(system):
            raise AssertionError("the failure")

        def test_block():
            with lotus_home() as lotus:
                (lotus.home / "log").mkdir(parents=True)
                (lotus.home / "log" / "relay.log").write_text("what happened")
                raise AssertionError("the failure")

        def test_that_passes(system):
            assert system

        del test_{"block" if how == "fixture" else "fixture"}
        """,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    (kept,) = (tmp_path / "kept").glob("*/*/relay.log")
    assert (kept.read_text(), kept.parents[1].name) == ("what happened", f"test_it.py_test_{how}")
    assert "LOTUS is not running" in (kept.parent / "database.error").read_text()


def test_a_run_that_ended_otherwise_is_shown_at_once(tmp_path: Path):
    done = run_tests(
        tmp_path,
        """
        from pathlib import Path
        from stack import Lotus

        class Ended(Lotus):
            __slots__ = ()
            def run_status(self, run_id): return "failed"
            def shown(self, run_id): return "the timeline of " + run_id

        def test_it():
            Ended(home=Path("/nowhere"), environment={}).wait_for_run("r1", "succeeded", timeout_s=50)
        """,
    )
    assert "the run ended failed, not succeeded" in done.stdout
    assert "the timeline of r1" in done.stdout
