"""`forget` deletes all data of a user, after a confirmation."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.user_tables import USER_TABLES
from backend.domain.idempotency import Idempotency
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.cli import forgetting
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.samples import a_todo
from tests.adapters.persistence.scaling import statements_of
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.postgres import PostgresServer

URL: Final = "sqlite:///todos.db"


def add(url: str, *users: str) -> None:
    """Add two todos for each user, and remember the request of the second."""

    async def add_all() -> None:
        async with open_todos(url) as todos:
            for user in users:
                await todos.add(user, a_todo())
                key = Idempotency(key="key", fingerprint=b"x")
                await todos.add(user, a_todo(), idempotency=key)

    asyncio.run(add_all())


def count(url: str, user: str) -> int:
    async def list_all() -> int:
        async with open_todos(url) as todos:
            return len((await todos.list(user, TodoQuery())).items)

    return asyncio.run(list_all())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the data of two users, to copy and never to open."""
    path = tmp_path_factory.mktemp("forget") / "template.db"
    asyncio.run(upgrade(SqliteDatabase(f"sqlite:///{path}")))
    add(f"sqlite:///{path}", "ada", "bob")
    return path


@pytest.fixture(autouse=True)
def migrated(folder: Path, template: Path) -> None:
    """Create `todos.db` in the folder of the test."""
    shutil.copy(template, folder / "todos.db")


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> Any:
    """Run the command in a terminal whose user types an answer."""
    monkeypatch.setattr(forgetting, "_can_ask", lambda: True)
    return run("forget", "ada", stdin=text)


def test_forget_deletes_the_data_of_one_user_and_reports_what_was_deleted() -> None:
    result = run("forget", "ada", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "Deleted everything that was stored for the user ada:",
        "  todos: 2",
        "  idempotency_keys: 1",
    ]
    assert (count(URL, "ada"), count(URL, "bob")) == (0, 2)


def test_a_second_call_finds_nothing_to_delete() -> None:
    run("forget", "ada", "--yes")
    result = run("forget", "ada", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Nothing was stored for the user ada.\n")


def test_json_names_the_user_and_the_deleted_rows() -> None:
    for todos, keys in ((2, 1), (0, 0)):
        result = run("forget", "ada", "--yes", "--json")
        deleted = {"todos": todos, "idempotency_keys": keys}
        assert json.loads(result.stdout) == {"user_id": "ada", "deleted": deleted}


def test_nothing_is_deleted_without_a_terminal_unless_yes_is_set() -> None:
    result = run("forget", "ada", stdin="y\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--yes" in result.stderr
    assert count(URL, "ada") == 2


@pytest.mark.parametrize("text", ["n\n", "\n", ""])
def test_any_answer_except_yes_deletes_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    result = answer(monkeypatch, text)
    assert (result.exit_code, result.stdout.strip()) == (1, text.strip())  # the typed answer
    assert "Delete everything that is stored for the user ada?" in result.stderr
    assert count(URL, "ada") == 2


def test_the_answer_yes_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    result = answer(monkeypatch, "y\n")
    assert result.exit_code == 0
    assert "todos: 2" in result.stdout
    assert count(URL, "ada") == 0


@pytest.mark.parametrize("user_id", ["", "\udcff"])
def test_an_invalid_user_id_is_refused(user_id: str) -> None:
    result = run("forget", user_id, "--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "USER_ID" in result.stderr


def test_a_user_id_cannot_control_the_terminal() -> None:
    assert run("forget", "a\x1b[2J\nb", "--yes").stdout.count("\n") == 1


def test_a_database_without_a_schema_is_a_configuration_error() -> None:
    assert_misconfigured(
        run("forget", "ada", "--yes", DATABASE_URL="sqlite:///x.db"), "DATABASE_URL"
    )


def test_forget_needs_only_a_database() -> None:
    assert run("forget", "ada", "--yes", PORT="http").exit_code == 0


def test_a_database_that_becomes_unavailable_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RepositoryUnavailableError("locked")

    monkeypatch.setattr(forgetting, "_remove", fail)
    result = run("forget", "ada", "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "The database is unavailable: locked. Try again.\n"


def test_the_restricted_role_of_the_application_can_forget(postgres_server: PostgresServer) -> None:
    owner = postgres_server.create_database()
    asyncio.run(upgrade(PostgresDatabase(owner)))
    postgres_server.create_role("forgetful")
    grants = [line for line in statements_of("Roles").splitlines() if line.startswith("GRANT")]
    postgres_server.execute("\n".join(grants).replace("todos_app", "forgetful"), owner)
    url = postgres_server.url_for("forgetful", owner)
    add(url, "ada", "bob")
    result = run("forget", "ada", "--yes", "--json", DATABASE_URL=url)
    assert json.loads(result.stdout)["deleted"] == dict(zip(USER_TABLES, (2, 1), strict=True))
    assert (count(url, "ada"), count(url, "bob")) == (0, 2)
