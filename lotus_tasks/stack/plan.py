"""What one LOTUS consists of: its endpoints, its processes, and which of the services are its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from lotus_tasks.local.home import Home
from lotus_tasks.local.http_address import url_of_socket
from lotus_tasks.local.runtime import Runtime, write_private
from lotus_tasks.settings import Settings
from lotus_tasks.stack import chroma, supervision, valkey
from lotus_tasks.stack.ports import HeldPort, hold_port, remember_ports, remembered_ports
from lotus_tasks.stack.postgres import EmbeddedPostgres, embedded_postgres
from lotus_tasks.stack.programs import Program, core_programs
from lotus_tasks.stack.secret_files import FLOWER_USER, make_secrets, read_secret
from lotus_tasks.stack.secret_marks import mark_secrets

_LOCAL = "127.0.0.1"
FLOWER_MAX_TASKS = 2_000
"""How many tasks Flower keeps: an ask is about five, a day of beat's ticks thousands. Its own default of 100 000 only grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One start. ``held``: its ports, bound until the processes begin. ``postgres``: the embedded server, where it is ours."""

    home: Home
    runtime: Runtime
    programs: Sequence[Program]
    held: Sequence[HeldPort]
    postgres: EmbeddedPostgres | None

    def release_ports(self) -> None:
        """Lets the processes have their ports."""
        for port in self.held:
            port.release()


def make_plan(home: Home, settings: Settings, *, services_only: bool = False) -> Plan:
    """Makes folders, secrets and configuration files, and chooses the ports.

    ``services_only``: the embedded services without workers and the rest. Raises ConfigurationError.
    """
    home.create()
    make_secrets(home)
    held: dict[str, HeldPort] = {}
    try:
        return _assemble(home, settings, held, services_only=services_only)
    except BaseException:
        for port in held.values():
            port.release()
        raise


def _assemble(home: Home, settings: Settings, held: dict[str, HeldPort], *, services_only: bool) -> Plan:
    remembered = remembered_ports(home)
    fixed = {
        "gateway": settings.lotus_gateway_port,
        "flower": settings.lotus_flower_port,
    }
    needed = [] if services_only else ["gateway", "flower"]
    for name in needed:
        held[name] = hold_port(name, fixed=fixed[name], remembered=remembered.get(name))
    remember_ports(home, {name: port.number for name, port in held.items()})

    programs: list[Program] = []
    embedded: set[str] = set()
    if not settings.lotus_redis_url:
        programs.append(valkey.program(home))
        embedded.add("redis")
    postgres = None if settings.lotus_database_url else embedded_postgres(home)
    if postgres:
        programs.append(postgres.program())
        embedded.add("postgres")
    if not settings.lotus_chroma_url:
        programs.append(chroma.program(home))
        embedded.add("chroma")

    redis_url = settings.lotus_redis_url or f"unix://{quote(str(valkey.socket_path(home)))}"
    runtime = Runtime(
        home=home.path,
        database_url=settings.lotus_database_url or (postgres.url if postgres else ""),
        redis_url=redis_url,
        broker_url=settings.lotus_broker_url or broker_url_of(redis_url),
        chroma_url=settings.lotus_chroma_url or url_of_socket(chroma.socket_path(home)),
        gateway_url=f"http://{_LOCAL}:{held['gateway'].number}" if "gateway" in held else "",
        flower_url=f"http://{_LOCAL}:{held['flower'].number}" if "flower" in held else "",
        supervisor_socket=supervision.socket_path(home),
        embedded=frozenset(embedded),
        settings=settings.public() | {"LOTUS_HOME": str(home.path)},
        secret_marks=mark_secrets(settings),
    )
    if not services_only:
        programs += core_programs(
            home, runtime.settings, write_flower_config(home, host=_LOCAL, port=held["flower"].number)
        )
    return Plan(home=home, runtime=runtime, programs=programs, held=tuple(held.values()), postgres=postgres)


def broker_url_of(redis_url: str) -> str:
    """The same Redis as kombu reads it: it knows a socket as ``redis+socket://`` and its database as ``virtual_host``."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    query = query.replace("db=", "virtual_host=")
    return f"redis+socket://{path}{'?' + query if query else ''}"


def write_flower_config(home: Home, *, host: str, port: int) -> str:
    """Flower's configuration: in a file, for a command line can be read by everyone on the machine."""
    values = {
        "address": host,
        "port": port,
        "basic_auth": [f"{FLOWER_USER}:{read_secret(home, 'flower')}"],
        "read_only": True,
        "persistent": True,
        "db": str(home.data / "flower"),
        "state_save_interval": 10_000,
        "max_tasks": FLOWER_MAX_TASKS,
        "natural_time": False,
    }
    path = home.run / "flowerconfig.py"
    text = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    write_private(path, text)
    return str(path)
