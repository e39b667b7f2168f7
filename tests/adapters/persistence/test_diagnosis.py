"""What the doctor says of a database: out of reach, without a schema, behind, ahead, or well."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backend.adapters.persistence import revisions, schema
from backend.adapters.persistence.diagnosis import diagnose_database
from backend.domain.diagnosis import Finding
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
    ],
)
async def test_a_database_out_of_reach_is_told_without_its_password(url: str, problem: str) -> None:
    found = await diagnosed(url)
    said = f"{found['database'].problem} {found['database'].remedy}"
    assert problem in said
    assert "DATABASE_URL" in said
    assert "hunter2" not in str(found)
    assert not found["migrations"].checked
