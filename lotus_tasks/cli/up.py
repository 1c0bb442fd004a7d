"""`up` and `down`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click

from lotus_tasks import bootstrap
from lotus_tasks.cli.configuration import check_configuration
from lotus_tasks.errors import ConfigurationError, NotRunning, Transient
from lotus_tasks.health.status import collect_status
from lotus_tasks.local.home import Home, close_to_others
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.providers.adapters.catalogue import how_to_add, order, rows, serving
from lotus_tasks.settings import Configuration
from lotus_tasks.stack.lifecycle import Start, end_orphans, hold_home, http_status, running_processes, stop
from lotus_tasks.stack.open_files import allow_open_files
from lotus_tasks.stack.plan import make_plan
from lotus_tasks.stack.secret_files import FLOWER_USER
from lotus_tasks.stack.secret_marks import changed_secrets
from lotus_tasks.stack.supervision import Supervisor, socket_path

_MODULES = ("memory", "providers", "perception", "reasoning")
_WATCH_S = 0.5
_AGAIN_S = 30.0
"""How long processes that are started again may take."""


@click.command()
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, then stop everything.")
def up(foreground: bool) -> None:
    """Start LOTUS. Where it runs already, nothing changes."""
    if foreground:
        run_in_foreground()
        return
    started = time.monotonic()
    home, configuration = _configure()
    _on_signals(_interrupt)
    with_lock = hold_home(home, wait_s=90)
    try:
        if (runtime := _already_running(home, configuration)) is not None:
            click.echo(
                f"LOTUS is running in {home.path} · Flower {runtime.flower_url} (user {FLOWER_USER}) · "
                f"health {runtime.gateway_url}/healthz"
            )
            return
        runtime = _start(home, configuration, click.echo)
    finally:
        with_lock.release()
    click.echo(f"  ✓ Loaded: {' · '.join(_MODULES)}")
    click.echo(
        f"  ✓ beat · Flower {runtime.flower_url} · health {runtime.gateway_url}/healthz   "
        f"(user {FLOWER_USER}, passwords: {_short(home.secrets)})"
    )
    click.echo(f"Ready in {time.monotonic() - started:.1f} s.{_model_hint(configuration)}")
    click.echo('Try:  python manage.py ingest ~/notes\n      python manage.py ask "where is the spare boat key?"')


@click.command()
def down() -> None:
    """Stop LOTUS; no process, socket or lock stays."""
    home = Home.locate()
    if not home.path.is_dir():
        click.echo(f"LOTUS is not running: there is no {home.path}", err=True)
        return
    lock = hold_home(home, wait_s=90)
    try:
        ran = stop(home, lambda line: click.echo(line, err=True))
    finally:
        lock.remove()
    click.echo("LOTUS has stopped." if ran else f"LOTUS was not running in {home.path}.", err=True)


def run_in_foreground() -> None:
    """The whole system until SIGINT or SIGTERM; says `✓ Loaded: memory` … in dependency order."""
    home, configuration = _configure()
    signals: list[int] = []
    lock = hold_home(home, wait_s=0)
    try:
        if running_processes(home) is not None:
            raise ConfigurationError(f"LOTUS runs already in {home.path}; stop it with `python manage.py down`")
        _on_signals(_interrupt)
        runtime = _start(home, configuration, click.echo)
        _on_signals(lambda number, _: signals.append(number))
    finally:
        lock.release()  # so that `down` can stop us from elsewhere
    for module in _MODULES:
        click.echo(f"✓ Loaded: {module}")
    click.echo(
        f"Ready: health {runtime.gateway_url}/healthz · Flower {runtime.flower_url} (user {FLOWER_USER}). Ctrl-C stops LOTUS."
    )
    sys.stdout.flush()
    while not signals and running_processes(home) is not None:
        _sleep_until(signals, _WATCH_S)
    click.echo("Stopping …", err=True)
    lock = hold_home(home, wait_s=90)
    try:
        killed = not signals and home.runtime_file.exists()
        stop(home, lambda _: None)
    finally:
        lock.remove()
    if killed:
        raise Transient(
            "the supervisor was killed; what it ran has been stopped. Start again with `python manage.py up`"
        )
    click.echo("LOTUS has stopped.", err=True)


def _sleep_until(signals: list[int], bound_s: float) -> None:
    """A plain loop: an Event set by a handler could wait for the lock that the interrupted wait holds."""
    deadline = time.monotonic() + bound_s
    while not signals and time.monotonic() < deadline:
        time.sleep(0.05)


def _on_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Once: what has come up is stopped now, and a second signal must not leave half of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _configure() -> tuple[Home, Configuration]:
    allow_open_files()
    configuration = check_configuration()
    for notice in configuration.notices:
        click.echo(f"note: {notice}", err=True)
    os.environ["LOTUS_HOME"] = str(Home(Path(configuration.settings.lotus_home).expanduser().absolute()).path)
    home = Home.locate()
    home.create()
    for file in home.dotenvs:
        if said := close_to_others(file):
            click.echo(f"note: {said}", err=True)
    return home, configuration


def _already_running(home: Home, configuration: Configuration) -> Runtime | None:
    """The running system's endpoints; what of it had stopped is started again."""
    processes = running_processes(home)
    if processes is None:
        return None
    try:
        runtime = load_runtime(home)
    except NotRunning:
        return None
    supervisor = Supervisor(socket_path(home))
    stopped = [process for process in processes if process.state in {"STOPPED", "EXITED"}]
    for process in stopped:
        supervisor.start(process.name, process.group)
        click.echo(f"  ✓ started {process.name} again")
    wanted = configuration.settings.public()
    changed = [name for name, value in wanted.items() if name != "LOTUS_HOME" and runtime.settings.get(name) != value]
    changed += changed_secrets(runtime.secret_marks, configuration.settings)
    if changed:
        said = f"changed since the start: {', '.join(changed)}; `python manage.py restart` uses the new values"
        click.echo(f"note: {said}", err=True)
    _refuse_unready(runtime, wait_s=_AGAIN_S if stopped else 0.0)
    return runtime


def _refuse_unready(runtime: Runtime, *, wait_s: float) -> None:
    """Raises Transient, which says what of a running LOTUS doesn't work, unless it is ready within ``wait_s``."""
    gateway = urlsplit(runtime.gateway_url).netloc
    deadline = time.monotonic() + wait_s
    while http_status(gateway, "/readyz") != HTTPStatus.OK:
        if time.monotonic() < deadline:
            time.sleep(_WATCH_S)
            continue
        document = collect_status(runtime, bootstrap.manifests())
        reasons = [f"{name} does not answer" for name, row in document["services"].items() if not row["ok"]]
        reasons += [f"{row['name']}: {row['detail']}" for row in document["modules"] if row["status"] == "down"]
        found = "; ".join(" ".join(reason.split())[:200] for reason in reasons) or "it is still coming up"
        raise Transient(f"LOTUS runs in {runtime.home} but is not ready: {found}; see `python manage.py status`")


def _start(home: Home, configuration: Configuration, report: Callable[[str], None]) -> Runtime:
    if running_processes(home) is not None:
        stop(home, lambda _: None)
    end_orphans(home, report)
    plan = make_plan(home, configuration.settings)
    if "postgres" in plan.runtime.embedded and home.root_database.is_dir():
        report(f"  ! the database lies outside LOTUS_HOME, in {home.root_database}: root has no user namespaces here")
    Start(plan, report, os.environ).run()
    return plan.runtime


def _model_hint(configuration: Configuration) -> str:
    settings = configuration.settings
    if serving(settings):
        return ""
    return f" No model is configured yet: answers quote your memory. {how_to_add(rows(settings), order(settings))}"


def _short(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
