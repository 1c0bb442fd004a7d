"""What the code imports is what requirements/lotus.in names: nothing installed by hand can hide a missing line."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from lotus_tasks.infra.home import PROJECT

OURS = {"lotus_tasks", "workers", "beat", "celeryconfig"}
BUNDLED = {
    "chromadb_rust_bindings": "chromadb",  # the server inside chromadb's wheel
    "google": "google-genai",  # a namespace package
    "psycopg_pool": "psycopg",  # its extra
}


def imported(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def named(file: str) -> set[str]:
    lines = (PROJECT / "requirements" / file).read_text(encoding="utf-8").splitlines()
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines)
    return {normal(match.group()) for match in found if match}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_that_the_code_imports_is_named_in_lotus_in():
    sources = [PROJECT / "celeryconfig.py", *(PROJECT / "workers").glob("*.py"), *(PROJECT / "beat").glob("*.py")]
    sources += (PROJECT / "lotus_tasks").rglob("*.py")
    packages = packages_distributions()
    missing = {
        f"{name} ({source.relative_to(PROJECT)})"
        for source in sources
        for name in imported(source) - OURS - set(sys.stdlib_module_names)
        if not named("lotus.in") & {normal(BUNDLED.get(name, one)) for one in packages.get(name, [name])}
    }
    assert missing == set()


def test_every_named_package_is_locked():
    assert named("lotus.in") | named("weights.in") <= named("lotus.lock")
    assert named("test.in") <= named("test.lock")
