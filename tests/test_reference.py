"""The pages name only variables, commands, codes and routes that exist, and list all of them."""

import os
import re
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
import typer
from pydantic import SecretStr

from backend.container import Container
from backend.entrypoints.cli.main import cli
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.problems.codes import PROBLEM_CODES
from backend.entrypoints.http.problems.problem_details import Problem
from backend.entrypoints.server import refusals
from backend.settings import Settings
from backend.settings.sources import IN_FILES
from tests.documents import PAGES, ROOT, table_rows, text_of

ERRORS: Final = Path("docs/errors.md")
API: Final = Path("docs/api.md")
SETTINGS: Final = Path("docs/settings.md")

VARIABLES: Final = {name.upper() for name in Settings.model_fields}
SECRETS: Final = {name.upper() for name in IN_FILES}
MISSPELLED: Final = {"AUTH_LEWAY"}  # the example of the page on settings

# The codes that no route documents in OpenAPI.
OTHER_CODES: Final = {
    (HTTPStatus.UNAUTHORIZED, "unauthorized"),
    (HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error"),
}

every_page: Final = pytest.mark.parametrize("page", PAGES, ids=os.fspath)


@every_page
def test_the_variables_that_a_page_names_exist(page: Path) -> None:
    families = "|".join({name.partition("_")[0] for name in VARIABLES if "_" in name})
    named = set(re.findall(rf"(?<!_)\b(?:{families})(?:_[A-Z]+)+\b", text_of(page)))
    known = VARIABLES | {f"{name}_FILE" for name in SECRETS}
    assert named - known == (MISSPELLED if page == SETTINGS else set())


def names_of_commands() -> set[str]:
    """Return the names of the commands of `python -m backend`."""
    command = typer.main.get_command(cli)
    assert isinstance(command, typer.core.TyperGroup)
    return set(command.list_commands(typer.Context(command)))


@every_page
def test_the_commands_that_a_page_names_exist(page: Path) -> None:
    text = text_of(page)
    commands = set(re.findall(r"(?:python -m backend|bin/todo-api) ([a-z][\w-]*)", text))
    assert commands <= names_of_commands()
    targets = set(re.findall(r"(?:`|\$ )make ([a-z][\w./-]*)", text))
    makefile = (ROOT / "Makefile").read_text()
    assert targets <= set(re.findall(r"^([a-z][\w./-]*):", makefile, re.MULTILINE))


def test_the_table_of_codes_has_every_code_with_its_status() -> None:
    rows = [row for row in table_rows(ERRORS) if re.fullmatch(r"\d{3}", row[0])]
    documented = [(int(status), code) for status, codes, _ in rows for code in codes_in(codes)]
    assert len(documented) == len(set(documented))
    routes = {(problem.status, code) for code, problem in PROBLEM_CODES.items()}
    server = {(item.status, item.code) for item in vars(refusals).values() if is_refusal(item)}
    assert len(server) > 5
    assert set(documented) == routes | server | OTHER_CODES


def codes_in(cell: str) -> list[str]:
    """Return the words in code style of a cell."""
    return re.findall(r"`(\w+)`", cell)


def is_refusal(item: object) -> bool:
    """Whether an item of a module is a problem."""
    return isinstance(item, Problem)


def test_the_table_of_routes_has_every_route() -> None:
    cells = [row[0] for row in table_rows(API) if re.match(r"`[A-Z]+ /", row[0])]
    documented = {name.replace("{id}", "{todo_id}") for cell in cells for name in routes_in(cell)}
    container = Container(settings=Settings(docs=True, better_auth_secret=SecretStr("s" * 32)))
    paths = create_app(container).openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    unlisted = {"GET /metrics", "GET /docs", "GET /openapi.json"}  # OpenAPI does not describe them
    assert documented == routes | unlisted


def routes_in(cell: str) -> list[str]:
    """Return the routes that a cell names; a path without a method has that of the path before."""
    method, routes = "", []
    for name in re.findall(r"`([^`]+)`", cell):
        method = name.partition(" /")[0] if " /" in name else method
        routes.append(name if " /" in name else f"{method} {name}")
    return routes
