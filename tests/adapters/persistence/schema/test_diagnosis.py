"""What the doctor says of a database: out of reach, without a schema, behind, ahead, or well."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.schema import revisions
from backend.adapters.persistence.schema.diagnosis import diagnose_database, of_failure
from backend.domain.diagnosis import Finding
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

OURS = max(path.name.partition("_")[0] for path in revisions.VERSIONS.glob("[0-9]*.py"))


async def diagnosed(url: str) -> dict[str, Finding]:
    return {one.check: one for one in await diagnose_database(url)}


@pytest.fixture
async def migrated(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/todos.db"
    await schema.upgrade(url)
    return url


def set_revision(url: str, revision: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
        connection.commit()


async def test_a_migrated_database_is_well(migrated: str) -> None:
    found = await diagnosed(migrated)
    assert set(found) == {"database", "migrations"}
    assert found["database"] == Finding(check="database", found="SQLite")
    assert found["migrations"] == Finding(check="migrations", found=OURS)


async def test_a_postgresql_database_is_looked_at_likewise(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    assert "backend migrate" in str((await diagnosed(url))["migrations"].remedy)
    await schema.upgrade(url)
    found = await diagnosed(url)
    assert found["database"].found == "PostgreSQL"
    assert found["migrations"].problem is None
    assert found["row-level security"].problem is None


async def test_a_role_that_sees_every_users_rows_is_a_problem(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    postgres_server.create_role("sees_all", "BYPASSRLS IN ROLE todos_owner")
    for role, problem in (("sees_all", True), ("postgres", True), ("todos_owner", False)):
        found = await diagnosed(postgres_server.url_for(role, postgres_url))
        assert bool(found["row-level security"].problem) is problem


async def test_a_policy_that_was_switched_off_is_a_problem(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    await schema.upgrade(url)
    postgres_server.execute("ALTER TABLE todos NO FORCE ROW LEVEL SECURITY", url)
    found = (await diagnosed(url))["row-level security"]
    assert found.problem == "does not hold for this role, which sees the rows of every user"
    assert "BYPASSRLS" in str(found.remedy)


async def test_a_role_that_lacks_privileges_is_told_which(
    postgres_server: PostgresServer, restricted_url: str
) -> None:
    url = postgres_server.create_database()
    await schema.upgrade(url)
    postgres_server.create_role("weak")
    weak = postgres_server.url_for("weak", url)
    found = await diagnosed(weak)
    assert found["database"].problem is None
    problem, remedy = str(found["privileges"].problem), str(found["privileges"].remedy)
    for lacking in (
        "SELECT on alembic_version",
        "SELECT on cursor_key",
        "SELECT, INSERT, UPDATE, DELETE on idempotency_keys",
        "SELECT, INSERT, UPDATE, DELETE on todos",
    ):
        assert lacking in problem
    assert "docs/scaling.md" in remedy
    assert not found["migrations"].checked
    postgres_server.execute(
        "GRANT SELECT, INSERT, DELETE ON todos, idempotency_keys, cursor_key, alembic_version"
        " TO weak;",
        url,
    )
    problem = str((await diagnosed(weak))["privileges"].problem)
    assert problem.endswith(" lacks UPDATE on idempotency_keys; UPDATE on todos")
    assert "privileges" not in await diagnosed(restricted_url)


async def test_a_role_that_may_not_migrate_is_told_who_may(postgres_server: PostgresServer) -> None:
    postgres_server.create_role("stranger")
    url = postgres_server.url_for("stranger", postgres_server.create_database())
    with pytest.raises(RepositoryUnavailableError) as failure:
        await schema.upgrade(url)
    problem, remedy = of_failure(failure.value)
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
async def test_the_usual_mistakes_in_a_url_have_a_remedy(
    postgres_url: str, change: Callable[[str], str], remedy: str
) -> None:
    found = (await diagnosed(change(postgres_url)))["database"]
    assert found.problem is not None
    assert remedy in str(found.remedy)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_database_without_a_schema_is_to_be_migrated(tmp_path: Path) -> None:
    found = await diagnosed(f"sqlite:///{tmp_path}/none.db")
    assert found["migrations"].problem == "there is no schema yet"
    assert "backend migrate" in str(found["migrations"].remedy)
    assert not files_in(tmp_path)


async def test_an_old_schema_is_to_be_migrated(
    migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    for name in (f"{OURS}_todos.py", "9999_later.py"):
        (versions / name).touch()
    monkeypatch.setattr(revisions, "VERSIONS", versions)  # as in the release after this one
    found = (await diagnosed(migrated))["migrations"]
    assert (found.found, found.expected) == (OURS, "9999")
    assert found.problem == "the schema is out of date"
    assert "backend migrate" in str(found.remedy)


async def test_a_later_schema_is_well_and_said_to_be_later(migrated: str) -> None:
    set_revision(migrated, "9999")
    found = (await diagnosed(migrated))["migrations"]
    assert found.problem is None
    assert found.found == f"9999, by a later release; this one, of {OURS}, can serve it"


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
async def test_a_database_out_of_reach_is_told_without_its_password(url: str, problem: str) -> None:
    found = await diagnosed(url)
    said = f"{found['database'].problem} {found['database'].remedy}"
    assert problem in said
    assert "DATABASE_URL" in said
    assert "hunter2" not in str(found)
    assert not found["migrations"].checked
