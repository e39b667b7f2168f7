"""The findings of `doctor` about a database: unavailable, not migrated, too old, newer, or fine."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backend.adapters.persistence.schema import revisions
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.failures import explain_failure
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.domain.diagnosis import Finding
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import database_at
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

LATEST = revisions.known_revisions()[-1]


async def findings_of(url: str) -> dict[str, Finding]:
    return {finding.check: finding for finding in await diagnose_database(database_at(url))}


@pytest.fixture
async def migrated(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/todos.db"
    await upgrade(database_at(url))
    return url


def set_revision(url: str, revision: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
        connection.commit()


async def test_a_migrated_sqlite_database_has_no_problems(migrated: str) -> None:
    found = await findings_of(migrated)
    assert set(found) == {"database", "migrations"}
    assert found["database"] == Finding(check="database", found="SQLite")
    assert found["migrations"] == Finding(check="migrations", found=LATEST)


async def test_a_migrated_postgresql_database_has_no_problems(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.create_database()
    assert "backend migrate" in str((await findings_of(url))["migrations"].remedy)
    await upgrade(database_at(url))
    found = await findings_of(url)
    assert found["database"].found == "PostgreSQL"
    assert found["migrations"].problem is None
    assert found["row-level security"].problem is None


async def test_a_role_that_sees_the_rows_of_every_user_is_a_problem(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    postgres_server.create_role("sees_all", "BYPASSRLS IN ROLE todos_owner")
    for role, problem in (("sees_all", True), ("postgres", True), ("todos_owner", False)):
        found = await findings_of(postgres_server.url_for(role, postgres_url))
        assert bool(found["row-level security"].problem) is problem


async def test_a_policy_that_is_switched_off_is_a_problem(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    await upgrade(database_at(url))
    postgres_server.execute("ALTER TABLE todos NO FORCE ROW LEVEL SECURITY", url)
    found = (await findings_of(url))["row-level security"]
    assert found.problem == "does not restrict this role, which sees the rows of every user"
    assert "BYPASSRLS" in str(found.remedy)


async def test_missing_privileges_are_listed(
    postgres_server: PostgresServer, restricted_url: str
) -> None:
    url = postgres_server.create_database()
    await upgrade(database_at(url))
    postgres_server.create_role("weak")
    weak = postgres_server.url_for("weak", url)
    found = await findings_of(weak)
    assert found["database"].problem is None
    problem, remedy = str(found["privileges"].problem), str(found["privileges"].remedy)
    for missing in (
        "SELECT on alembic_version",
        "SELECT on cursor_key",
        "SELECT, INSERT, UPDATE, DELETE on idempotency_keys",
        "SELECT, INSERT, UPDATE, DELETE on todos",
    ):
        assert missing in problem
    assert "docs/scaling.md" in remedy
    assert not found["migrations"].checked
    postgres_server.execute(
        "GRANT SELECT, INSERT, DELETE ON todos, idempotency_keys, cursor_key, alembic_version"
        " TO weak;",
        url,
    )
    problem = str((await findings_of(weak))["privileges"].problem)
    still_missing = problem.partition(" lacks ")[2].split("; ")
    assert {"UPDATE on idempotency_keys", "UPDATE on todos"} <= set(still_missing)
    assert not any(
        table in problem for table in ("cursor_key", "alembic_version", "SELECT", "DELETE")
    )
    assert "privileges" not in await findings_of(restricted_url)


async def test_the_remedy_for_a_role_that_may_not_migrate_names_the_owner(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.create_role("stranger")
    url = postgres_server.url_for("stranger", postgres_server.create_database())
    with pytest.raises(RepositoryUnavailableError) as failure:
        await upgrade(database_at(url))
    problem, remedy = explain_failure(failure.value)
    assert problem.startswith("refuses: permission denied")
    assert "owner" in remedy


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (lambda url: url.replace(str(urlsplit(url).password), "wrong"), "percent-encoded"),
        (lambda url: url.replace(str(urlsplit(url).password), "a/b"), "`/` is %2F"),
        (lambda url: url.replace(str(urlsplit(url).password), "a#b"), "`#` is %23"),
        (lambda url: url.replace(str(urlsplit(url).password), "a@b"), "`@` is %40"),
        (lambda url: f"{url}-that-is-not-there", "CREATE DATABASE"),
        (lambda url: f"{url}?sslmode=require", "leave sslmode out"),
    ],
)
async def test_common_errors_in_a_url_have_a_remedy(
    postgres_url: str, change: Callable[[str], str], remedy: str
) -> None:
    found = (await findings_of(change(postgres_url)))["database"]
    assert found.problem is not None
    assert remedy in str(found.remedy)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_database_without_a_schema_must_be_migrated(tmp_path: Path) -> None:
    found = await findings_of(f"sqlite:///{tmp_path}/none.db")
    assert found["migrations"].problem == "there is no schema yet"
    assert "backend migrate" in str(found["migrations"].remedy)
    assert not files_in(tmp_path)


async def test_an_old_schema_must_be_migrated(
    migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    for name in (f"{LATEST}_todos.py", "9999_later.py"):
        (versions / name).touch()
    monkeypatch.setattr(revisions, "VERSIONS", versions)  # as in the next release
    found = (await findings_of(migrated))["migrations"]
    assert (found.found, found.expected) == (LATEST, "9999")
    assert found.problem == "the schema is out of date"
    assert "backend migrate" in str(found.remedy)


async def test_a_later_schema_can_be_used(migrated: str) -> None:
    set_revision(migrated, "9999")
    found = (await findings_of(migrated))["migrations"]
    assert found.problem is None
    assert found.found == f"9999, from a later release; this release ({LATEST}) can use it"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/todos", "cannot be reached"),
        ("postgresql://me:hunter2@127.0.0.1:port/todos", "cannot read DATABASE_URL"),
        ("postgresql://me:hunter2@127.0.0.1:99999/todos", "DATABASE_URL"),
        ("sqlite:////proc/version", "cannot be reached"),
        ("sqlite:////nowhere/at/all.db", "the folder /nowhere/at does not exist"),
    ],
)
async def test_the_password_of_an_unavailable_database_is_not_shown(url: str, problem: str) -> None:
    found = await findings_of(url)
    shown = f"{found['database'].problem} {found['database'].remedy}"
    assert problem in shown
    assert "DATABASE_URL" in shown
    assert "hunter2" not in str(found)
    assert not found["migrations"].checked
