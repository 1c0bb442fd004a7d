"""Everything wrong in .env, providers.toml and mcp.toml is told at once, by `up` and by `doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotus_tasks.cli import doctor, up
from lotus_tasks.cli.configuration import check_configuration, examine_files
from lotus_tasks.errors import ConfigurationError

BROKEN_MCP = '[[server]]\nname = "Bad Name"\nurl = "nowhere"\n'
BROKEN_PROVIDERS = "[[provider]\n"


def written(tmp_path: Path, **files: str) -> tuple[dict[str, str], Path]:
    """An environment and a project folder with these files; `env` is the .env, the others lie in LOTUS_HOME."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / ".env").write_text(files.pop("env", ""), encoding="utf-8")
    for name, text in files.items():
        (home / f"{name}.toml").write_text(text, encoding="utf-8")
    return {"LOTUS_HOME": str(home)}, tmp_path


def test_a_wrong_number_an_unknown_provider_a_misspelt_name_and_a_broken_line_are_told_at_once(tmp_path: Path):
    dotenv = "LOTUS_MAX_STEPS=many\nLOTUS_PROVIDERS=opnai,offline\nLOTUS_PROVDERS=offline\nno assignment\nnor this\n"
    with pytest.raises(ConfigurationError) as raised:
        check_configuration(*written(tmp_path, env=dotenv))
    told = str(raised.value)
    assert "LOTUS_MAX_STEPS='many'" in told
    assert "LOTUS_PROVIDERS names opnai" in told
    assert "did you mean LOTUS_PROVIDERS?" in told
    assert "line 4 is not NAME=value" in told
    assert "line 5 is not NAME=value" in told
    assert len(told.splitlines()) == 5


def test_what_is_right_counts_although_something_else_is_wrong(tmp_path: Path):
    found = examine_files(*written(tmp_path, env="LOTUS_MAX_STEPS=many\nLOTUS_FLOWER_PORT=5560\n"))
    assert found.settings.lotus_flower_port == 5560
    assert found.settings.lotus_max_steps == 8
    assert len(found.complaints) == 1


def test_a_broken_providers_toml_stands_beside_the_other_faults(tmp_path: Path):
    found = examine_files(*written(tmp_path, env="LOTUS_MAX_STEPS=many\n", providers=BROKEN_PROVIDERS))
    assert len(found.complaints) == 2
    assert "providers.toml can't be read" in found.complaints[1]


def test_a_broken_mcp_toml_is_a_notice(tmp_path: Path):
    found = examine_files(*written(tmp_path, mcp=BROKEN_MCP))
    assert found.complaints == ()
    (notice,) = found.notices
    assert "mcp.toml" in notice
    assert "its tools are missing" in notice


@pytest.fixture
def broken_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    environ, _ = written(tmp_path, mcp=BROKEN_MCP, providers=BROKEN_PROVIDERS)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return Path(environ["LOTUS_HOME"])


def test_up_refuses_a_broken_providers_toml_and_tells_of_a_broken_mcp_toml(broken_home: Path):
    with pytest.raises(ConfigurationError) as raised:
        up._configure()
    assert "providers.toml" in str(raised.value)
    assert "mcp.toml" in str(raised.value)


def test_up_starts_with_a_broken_mcp_toml_and_says_so(broken_home: Path, capsys: pytest.CaptureFixture[str]):
    (broken_home / "providers.toml").unlink()
    up._configure()
    assert "note: " in (told := capsys.readouterr().err)
    assert "mcp.toml" in told


def test_doctor_sees_both_and_goes_on(broken_home: Path):
    findings = list(doctor.examine())
    wrong = [finding.what for finding in findings if finding.status == "wrong"]
    notes = [finding.what for finding in findings if finding.status == "note"]
    assert sum("providers.toml" in what for what in wrong) == 1
    assert sum("mcp.toml" in what for what in notes) == 1
    assert any("is yours alone" in finding.what for finding in findings)
