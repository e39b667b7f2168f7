"""The import contracts of pyproject.toml: each contract notices a forbidden import."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import grimp
import pytest

from tests.e2e.backend import NO_COVERAGE

ROOT: Final = Path(__file__).parents[1]
DOMAIN: Final = "backend.domain"

# A new module, an import that does not belong there, and the contract that refuses it.
PLANTED: Final = [
    ("backend/entrypoints/cli/planted.py", "import fastapi", "home-of-fastapi"),
    ("backend/entrypoints/planted.py", "import starlette.requests", "home-of-fastapi"),
    ("backend/entrypoints/mcp/planted.py", "import fastapi", "home-of-fastapi"),
    ("backend/entrypoints/http/planted.py", "import mcp.server", "home-of-mcp"),
    ("backend/entrypoints/cli/planted.py", "import mcp_types", "home-of-mcp"),
    ("backend/container/planted.py", "import fastapi", "home-of-fastapi"),
    ("backend/adapters/auth/planted.py", "import fastapi", "home-of-fastapi"),
    ("backend/adapters/persistence/planted.py", "import sqlalchemy", "home-of-sqlalchemy"),
    ("backend/adapters/persistence/sqlite/planted.py", "import alembic", "home-of-sqlalchemy"),
    ("backend/entrypoints/http/planted.py", "import asyncpg", "home-of-database-drivers"),
    ("backend/adapters/auth/planted.py", "import sqlite3", "home-of-database-drivers"),
    ("backend/entrypoints/http/planted.py", "import jwt", "home-of-pyjwt"),
    ("backend/adapters/persistence/planted.py", "import jwt.algorithms", "home-of-pyjwt"),
    (
        "backend/entrypoints/http/planted.py",
        "import dependency_injector",
        "home-of-dependency-injector",
    ),
    ("backend/container/planted.py", "import cryptography.fernet", "home-of-pyjwt"),
    ("backend/container/planted.py", "import httpx2", "home-of-httpx2"),
    ("backend/entrypoints/cli/planted.py", "import pydantic_settings", "home-of-pydantic-settings"),
    ("backend/entrypoints/cli/planted.py", "import dotenv", "home-of-pydantic-settings"),
    ("backend/adapters/auth/better_auth/planted.py", "import idna", "home-of-pydantic-settings"),
    ("backend/entrypoints/cli/planted.py", "import uvicorn", "home-of-uvicorn"),
    ("backend/entrypoints/server/planted.py", "import typer", "home-of-typer"),
    (
        "backend/entrypoints/http/planted.py",
        "import prometheus_client",
        "home-of-prometheus-client",
    ),
    (
        "backend/entrypoints/http/planted.py",
        "import opentelemetry.trace",
        "home-of-opentelemetry",
    ),
    ("backend/container/planted.py", "import opentelemetry.sdk.trace", "home-of-opentelemetry"),
    (
        "backend/adapters/auth/planted.py",
        "import backend.adapters.persistence.memory",
        "authentication-alone",
    ),
    ("backend/settings/planted.py", "import uvicorn", "authentication-alone"),
    (
        "backend/entrypoints/http/auth/planted.py",
        "import backend.entrypoints.http.metrics.series",
        "authentication-alone",
    ),
    (
        "backend/entrypoints/http/problems/planted.py",
        "import backend.container.application",
        "authentication-alone",
    ),
    ("backend/domain/planted.py", "import backend.settings", "layers"),
    ("backend/adapters/planted.py", "import backend.container", "layers"),
    ("backend/planted.py", "import json", "layers"),
    ("backend/testing/planted.py", "import backend.entrypoints", "layers"),
    ("backend/container/planted.py", "import backend.testing.fakes", "layers"),
    ("backend/entrypoints/http/planted.py", "import backend.testing", "testing-is-for-tests"),
    ("backend/testing/planted.py", "import pytest", "home-of-pytest"),
    ("backend/testing/planted.py", "import jwt", "home-of-pyjwt"),
    ("backend/testing/planted.py", "import httpx2", "home-of-httpx2"),
    (
        "backend/entrypoints/planted.py",
        "import backend.adapters.auth.pyjwt",
        "entrypoints-name-no-adapter",
    ),
    ("backend/entrypoints/http/planted.py", "import backend.entrypoints.server.process", "ways-in"),
    ("backend/entrypoints/http/planted.py", "import backend.entrypoints.mcp.tools", "ways-in"),
    ("backend/entrypoints/server/planted.py", "import backend.entrypoints.mcp.app", "ways-in"),
    ("backend/entrypoints/mcp/planted.py", "import backend.entrypoints.cli.main", "ways-in"),
    ("backend/adapters/auth/jose/planted.py", "import backend.adapters.auth.keys", "tokens"),
    ("backend/adapters/auth/planted.py", "import json", "tokens"),
]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("backend", include_external_packages=True, cache_dir=None)


def test_the_domain_imports_the_standard_library_only(graph: grimp.ImportGraph) -> None:
    modules = {DOMAIN, *graph.find_descendants(DOMAIN)}
    imported = {
        target for module in modules for target in graph.find_modules_directly_imported_by(module)
    }
    foreign = {name.partition(".")[0] for name in imported - modules} - sys.stdlib_module_names
    assert len(modules) > 1
    assert foreign == set()


def test_shipped_code_does_not_import_the_tests(graph: grimp.ImportGraph) -> None:
    assert "tests" not in graph.modules


def test_the_graph_contains_external_and_standard_imports(graph: grimp.ImportGraph) -> None:
    assert "fastapi" in graph.find_modules_directly_imported_by("backend.entrypoints.http.app")
    assert "dataclasses" in graph.find_modules_directly_imported_by(f"{DOMAIN}.todo")


@pytest.mark.parametrize("room", ["domain", "entrypoints/http", "entrypoints/server"])
def test_domain_http_and_server_do_not_name_the_provider_oidc(room: str) -> None:
    files = [path for path in (ROOT / "backend" / room).rglob("*") if path.is_file()]
    sources = [path for path in files if path.suffix in {".py", ".html", ".js"}]
    assert len(sources) > 1
    assert [path for path in sources if "oidc" in path.read_text("utf-8").lower()] == []


def test_a_provider_is_an_adapter_a_setting_and_a_row_of_the_container(
    graph: grimp.ImportGraph,
) -> None:
    adapter = "backend.adapters.auth.oidc"
    modules = {adapter, *graph.find_descendants(adapter)}
    importers = {
        importer
        for module in modules
        for importer in graph.find_modules_that_directly_import(module)
    }
    assert importers - modules == {
        "backend.adapters.auth.explain.issuer",
        "backend.adapters.auth.explain.search",
        "backend.container.issuer",
        "backend.container.fetched_keys",
    }


def copy_project(folder: Path) -> Path:
    """Copy the code and its contracts to a folder, and return the folder."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        ROOT / "backend", folder / "backend", ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


@pytest.fixture(scope="module")
def contract_names() -> dict[str, str]:
    """The name of each contract, by its id."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = configuration["tool"]["importlinter"]["contracts"]
    return {contract["id"]: contract["name"] for contract in contracts}


def broken_contracts(project: Path) -> str:
    """Return the output of import-linter about the contracts that are broken."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, **NO_COVERAGE, "COLUMNS": "500"},  # import-linter breaks longer lines
        capture_output=True,
        text=True,
        check=False,
    )
    _, _, broken = done.stdout.partition("Broken contracts")
    assert done.returncode == bool(broken), done.stdout + done.stderr
    return broken


def test_every_contract_is_tested(contract_names: dict[str, str]) -> None:
    assert {contract for _, _, contract in PLANTED} == set(contract_names)


def test_the_contracts_are_kept(tmp_path: Path) -> None:
    assert broken_contracts(copy_project(tmp_path)) == ""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What import-linter prints about all planted modules at once, by the name of the contract."""
    project = copy_project(tmp_path_factory.mktemp("project"))
    for number, (path, statement, _) in enumerate(PLANTED):
        (project / numbered(path, number)).write_text(f'"""Planted."""\n\n{statement}\n')
    _, *parts = re.split(r"^(.+)\n-+\n", broken_contracts(project), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def numbered(path: str, number: int) -> str:
    return path.replace("planted.py", f"planted_{number}.py")


@pytest.mark.parametrize("number", range(len(PLANTED)), ids=["-".join(row) for row in PLANTED])
def test_an_import_in_the_wrong_room_breaks_a_contract(
    complaints: dict[str, str], contract_names: dict[str, str], number: int
) -> None:
    path, _, contract = PLANTED[number]
    module = numbered(path, number).removesuffix(".py").replace("/", ".")
    assert re.search(rf"\b{module}\b", complaints[contract_names[contract]])
