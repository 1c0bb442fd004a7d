"""`service install|uninstall`: LOTUS starts with the session, as a systemd user service."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import PROJECT, Home

UNIT = "lotus.service"
_TEMPLATE = PROJECT / "deploy" / "systemd" / UNIT


@click.group()
def service() -> None:
    """Start LOTUS with your session, and again whenever it ends (systemd)."""


@service.command()
def install() -> None:
    """Install the user unit, enable it and start it."""
    _refuse_without_systemd()
    path = _unit_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_unit(Path(sys.executable), Home.locate().path), encoding="utf-8")
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", UNIT)
    click.echo(f"LOTUS starts with your session ({path}). `loginctl enable-linger` lets it run without one.", err=True)


@service.command()
def uninstall() -> None:
    """Stop the user unit and remove it; LOTUS_HOME stays."""
    _refuse_without_systemd()
    path = _unit_path()
    if not path.exists():
        click.echo(f"There is no {path}; nothing to do.", err=True)
        return
    _systemctl("disable", "--now", UNIT)
    path.unlink()
    _systemctl("daemon-reload")
    click.echo(f"Removed {path}.", err=True)


def render_unit(python: Path, home: Path) -> str:
    """The unit file for this folder, this Python and this LOTUS_HOME."""
    text = _TEMPLATE.read_text(encoding="utf-8")
    replaced = {
        "WorkingDirectory=": f"WorkingDirectory={_escape(PROJECT)}",
        "ExecStart=": f'ExecStart="{_escape(python)}" manage.py up --foreground',
        "Environment=": f'Environment="LOTUS_HOME={_escape(home)}"',
    }
    if Home(home).sockets.parent == Path("/tmp"):  # noqa: S108 - no file is made here
        replaced["PrivateTmp="] = (
            "PrivateTmp=no"  # The sockets of a long LOTUS_HOME lie there, and commands look for them.
        )
    lines = []
    for line in text.splitlines():
        key = line.partition("=")[0] + "="
        lines.append(replaced.get(key, line))
    return "\n".join(lines) + "\n"


def _escape(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def _unit_path() -> Path:
    return Path.home() / ".config" / "systemd" / "user" / UNIT


def _refuse_without_systemd() -> None:
    if shutil.which("systemctl") is None or not Path("/run/systemd/system").is_dir():
        raise ConfigurationError(
            "systemd does not run here; start LOTUS with `python manage.py up`, or from a service manager"
        )


def _systemctl(*arguments: str) -> None:
    done = subprocess.run(["systemctl", "--user", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ConfigurationError(f"`systemctl --user {' '.join(arguments)}` failed: {reason}")
