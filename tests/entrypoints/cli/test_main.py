"""The command line as a whole."""

import importlib
import pkgutil
import subprocess
import sys

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from backend import __version__
from backend.container import Container
from backend.entrypoints import cli as package
from backend.entrypoints.cli import main
from backend.entrypoints.cli.program import is_script
from backend.settings import Settings
from tests.alone.environments import environment_with
from tests.entrypoints.cli.command_line import run
from tests.entrypoints.cli.server_process import ROOT

MODULES = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
COMMANDS = ["serve", "dev", "migrate", "token", "explain", "doctor", "config", "revision"]

# Modules that take long to import. `--help` and completion must answer at once.
SLOW = {
    *("alembic", "asyncio", "asyncpg", "cryptography", "dependency_injector", "fastapi", "httpx2"),
    *("jwt", "pydantic", "sqlalchemy", "starlette", "uvicorn"),
    *("backend.adapters", "backend.container", "backend.domain", "backend.settings"),
    *("backend.entrypoints.http", "backend.entrypoints.server"),
}
HELP = """
import contextlib, sys
from backend.__main__ import main
for command in sys.argv[1].split(","):
    sys.argv[1:] = [command, "--help"] if command else ["--help"]
    with contextlib.suppress(SystemExit):
        main()
print("modules:", *sys.modules)
"""


def test_the_help_lists_the_commands_in_the_order_of_use() -> None:
    output = run("--help").stdout
    positions = [output.index(f" {command} ") for command in COMMANDS]
    assert positions == sorted(positions)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f" {command} " in result.stdout


def test_the_version_is_printed() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"todo-api {__version__}\n")


def test_help_imports_nothing_that_the_commands_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, ",".join(["", *COMMANDS])],
        cwd=ROOT,
        env=environment_with({}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(f"Usage: -c {command} " in done.stdout for command in COMMANDS)
    imported = set(done.stdout.rpartition("modules: ")[2].split())
    assert "typer" in imported
    assert imported & SLOW == set()


def test_a_shell_can_complete_the_installed_script(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--show-completion" not in run("--help").stdout
    for name, offered in (("/usr/bin/todo-api", True), ("/x/backend/__main__.py", False)):
        monkeypatch.setattr(sys, "argv", [name])
        assert is_script() == offered
        module = importlib.reload(main)
        output = CliRunner().invoke(module.cli, ["--help"]).stdout
        assert ("--show-completion" in output) == offered


def test_an_unknown_option_is_a_misuse() -> None:
    assert run("serve", "--unknown").exit_code == 2


@pytest.mark.parametrize("name", MODULES)
def test_importing_a_module_makes_no_app_and_no_container(name: str) -> None:
    module = importlib.import_module(f"{package.__name__}.{name}")
    kinds = (FastAPI, Settings, type(Container()))
    assert [value for value in vars(module).values() if isinstance(value, kinds)] == []
