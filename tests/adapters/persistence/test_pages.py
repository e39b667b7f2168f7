"""The statements of docs/database.md run as written, on the databases that they are for."""

from pathlib import Path
from typing import Final

import pytest

from tests.adapters.persistence.databases import execute
from tests.documents import fenced_blocks
from tests.postgres import PostgresServer

STATEMENTS: Final = [
    line
    for block in fenced_blocks(Path("docs/database.md"))
    if block.language == "sql"
    for line in block.text.splitlines()
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_of_the_page_runs(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, statement: str
) -> None:
    database = "sqlite_url" if "-- SQLite" in statement else "postgres_url"
    execute(postgres_server, request.getfixturevalue(database), statement)
