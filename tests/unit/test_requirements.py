"""What the code imports is what requirements/lotus.in names: nothing installed by hand can hide a missing line."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from stack import clean_environment

from lotus_tasks.local.home import PROJECT

OURS = {"lotus_tasks", "workers", "beat", "celeryconfig"}
BUNDLED = {
    "chromadb_rust_bindings": "chromadb",  # the server inside chromadb's wheel
    "google": "google-genai",  # a namespace package
    "psycopg_pool": "psycopg",  # its extra
}


def sources() -> list[Path]:
    found = [PROJECT / "celeryconfig.py", *(PROJECT / "workers").glob("*.py"), *(PROJECT / "beat").glob("*.py")]
    return [*found, *(PROJECT / "lotus_tasks").rglob("*.py")]


def imported_modules(source: Path) -> set[str]:
    """Full names, those that a function imports among them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def imported(source: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(source)}


def locked_here() -> Iterator[Requirement]:
    """The lock's packages that this system and Python need."""
    text = (PROJECT / "requirements" / "lotus.lock").read_text(encoding="utf-8")
    for line in re.findall(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", text, re.MULTILINE):
        package = Requirement(line.strip())
        if package.marker is None or package.marker.evaluate():
            yield package


def named(file: str) -> set[str]:
    lines = (PROJECT / "requirements" / file).read_text(encoding="utf-8").splitlines()
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines)
    return {normal(match.group()) for match in found if match}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_that_the_code_imports_is_named_in_lotus_in():
    packages = packages_distributions()
    missing = {
        f"{name} ({source.relative_to(PROJECT)})"
        for source in sources()
        for name in imported(source) - OURS - set(sys.stdlib_module_names)
        if not (named("lotus.in") | named("bare.in"))
        & {normal(BUNDLED.get(name, one)) for one in packages.get(name, [name])}
    }
    assert missing == set()


def test_every_named_package_is_locked():
    assert named("lotus.in") | named("bare.in") <= named("lotus.lock")
    assert named("test.in") <= named("test.lock")


def test_whatever_a_locked_package_declares_is_locked_too_but_for_those_that_are_locked_bare() -> None:
    locked = {normal(package.name) for package in locked_here()}
    missing = set()
    for name in locked - named("bare.in"):
        try:
            declared = map(Requirement, distribution(name).requires or [])
        except PackageNotFoundError as error:
            raise AssertionError(f"{name} is locked and not installed: run ./start_lotus.sh") from error
        missing |= {
            f"{one.name} (of {name})"
            for one in declared
            if (one.marker is None or one.marker.evaluate({"extra": ""})) and normal(one.name) not in locked
        }
    assert missing == set()


def test_a_package_that_is_locked_bare_brings_nothing_else_into_the_lock() -> None:
    """What only chromadb's Python client needs: 33 packages, 230 MB."""
    assert not {"kubernetes", "grpcio", "opentelemetry-sdk", "torch", "huggingface-hub", "onnx"} & named("lotus.lock")


WALK = """
import importlib, json, sys
document = json.load(sys.stdin)
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in document["absent"]:
            raise ModuleNotFoundError(f"{name} is in no lock", name=name)
sys.meta_path.insert(0, Refuse())
for name in document["modules"]:
    importlib.import_module(name)
"""


def test_every_import_of_the_code_works_with_nothing_but_the_lock(tmp_path: Path) -> None:
    """With every other installed package out of sight, each module of LOTUS and each one that a function imports is imported."""
    locked = {normal(package.name) for package in locked_here()}
    absent = [
        module
        for module, owners in packages_distributions().items()
        if not {normal(owner) for owner in owners} & locked
    ]
    assert "pytest" in absent
    ours = {
        ".".join(source.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__") for source in sources()
    }
    theirs = {name for source in sources() for name in imported_modules(source)}
    modules = sorted(ours - {"lotus_tasks.worker.celery_command"}) + sorted(theirs)
    done = subprocess.run(
        [sys.executable, "-c", WALK],
        input=json.dumps({"absent": absent, "modules": modules}),
        cwd=PROJECT,
        env=clean_environment(
            tmp_path,
            LOTUS_DATABASE_URL="postgresql://lotus@127.0.0.1:1/lotus",
            LOTUS_REDIS_URL="redis://127.0.0.1:1",
            LOTUS_CHROMA_URL="http://127.0.0.1:1",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
