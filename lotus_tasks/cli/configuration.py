"""Everything that a person may have written for LOTUS, read before anything starts: .env, providers.toml, mcp.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import PROJECT
from lotus_tasks.providers.adapters.catalogue import rows
from lotus_tasks.reasoning.adapters.mcp_rows import read_servers
from lotus_tasks.settings import Configuration, examine_configuration


def check_configuration(environ: Mapping[str, str] | None = None, project: Path = PROJECT) -> Configuration:
    """The settings. Raises ConfigurationError with a line for every fault of every file, and every name that is no setting."""
    found = examine_files(environ, project)
    if found.complaints:
        raise ConfigurationError("\n".join((*found.complaints, *found.notices)))
    return found


def examine_files(environ: Mapping[str, str] | None = None, project: Path = PROJECT) -> Configuration:
    """The settings with a complaint for every fault, raising nothing.

    A wrong mcp.toml is a notice: LOTUS answers without those tools, and `status` says so.
    """
    found = examine_configuration(environ, project)
    complaints, notices = [*found.complaints], [*found.notices]
    try:
        rows(found.settings)
    except ConfigurationError as error:
        complaints += str(error).splitlines()
    try:
        read_servers(Path(found.settings.lotus_home).expanduser())
    except ConfigurationError as error:
        notices += [f"{line}; until then its tools are missing" for line in str(error).splitlines()]
    return replace(found, complaints=tuple(complaints), notices=tuple(notices))
