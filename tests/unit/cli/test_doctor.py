"""`doctor` says what others can read, and what of LOTUS lies outside its home, and what the models say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotus_tasks.cli import doctor
from lotus_tasks.local import home as homes
from lotus_tasks.local.home import Home
from lotus_tasks.settings import load_settings
from tests.modelserver import model_server_thread


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(homes, "PROJECT", tmp_path / "project")
    monkeypatch.setattr(Home, "root_database", property(lambda _: tmp_path / "lib"))
    for folder in ("project", "home"):
        (tmp_path / folder).mkdir()
    return Home(tmp_path / "home")


@pytest.mark.parametrize("place", ["project", "home"])
def test_a_dotenv_that_others_can_read_is_wrong(home: Home, place: str) -> None:
    file = home.path.parent / place / ".env"
    file.write_text("OPENAI_API_KEY=sk-1\n")
    file.chmod(0o644)
    (found,) = doctor._dotenvs(home)
    assert (found.status, found.what) == ("wrong", f"{file} is open to others (mode 0644)")
    file.chmod(0o600)
    (found,) = doctor._dotenvs(home)
    assert (found.status, found.what) == ("ok", f"{file} is yours alone")


def test_a_database_outside_the_home_is_named_even_when_another_is_used(home: Home) -> None:
    home.root_database.mkdir()
    (found,) = doctor._outside(home, load_settings({}))
    assert (found.status, found.what) == ("note", f"root's database lies outside LOTUS_HOME, in {home.root_database}")
    assert found.remedy == "copy or remove it together with LOTUS_HOME"
    (found,) = doctor._outside(home, load_settings({"LOTUS_DATABASE_URL": "postgresql://u:p@h/d"}))
    assert found.what.endswith("and isn't used: LOTUS_DATABASE_URL names another")


@pytest.mark.parametrize(("user", "namespaces", "said"), [(0, False, True), (0, True, False), (1000, False, False)])
def test_where_it_will_lie_is_said_before_the_first_start(
    home: Home, monkeypatch: pytest.MonkeyPatch, user: int, namespaces: bool, said: bool
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: user)
    monkeypatch.setattr(doctor, "has_user_namespaces", lambda: namespaces)
    found = list(doctor._outside(home, load_settings({})))
    assert [str(home.root_database) in one.what for one in found] == [True] * said


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({}, "openai: gpt-4o-mini at {url}"),
        ({"api_key": "sk-another-0123456789"}, "openai: HTTP 401: Incorrect API key provided; check OPENAI_API_KEY"),
        (
            {"instead": "<html>Sign in</html>"},
            "openai: {url} answered with a web page instead of JSON; check the address",
        ),
    ],
    ids=["well", "key", "page"],
)
def test_a_model_is_asked_whether_it_would_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    with model_server_thread() as server:
        server.script(**script)
        given = {"LOTUS_PROVIDERS": "openai,offline", "OPENAI_BASE_URL": server.openai_url}
        settings = load_settings({**given, "LOTUS_OPENAI_MODEL": "gpt-4o-mini", "LOTUS_HOME": str(tmp_path)})
        (found,) = doctor._models(settings)
        assert server.calls == []
    assert (found.what, found.status) == (said.format(url=server.openai_url), "note" if script else "ok")
