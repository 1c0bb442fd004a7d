"""The environment: found, made once, and one clear line where that can't be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lotus_tasks.local.home import PROJECT

sys.path.insert(0, str(PROJECT / "requirements"))
import install


def shell(script: str, folder: Path, path: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-euc", f". {PROJECT}/requirements/environment.sh; {script}"],
        cwd=folder,
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def make_command(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_python_that_is_too_old_is_one_line(tmp_path: Path) -> None:
    make_command(tmp_path, "python3", "echo 3.9 False")
    done = shell("find_python", tmp_path, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("lotus: the newest Python here is 3.9; LOTUS needs 3.11 or newer")
    assert len(done.stderr.splitlines()) == 1


def test_no_python_at_all_is_one_line(tmp_path: Path) -> None:
    done = shell("find_python", tmp_path, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("lotus: there is no Python here")


def test_a_name_without_a_python_behind_it_is_passed_over(tmp_path: Path) -> None:
    make_command(tmp_path, "python3.12", "exit 127")
    make_command(tmp_path, "python3", "echo 3.11 True")
    done = shell('find_python; echo "$PYTHON"', tmp_path, tmp_path)
    assert done.stdout == "python3\n"


def test_an_environment_made_from_this_very_lock_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    make_command(tmp_path / ".venv" / "bin", "python", "echo must not run; exit 9")
    for path in (tmp_path / "requirements" / "lotus.lock", tmp_path / ".venv" / "installed-lotus.lock"):
        path.write_text("celery==5.7.0\n")
    done = shell("make_environment lotus", tmp_path, "/usr/bin:/bin")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_packages_of_other_systems_are_not_counted(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text("a==1 \\\n    --hash=sha256:0\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n")
    assert install.count_packages(lock) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ERROR: Could not find a version that satisfies the requirement x==1", "has no package for this system"),
        ("WARNING: Retrying after NewConnectionError", "can't be reached"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one the lock names"),
    ],
)
def test_why_pip_failed_is_one_line(line: str, said: str) -> None:
    assert said in install.explain(["Collecting x", line])
    assert "\n" not in install.explain(["Collecting x", line])


@pytest.mark.parametrize("script", ["manage.py", "nucleus.py"])
def test_without_an_environment_the_script_says_what_makes_it(tmp_path: Path, script: str) -> None:
    (tmp_path / "lotus_tasks").mkdir()
    for name in (script, "lotus_tasks/__init__.py", "lotus_tasks/environment.py"):
        shutil.copyfile(PROJECT / name, tmp_path / name)
    python = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run([python, "-S", script, "up"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "lotus: there is no environment yet. Run ./start_lotus.sh, which makes it and starts LOTUS\n"


def install_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv: str) -> int:
    """What install.main answers for a lock of one package, with a uv and a pip of the test's own."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "site-packages").mkdir()
    for name in ("lotus", "test"):
        (tmp_path / f"{name}.lock").write_text("click==1 \\\n    --hash=sha256:0\n")
    make_command(tmp_path / "bin", "uv", f'echo "uv $*" >>{tmp_path}/ran\n{uv}')
    make_command(tmp_path / "bin", "python", f'echo "python $*" >>{tmp_path}/ran')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(install.sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(install, "FOLDER", tmp_path)
    monkeypatch.setattr(install, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(install, "installed", lambda: 1)
    return install.main("lotus")


def test_uv_installs_the_lock_where_it_is_on_the_path_with_hashes_and_without_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install_lock(tmp_path, monkeypatch, "exit 0") == 0
    (ran,) = (tmp_path / "ran").read_text().splitlines()
    assert ran.startswith("uv pip install ")
    assert {"--no-deps", "--require-hashes", str(tmp_path / "lotus.lock"), str(tmp_path / "bin/python")} <= set(
        ran.split()
    )
    assert (tmp_path / "installed-lotus.lock").read_bytes() == (tmp_path / "lotus.lock").read_bytes()


def test_where_uv_fails_pip_installs_the_lock_and_the_reason_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install_lock(tmp_path, monkeypatch, 'echo "error: no index" >&2; exit 2') == 0
    first, second = (tmp_path / "ran").read_text().splitlines()
    assert first.startswith("uv ")
    assert second.startswith("python -m pip install --no-deps --require-hashes")
    assert "uv can't install the packages (error: no index); pip goes on" in capsys.readouterr().out


def test_a_lock_that_is_replaced_meanwhile_counts_as_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install_lock(tmp_path, monkeypatch, f"echo '# newer' >>{tmp_path}/lotus.lock") == 0
    assert (tmp_path / "installed-lotus.lock").read_bytes() != (tmp_path / "lotus.lock").read_bytes()


def test_without_utf8_mode_under_posix_arguments_and_files_are_still_utf8(tmp_path: Path) -> None:
    code = (
        "import sys; from lotus_tasks.environment import enter_environment; enter_environment(__file__);"
        "print(ascii(sys.argv[1]), sys.flags.utf8_mode)"
    )
    (tmp_path / "script.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), "Zoë"],
        env={"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == [ascii("Zoë"), "1"]


def test_a_python_of_one_version_is_found_on_the_path_or_under_pyenv_and_only_that(tmp_path: Path) -> None:
    make_command(tmp_path, "python3.13", "exit 127")
    make_command(tmp_path, "python3.12", "echo 3.12")
    installed = tmp_path / ".pyenv" / "versions" / "3.13.0" / "bin"
    installed.mkdir(parents=True)
    make_command(installed, "python", "echo 3.13")
    for version, found in (("3.12", "python3.12"), ("3.13", str(installed / "python"))):
        assert shell(f"HOME={tmp_path}; find_version {version}", tmp_path, tmp_path).stdout == f"{found}\n"
    assert shell(f"HOME={tmp_path}; find_version 3.14", tmp_path, tmp_path).returncode == 1
