"""`migrate`: it needs a database, and no other setting."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from backend.adapters.persistence.schema.revisions import known_revisions
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.entrypoints.cli.exits import MISCONFIGURED, UNAVAILABLE
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.postgres import PostgresServer


def test_migrate_needs_only_a_database(folder: Path) -> None:
    for _ in range(2):
        result = run("migrate", DATABASE_URL="sqlite:///other.db", PORT="http")
        assert (result.exit_code, result.stdout) == (0, "The schema is up to date.\n")
    assert (folder / "other.db").is_file()


@pytest.mark.parametrize(
    "url",
    [
        *("mysql://db", "sqlite:////nowhere/at/all.db"),
        "postgresql://me:hunter2@127.0.0.1:1/x?keepalives=hunter2",
    ],
)
@pytest.mark.parametrize("command", ["migrate", "dev"])
def test_a_database_that_cannot_be_used_is_a_wrong_configuration(command: str, url: str) -> None:
    result = run(command, DATABASE_URL=url)
    assert_misconfigured(result, "DATABASE_URL")
    assert "hunter2" not in result.output


@pytest.mark.parametrize("command", ["migrate", "dev"])
def test_the_status_says_that_postgresql_is_down(command: str) -> None:
    result = run(command, DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")
    assert result.exit_code == UNAVAILABLE
    assert result.stderr.startswith("The database is unavailable:\n\n  DATABASE_URL: ")
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output


def test_a_role_that_may_not_migrate_is_a_wrong_configuration(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.create_role("visitor")
    url = postgres_server.url_for("visitor", postgres_server.create_database())
    result = run("migrate", DATABASE_URL=url)
    assert result.exit_code == MISCONFIGURED
    assert "DATABASE_URL: refuses: permission denied for schema public" in result.stderr


def revision_of(file: Path) -> str | None:
    return asyncio.run(SqliteDatabase(f"sqlite:///{file}").revision())


def test_a_dry_run_prints_the_sql_and_creates_no_file(folder: Path) -> None:
    result = run("migrate", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "CREATE TABLE todos (" in result.stdout
    assert 'INSERT INTO cursor_key (id, "key") VALUES (?, ?);\n' in result.stdout
    assert "SELECT" not in result.stdout
    assert list(folder.iterdir()) == []


def test_the_sql_of_a_dry_run_makes_the_schema(folder: Path) -> None:
    sql = run("migrate", "--dry-run").stdout.replace("VALUES (?, ?)", "VALUES (1, randomblob(32))")
    with sqlite3.connect(folder / "by-hand.db") as by_hand:
        by_hand.executescript(sql)
    by_hand.close()
    assert run("migrate").exit_code == 0
    assert revision_of(folder / "by-hand.db") == revision_of(folder / "todos.db") is not None


def test_a_dry_run_changes_nothing_in_an_older_schema(folder: Path) -> None:
    assert run("migrate", "--to", "0003").stdout == "The schema is at revision 0003.\n"
    result = run("migrate", "--dry-run")
    assert result.stdout.startswith("CREATE TABLE cursor_key (")
    assert "UPDATE alembic_version SET version_num='0006'" in result.stdout
    assert revision_of(folder / "todos.db") == "0003"
    assert run("migrate").exit_code == 0
    assert run("migrate", "--dry-run").stdout == ""


def test_a_dry_run_changes_nothing_in_postgresql(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    result = run("migrate", "--dry-run", DATABASE_URL=url)
    assert "ALTER TABLE todos ENABLE ROW LEVEL SECURITY;\n" in result.stdout
    again = run("migrate", "--dry-run", "--to", "0001", DATABASE_URL=url)
    assert "CREATE TABLE todos (" in again.stdout
    assert "ROW LEVEL SECURITY" not in again.stdout


def test_an_older_revision_must_be_allowed(folder: Path) -> None:
    latest = known_revisions()[-1]
    assert run("migrate", "--to", latest).exit_code == 0
    refused = run("migrate", "--to", "0003")
    assert_misconfigured(refused, "--to")
    assert f"the schema is at revision {latest}, which is later than 0003" in refused.stderr
    assert "--downgrade" in refused.stderr
    preview = run("migrate", "--to", "0003", "--downgrade", "--dry-run")
    assert "DROP TABLE cursor_key;\n" in preview.stdout
    assert revision_of(folder / "todos.db") == latest
    assert run("migrate", "--to", "0003", "--downgrade").exit_code == 0
    assert revision_of(folder / "todos.db") == "0003"


@pytest.mark.parametrize("revision", ["0099", "base", "head", "-1", ""])
def test_an_unknown_revision_is_refused(folder: Path, revision: str) -> None:
    result = run("migrate", f"--to={revision}")
    assert_misconfigured(result, "--to")
    assert "0001, 0002" in result.stderr
    assert list(folder.iterdir()) == []


def test_the_schema_of_a_later_release_is_not_downgraded(folder: Path) -> None:
    assert run("migrate").exit_code == 0
    with sqlite3.connect(folder / "todos.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.close()
    result = run("migrate", "--to", "0003", "--downgrade")
    assert_misconfigured(result, "--to")
    assert "from a later release" in result.stderr


def test_a_downgrade_needs_a_revision() -> None:
    result = run("migrate", "--downgrade")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--to 0003" in result.stderr
