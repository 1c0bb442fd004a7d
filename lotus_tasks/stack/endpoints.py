"""Where this process finds the services: what `up` wrote, or what the environment names."""

from __future__ import annotations

from lotus_tasks.errors import NotRunning
from lotus_tasks.local.home import Home
from lotus_tasks.local.runtime import Runtime, load_runtime


def find_runtime() -> Runtime:
    """The running system's endpoints.

    A process on another machine, or in a container, has no runtime.json: there LOTUS_DATABASE_URL, LOTUS_REDIS_URL and
    LOTUS_CHROMA_URL name the services. Raises NotRunning where neither is to be had, ConfigurationError for a wrong setting.
    """
    home = Home.locate()
    try:
        return load_runtime(home)
    except NotRunning as error:
        runtime = _named_by_environment(home)
        if runtime is None:
            raise NotRunning(f"{error}, or set LOTUS_DATABASE_URL, LOTUS_REDIS_URL and LOTUS_CHROMA_URL") from error
        return runtime


def chroma_token(runtime: Runtime) -> str:
    """LOTUS_CHROMA_TOKEN, where Chroma is the user's own; "" where there is none. Raises ConfigurationError.

    LOTUS's own needs none: its socket is its owner's alone.
    """
    if "chroma" in runtime.embedded:
        return ""
    from lotus_tasks.settings import load_settings

    token = load_settings().lotus_chroma_token
    return token.get_secret_value() if token else ""


def _named_by_environment(home: Home) -> Runtime | None:
    from lotus_tasks.settings import load_configuration
    from lotus_tasks.stack.plan import broker_url_of

    settings = load_configuration().settings
    if not (settings.lotus_database_url and settings.lotus_redis_url and settings.lotus_chroma_url):
        return None
    home.create()
    return Runtime(
        home=home.path,
        database_url=settings.lotus_database_url,
        redis_url=settings.lotus_redis_url,
        broker_url=settings.lotus_broker_url or broker_url_of(settings.lotus_redis_url),
        chroma_url=settings.lotus_chroma_url,
        gateway_url=f"http://127.0.0.1:{settings.lotus_gateway_port or 8086}",
        flower_url=f"http://127.0.0.1:{settings.lotus_flower_port or 5555}",
        supervisor_socket=home.sockets / "supervisor.sock",
        settings=settings.public() | {"LOTUS_HOME": str(home.path)},
    )
