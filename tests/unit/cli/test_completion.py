"""The shells' completion scripts, and what they are answered."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from completing import complete_and_list_imports, others_than_click

from lotus_tasks.cli import cli, command_tree, completing
from lotus_tasks.cli.command_tree import commands_of
from lotus_tasks.cli.completing import _address
from lotus_tasks.local.home import PROJECT

FREE = {
    *("text", "query", "words", "verb", "when", "happened_at", "since", "until", "subject", "source", "fields", "arguments"),
    *("name", "zone", "limit", "count", "timeout", "patience_s", "importance", "step", "tier", "days", "lines"),
    *("concurrency", "per_hour", "words", "destination"),
}  # fmt: skip
"""Parameters that take a text, a date or a number of the user's own."""


def answer(line: str, *, shell: str = "bash", home: Path | None = None) -> list[str]:
    """What the command answers a shell whose line is this."""
    number = len(line.split()) - (not line.endswith(" "))
    words = {"COMP_WORDS": line, "COMP_CWORD": line.rsplit(maxsplit=1)[-1] if shell == "fish" else str(number)}
    environment = {"_MANAGE_PY_COMPLETE": f"{shell}_complete", "COMP_LINE": line, **words}
    done = subprocess.run(
        [sys.executable, "manage.py"],
        cwd=PROJECT,
        env={**environment, "LOTUS_HOME": str(home or "/nonexistent")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [found for found in done.stdout.splitlines() if found]


def in_bash(line: str, folder: Path = PROJECT) -> list[str]:
    """What bash itself offers for a line, with the script that LOTUS prints."""
    script = """
        source <("$PYTHON" "$PROJECT/manage.py" completion bash)
        read -ra COMP_WORDS <<< "$LINE"; [[ $LINE == *" " ]] && COMP_WORDS+=("")
        COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        compopt() { :; }
        function=_lotus_complete_command; [[ ${COMP_WORDS[0]} == python* ]] && function=_lotus_complete_python
        $function "${COMP_WORDS[0]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        env={
            "LINE": line, "PYTHON": sys.executable, "PROJECT": str(PROJECT), "LOTUS_HOME": "/nonexistent",
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        },
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.split()


def test_the_tree_is_up_to_date():
    """Made in a process of its own: a command keeps the options of the first context it was called in."""
    code = "from lotus_tasks.cli.command_tree import render; print(render(), end='')"
    made = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, check=True, timeout=60)
    assert command_tree.FILE.read_bytes() == made.stdout, "make it anew: python -m lotus_tasks.cli.command_tree"


def test_every_parameter_says_what_may_stand_there():
    unknown = [
        f"{path}: {param['name']}"
        for path, command in commands_of(command_tree.read())
        for param in command["params"]
        if not (param.get("flag") or "choices" in param or param.get("kind")) and param["name"] not in FREE
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("manage.py con", ["conversations"]),
        ("manage.py runs re", ["retry"]),
        ("manage.py runs list --sta", ["--status"]),
        ("manage.py runs list --status w", ["waiting"]),
        ("manage.py recall --kind=f", ["fact"]),
        ("manage.py worker mem", ["memory"]),
        ("manage.py on percept.c", ["percept.captured"]),
        ("manage.py events emit run.", ["run.concluded"]),
    ],
)
def test_commands_options_and_choices_are_offered(line: str, offered: list[str]):
    assert answer(line) == [f"plain,{value}" for value in offered]


@pytest.mark.parametrize("line", ["manage.py ask -f ", "manage.py ingest ", "manage.py ask --schema "])
def test_where_a_file_belongs_the_shell_offers_files(line: str):
    assert answer(line) == ["file,"]


def test_zsh_and_fish_are_told_what_a_name_means():
    assert answer("manage.py con", shell="zsh") == ["plain", "conversations", "What was talked about."]
    assert answer("manage.py con", shell="fish")[0].startswith("plain,conversations")


@pytest.mark.parametrize("line", ["manage.py con", "manage.py runs list --status w", "manage.py on add x ", "manage.py ask -f "])
def test_a_key_imports_nothing_but_click(line: str):
    """No command's code, no Celery, no database's driver: a person waits for a key."""
    offered, imported = complete_and_list_imports(line, {"LOTUS_HOME": "/nonexistent"})
    assert offered
    assert "lotus_tasks.cli.completing" in imported
    assert others_than_click(imported) == set()


def test_processes_are_offered(tmp_path: Path):
    (tmp_path / "log").mkdir()
    for name in ("worker-memory", "worker-reasoning", "cli"):
        (tmp_path / "log" / f"{name}.log").touch()
    assert answer("manage.py restart ", home=tmp_path) == ["plain,worker-memory", "plain,worker-reasoning"]


def test_a_lotus_that_does_not_run_offers_nothing_and_says_nothing(tmp_path: Path):
    assert answer("manage.py runs show ", home=tmp_path) == []


def test_a_name_that_a_shell_would_obey_is_not_offered(monkeypatch: pytest.MonkeyPatch):
    names = [("$(reboot)", ""), ("a b", ""), ("a;b", ""), ("fine-1", "bad \x1b]0;x\x07\nhelp")]
    monkeypatch.setattr(completing, "_look_up", lambda _kind: names)
    (item,) = completing._items("schedule", "")
    assert (item.value, item.help) == ("fine-1", "bad ]0;x\\nhelp")


def test_a_model_with_a_colon_is_completed_behind_it(monkeypatch: pytest.MonkeyPatch):
    from lotus_tasks.cli.shells import Bash

    monkeypatch.setenv("COMP_LINE", "./manage.py ask --model llama3.2:1")
    bash = Bash(click.Command("x"), {}, "manage.py", "X")
    assert bash.get_completion_args() == (["ask", "--model"], "llama3.2:1")
    assert bash.format_completion(click.shell_completion.CompletionItem("llama3.2:1b")) == "plain,1b"


def test_no_command_and_nothing_heavy_is_imported():
    code = (
        "import sys; from lotus_tasks.cli import main; code = main([]);"
        "heavy = {'psycopg', 'pydantic', 'celery', 'redis', 'rich', 'asyncio', 'lotus_tasks.cli.runs'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    environment = {
        "_MANAGE_PY_COMPLETE": "bash_complete",
        "COMP_LINE": "manage.py runs show ",
        "LOTUS_HOME": "/nonexistent",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("line", ["./manage.py runs ca", "python manage.py runs ca", "python3 ./manage.py runs ca"])
def test_bash_completes_however_the_script_is_called(line: str):
    assert in_bash(line) == ["cancel"]


def test_bash_leaves_the_manage_py_of_another_project_alone(tmp_path: Path):
    (tmp_path / "manage.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    assert in_bash("python manage.py runs ca", folder=tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_the_command_it_is_installed_as(shell: str):
    done = CliRunner().invoke(cli, ["completion", shell, "--name", "my-lotus"])
    assert done.exit_code == 0, done.output
    assert "my-lotus" in done.output
    assert f"_MANAGE_PY_COMPLETE={shell}_complete" in done.output


def test_a_shell_that_is_not_known_is_a_usage_error():
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (
            "postgresql://lotus@/lotus?host=%2Fhome%2Frun",
            {"PGHOST": "/home/run", "PGUSER": "lotus", "PGDATABASE": "lotus"},
        ),
        (
            "postgresql://me:p%40ss@db:5433/x?sslmode=require",
            {
                "PGHOST": "db",
                "PGPORT": "5433",
                "PGUSER": "me",
                "PGPASSWORD": "p@ss",
                "PGDATABASE": "x",
                "PGSSLMODE": "require",
            },
        ),
    ],
)
def test_the_database_is_found_without_its_password_on_a_command_line(url: str, found: Mapping[str, str]):
    assert _address(url) == found
