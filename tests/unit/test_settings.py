"""Settings: where they come from, what is refused, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotus_tasks.dotenv import render_example
from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import PROJECT
from lotus_tasks.settings import Configuration, Settings, load_configuration


def load(tmp_path: Path, dotenv: str = "", home_dotenv: str = "", **environ: str) -> Configuration:
    project, home = tmp_path / "project", tmp_path / "home"
    for folder, text in ((project, dotenv), (home, home_dotenv)):
        folder.mkdir(exist_ok=True)
        (folder / ".env").write_text(text, encoding="utf-8")
    return load_configuration({"LOTUS_HOME": str(home), **environ}, project)


def test_the_defaults_need_no_configuration(tmp_path: Path) -> None:
    settings = load(tmp_path).settings
    assert settings.lotus_providers == ("openai", "anthropic", "google", "ollama", "offline")
    assert (settings.lotus_lease_s, settings.lotus_max_steps) == (8.0, 8)
    assert settings.lotus_database_url is None


def test_the_environment_beats_the_home_file_which_beats_the_project_file(tmp_path: Path) -> None:
    files = {
        "dotenv": "LOTUS_MAX_STEPS=1\nLOTUS_LEASE_S=11",
        "home_dotenv": "LOTUS_MAX_STEPS=2\nLOTUS_TOKEN_TIMEOUT_S=5",
    }
    settings = load(tmp_path, **files, LOTUS_MAX_STEPS="3").settings
    assert (settings.lotus_max_steps, settings.lotus_token_timeout_s, settings.lotus_lease_s) == (3, 5, 11)


def test_a_variable_set_to_nothing_hides_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "OPENAI_API_KEY=sk-paid", OPENAI_API_KEY="").settings
    assert settings.openai_api_key is None


def test_every_wrong_value_is_named_with_its_place_and_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, "\nLOTUS_LEASE_S=soon\nLOTUS_PROVIDERS=gpt 4", LOTUS_FLOWER_PORT="70000")
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    place = f"{tmp_path}/project/.env"
    assert f"LOTUS_LEASE_S='soon' (from {place} line 2) is wrong; allowed: seconds, from 1 to 3600" in lines
    assert (
        f"LOTUS_PROVIDERS='gpt 4' (from {place} line 3) is wrong; "
        "allowed: names of providers (docs/providers.md) with commas" in lines
    )
    assert "LOTUS_FLOWER_PORT='70000' (from the environment) is wrong; allowed: a port from 1 to 65535" in lines


def test_a_wrong_url_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, LOTUS_DATABASE_URL="mysql://me:hunter2@db/lotus")
    assert "hunter2" not in str(raised.value)
    assert "mysql://me:******@db/lotus" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("LOTUS_REDIS_URL", "redis://:hunter2/pw@h/0", "redis://******"),
        ("LOTUS_REDIS_URL", "redis://me:hun/ter2@h:1/0", "redis://******"),
        ("LOTUS_REDIS_URL", "http://me:x@hunter2@h:1/0", "http://me:******@h:1/0"),
        ("LOTUS_REDIS_URL", "http://h:1/0?password=hunter2", "http://h:1/0?password=******"),
        ("LOTUS_DATABASE_URL", "host=h password=hunter2", "******"),
        ("LOTUS_DATABASE_URL", "me:hunter2@h/db", "******"),
        ("LOTUS_CHROMA_URL", "localhost:8000", "localhost:8000"),
    ],
)
def test_of_a_wrong_url_nothing_is_told_that_may_be_its_password(
    tmp_path: Path, name: str, value: str, shown: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, **{name: value})
    assert f"{name}={shown!r} " in str(raised.value)
    assert "hun" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOTUS_REDIS_URL", "redis+socket:///tmp/x.sock"),
        ("LOTUS_BROKER_URL", "unix:///tmp/x.sock"),
        ("LOTUS_CHROMA_URL", "localhost:8000"),
        ("OPENAI_BASE_URL", "http://host:99999"),
        ("LOTUS_MEMORY_CONCURRENCY", "0"),
        ("LOTUS_LEASE_S", "nan"),
        ("LOTUS_PROVIDERS", "offline,offline"),
        ("LOTUS_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_out_of_its_range_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(tmp_path, **{name: value})


def test_an_unknown_variable_is_pointed_out_with_the_nearest_name(tmp_path: Path) -> None:
    notices = load(tmp_path, "LOTUS_FLOWR_PORT=5555", LOTUS_COLOUR="red").notices
    assert notices == (
        "LOTUS_COLOUR (from the environment) is no setting of LOTUS; settings are listed in .env.example",
        f"LOTUS_FLOWR_PORT (from {tmp_path}/project/.env line 1) is no setting of LOTUS; did you mean LOTUS_FLOWER_PORT?",
    )


def test_the_runtime_file_gets_no_secret(tmp_path: Path) -> None:
    public = load(tmp_path, OPENAI_API_KEY="sk-secret").settings.public()
    assert "OPENAI_API_KEY" not in public
    assert "sk-secret" not in str(public)
    assert public["LOTUS_PROVIDERS"] == ["openai", "anthropic", "google", "ollama", "offline"]


def test_ollama_may_be_named_as_ollama_itself_allows(tmp_path: Path) -> None:
    assert load(tmp_path, OLLAMA_HOST="box").settings.ollama_host == "http://box:11434"
    assert load(tmp_path, OLLAMA_HOST="box:99").settings.ollama_host == "http://box:99"


def test_the_example_file_lists_every_setting_as_it_is() -> None:
    assert (PROJECT / ".env.example").read_text(encoding="utf-8") == render_example(Settings.model_fields)
