"""PostgreSQL with the roles of docs/scaling.md, and a shell for the commands of a page."""

import asyncio
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from tests.adapters.persistence.scaling import statements_of
from tests.console import blocks_with, run_session
from tests.e2e.backend import NO_COVERAGE
from tests.e2e.processes import ROOT, environment
from tests.postgres import PostgresServer

_SECRET: Final = "only for tests of the pages for operators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A database, its server, and the role of the application.

    Attributes:
        server: The server.
        owner_url: The URL for the owner of the tables.
        role: The name of the application's role, which no other test uses.
    """

    server: PostgresServer
    owner_url: str
    role: str

    @property
    def url(self) -> str:
        """The URL for the role of the application."""
        return self.server.url_for(self.role, self.owner_url)

    def execute(self, statements: str) -> str:
        """Run statements of a page as a superuser, for the role of this installation."""
        password = str(urlsplit(self.owner_url).password)
        named = statements.replace("todos_app", self.role).replace("'…'", f"'{password}'")
        return self.server.execute(named, self.owner_url)


@pytest.fixture
def installation(postgres_server: PostgresServer) -> Installation:
    """Roles belong to the whole server, so each installation has a role with another name."""
    owner_url = postgres_server.create_database()
    asyncio.run(upgrade(PostgresDatabase(owner_url)))
    role = f"todos_app_{secrets.token_hex(4)}"
    created = Installation(server=postgres_server, owner_url=owner_url, role=role)
    created.execute(statements_of("Roles"))
    return created


def run_block(
    page: Path, start: str, folder: Path, replace: dict[str, str], **variables: str
) -> None:
    """Run the commands of a page, in the folder of an operator."""
    run_session(
        blocks_with(page, start),
        folder,
        replace={**replace, ".venv/bin/python": sys.executable},
        env=environment(
            {"BETTER_AUTH_SECRET": _SECRET, "PYTHONPATH": str(ROOT), **NO_COVERAGE, **variables}
        ),
    )


def path_with(server: PostgresServer) -> str:
    """Return a `PATH` that finds the programs of a PostgreSQL server first."""
    return f"{server.binaries}{os.pathsep}{os.environ['PATH']}"
