"""Fixtures for every kind of test. Unit tests need none of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

pytest.register_assert_rewrite("failures")  # `stack` imports it before it is loaded as a plugin
os.environ["LOTUS_TEST_LOOPBACK_ONLY"] = "1"  # model clients refuse every address but this machine's
sys.path.insert(0, str(Path(__file__).parent))  # tests import `stack` and their doubles by name

from stack import Lotus, Services, lotus_home, running_services  # noqa: E402 - after the line above

pytest_plugins = ["failures"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks tests by their folder; leaves out chaos unless -m names a marker."""
    for item in items:
        kinds = item.path.relative_to(Path(__file__).parent).parts[:1]
        for kind in {"integration", "acceptance"}.intersection(kinds):
            item.add_marker(kind)
    if not config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("chaos")]
        if long:
            config.hook.pytest_deselected(items=long)
            items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def shared_services() -> Iterator[Services]:
    """Embedded services for the session. Tests take `services`, which is clean."""
    with running_services() as services:
        yield services


@pytest.fixture
def services(shared_services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Embedded Valkey, PostgreSQL with the migrated schema, and Chroma, all empty; LOTUS_HOME names their home."""
    shared_services.clean()
    for name, value in shared_services.environment.items():
        monkeypatch.setenv(name, value)
    return shared_services


@pytest.fixture(scope="session")
def lotus_settings() -> Mapping[str, str]:
    """The settings of the session's LOTUS; a folder's conftest may override them."""
    return {}


@pytest.fixture(scope="session")
def lotus(lotus_settings: Mapping[str, str]) -> Iterator[Lotus]:
    """One whole LOTUS for the session, up and healthy, with the offline provider unless `lotus_settings` says otherwise."""
    with lotus_home(**lotus_settings) as system:
        system.up()
        yield system
        done = system.run("down")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def fresh_lotus() -> Iterator[Lotus]:
    """A LOTUS of the test's own, not started."""
    with lotus_home() as system:
        yield system
