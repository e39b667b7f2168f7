"""The command line as a whole."""

import importlib
import pkgutil

import pytest
from fastapi import FastAPI

from backend import __version__
from backend.container import Container
from backend.entrypoints import cli as package
from backend.settings import Settings
from tests.entrypoints.cli.command_line import run

MODULES = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
COMMANDS = ["serve", "dev", "migrate", "token", "explain", "doctor"]


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


def test_an_unknown_option_is_a_misuse() -> None:
    assert run("serve", "--unknown").exit_code == 2


@pytest.mark.parametrize("name", MODULES)
def test_importing_a_module_makes_no_app_and_no_container(name: str) -> None:
    module = importlib.import_module(f"{package.__name__}.{name}")
    kinds = (FastAPI, Settings, type(Container()))
    assert [value for value in vars(module).values() if isinstance(value, kinds)] == []
