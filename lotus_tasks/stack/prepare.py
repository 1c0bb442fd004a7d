"""Makes a home ready whose services are all elsewhere: ``python -m lotus_tasks.stack.prepare``

For containers: brings the schema up to date, makes the secrets, and writes the endpoints for every other container. The host
names are those of docker-compose.yml; a server listens on its own container's address only.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from lotus_tasks.errors import ConfigurationError, LotusError
from lotus_tasks.local.home import Home
from lotus_tasks.spine.migrate import migrate
from lotus_tasks.stack.endpoints import find_runtime
from lotus_tasks.stack.plan import write_flower_config
from lotus_tasks.stack.secret_files import make_secrets

GATEWAY = ("gateway", 8086)
FLOWER = ("flower", 5555)


def prepare() -> int:
    """The schema's version. Raises LotusError."""
    home = Home.locate()
    home.runtime_file.unlink(missing_ok=True)  # written anew: the environment may have changed
    runtime = find_runtime()
    if runtime.embedded:
        raise ConfigurationError(
            "name PostgreSQL, Redis and Chroma in the environment: there are no embedded ones here"
        )
    home.create()
    make_secrets(home)
    version = migrate(runtime.database_url)
    write_flower_config(home, host=FLOWER[0], port=FLOWER[1])
    gateway_url, flower_url = (f"http://{host}:{port}" for host, port in (GATEWAY, FLOWER))
    replace(runtime, gateway_url=gateway_url, flower_url=flower_url).save()
    return version


if __name__ == "__main__":
    try:
        sys.stdout.write(f"schema {prepare():04d}\n")
    except LotusError as error:
        sys.exit(f"lotus: {error}")
