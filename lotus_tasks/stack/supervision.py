"""The supervisor: its configuration, and a client for its XML-RPC socket (http://supervisord.org/api.html). Stdlib only."""

from __future__ import annotations

import http.client
import os
import re
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from lotus_tasks.errors import ConfigurationError, InvalidInput, ServiceDown
from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.local.http_address import UnixConnection
from lotus_tasks.local.runtime import write_private
from lotus_tasks.stack.programs import Group, Program, launch

NAME = "supervisor"
"""The supervisor's own lock and log."""

_NOW, _TO_THE_END = False, True
"""Whether a call waits."""
_ALREADY_STARTED = 60
_NOT_RUNNING = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """One process as the supervisor sees it.

    ``state``: supervisor's words, such as RUNNING, BACKOFF, EXITED. ``pid`` 0: none. ``started_at``: Unix time.
    """

    name: str
    group: str
    state: str
    pid: int
    uptime_s: float
    reason: str
    started_at: int = 0


class Supervisor:
    """A running supervisord, asked over its socket. Every method raises ServiceDown when it doesn't answer."""

    def __init__(self, path: Path, *, timeout_s: float = 90.0) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def answers(self) -> bool:
        """Whether a supervisor is there at all."""
        try:
            return str(self._call("getState")["statename"]) == "RUNNING"
        except ServiceDown:
            return False

    def pid(self) -> int:
        """Its process id."""
        return int(self._call("getPID"))

    def processes(self) -> list[ProcessState]:
        """Every process, in the order of the configuration."""
        return [
            ProcessState(
                name=row["name"],
                group=row["group"],
                state=row["statename"],
                pid=row["pid"],
                started_at=row["start"],
                uptime_s=float(max(0, row["now"] - row["start"])) if row["pid"] else 0.0,
                reason=row["spawnerr"] or (f"exit code {row['exitstatus']}" if row["exitstatus"] else ""),
            )
            for row in self._call("getAllProcessInfo")
        ]

    def start_group(self, group: Group) -> None:
        """Starts the group's processes and doesn't wait for them."""
        self._call("startProcessGroup", group, _NOW)

    def stop_group(self, group: Group) -> None:
        """Stops the group's processes, all at once, and waits until they have ended."""
        self._call("stopProcessGroup", group, _TO_THE_END)

    def restart(self, name: str) -> None:
        """Stops one process, waits until it has ended, and starts it. Raises InvalidInput for a name it doesn't have."""
        found = {process.name: process for process in self.processes()}
        if name not in found:
            raise InvalidInput(f"there is no process {name!r}; there are: {', '.join(found)}")
        full = f"{found[name].group}:{name}"
        self._call("stopProcess", full, _TO_THE_END, ignore=_NOT_RUNNING)
        self._call("startProcess", full, _NOW, ignore=_ALREADY_STARTED)

    def start(self, name: str, group: str) -> None:
        """Starts one process and doesn't wait for it."""
        self._call("startProcess", f"{group}:{name}", _NOW, ignore=_ALREADY_STARTED)

    def shut_down(self) -> None:
        """Tells it to stop everything and leave."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: Any, ignore: int = 0) -> Any:
        connection = UnixConnection(self._path, self._timeout_s)
        try:
            question = xmlrpc.client.dumps(arguments, f"supervisor.{method}")
            connection.request("POST", "/RPC2", question, {"Content-Type": "text/xml"})
            answers, _ = xmlrpc.client.loads(connection.getresponse().read())
            return answers[0]
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == ignore:
                return None
            message = f"the supervisor refused {method}: {fault.faultString}; see `python manage.py logs supervisor`"
            raise ServiceDown(message) from fault
        except (OSError, http.client.HTTPException, ExpatError) as error:
            raise ServiceDown(f"the supervisor does not answer ({error}); run `python manage.py up`") from error
        finally:
            connection.close()


def socket_path(home: Home) -> Path:
    """Where the supervisor listens."""
    return home.sockets / "supervisor.sock"


def configuration_path(home: Home) -> Path:
    """The supervisor's configuration: there from `up` to `down`, and nowhere else."""
    return home.run / "supervisord.conf"


def write_configuration(home: Home, programs: Iterable[Program]) -> Path:
    """The supervisor's configuration file.

    TERM goes to a process alone, so that a prefork worker can stop warm (stopasgroup off); what is left of its group after a
    minute is killed. A process that can't start yet is tried for ever (supervisor_main.py), which needs startretries above its
    longest pause; whether LOTUS is healthy is asked of LOTUS.
    """
    programs = list(programs)
    log = home.log / NAME
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={_escape(f'{log}.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        f"pidfile={_escape(str(home.run / 'supervisord.pid'))}",
        f"childlogdir={_escape(str(home.log))}",
        "umask=077",
        "minfds=256",
        "",
        "[unix_http_server]",
        f"file={_escape(str(socket_path(home)))}",
        "chmod=0700",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    groups: dict[Group, list[str]] = {}
    for program in programs:
        groups.setdefault(program.group, []).append(program.name)
        lines += _program_section(home, program)
    for group, names in groups.items():
        lines += ["", f"[group:{group}]", f"programs={','.join(names)}"]
    path = configuration_path(home)
    write_private(path, "\n".join(lines) + "\n")
    return path


def _program_section(home: Home, program: Program) -> list[str]:
    environment = {**program.environment, "LOTUS_PROCESS": program.name}
    return [
        "",
        f"[program:{program.name}]",
        f"command={_escape(shlex.join(launch(program, home)))}",
        f"directory={_escape(str(PROJECT))}",
        "environment=" + ",".join(f'{name}="{_escape(value)}"' for name, value in environment.items()),
        "autostart=false",
        "autorestart=true",
        "startsecs=3",
        "startretries=100",
        f"stopsignal={program.stop_signal}",
        "stopwaitsecs=60",
        "stopasgroup=false",
        "killasgroup=true",
        "redirect_stderr=true",
        # Expanded twice: in the section, and once more for the names of log files.
        f"stdout_logfile={_escape(_escape(str(home.log / program.name)))}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=3",
    ]


def start_supervisor(home: Home, configuration: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A supervisor in a session of its own, with none of our pipes: who called `up` sees the end of its output."""
    command = ["-m", "lotus_tasks.stack.supervisor_main", "--configuration", str(configuration)]
    launcher = [
        sys.executable,
        "-E",
        "-S",
        "-m",
        "lotus_tasks.stack.launch",
        str(home.locks / NAME),
        "--",
        sys.executable,
    ]
    with (home.log / f"{NAME}.out").open("wb") as output:
        return subprocess.Popen(
            [*launcher, *command],
            cwd=PROJECT,
            env={**environment, "LOTUS_PROCESS": NAME},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )


def last_lines(home: Home, name: str, count: int = 12) -> list[str]:
    """The end of a process's log."""
    try:
        with (home.log / f"{name}.log").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65_536))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []


def _escape(value: str) -> str:
    """A value as the file needs it. Raises ConfigurationError for what no value of it can hold."""
    if re.search(r"\s[;#]|[\x00-\x1f\x7f]", value):
        raise ConfigurationError(
            f"the path in {value!r} has a line break, a control character, or a space before ; or #, which the supervisor "
            "can't read; set LOTUS_HOME to another folder, or move LOTUS's own"
        )
    return value.replace("%", "%%")
