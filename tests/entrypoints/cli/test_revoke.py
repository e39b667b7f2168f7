"""`revoke` stores revocations, and fails if no server would read them."""

import asyncio
import json
import re
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.revocations import SqliteRevocationStore
from backend.domain.revocation import Revocation, RevocationKind
from backend.testing.session_cookies import jwt_cookie, session_data
from backend.testing.tokens import secret_token
from tests.adapters.auth.sessions import signed
from tests.adapters.auth.tokens import token
from tests.adapters.persistence.scaling import statements_of
from tests.documents import fenced_blocks
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.postgres import PostgresServer

SECRET: Final = "a secret that the issuer and this server share"
PAGE: Final = Path("docs/revocation.md")
URL: Final = "sqlite:///todos.db"
ON: Final = {"AUTH_REVOCATION": "database", "AUTH_MAX_LIFETIME": "900"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to copy and never to open."""
    path = tmp_path_factory.mktemp("revoke") / "template.db"
    asyncio.run(upgrade(SqliteDatabase(f"sqlite:///{path}")))
    return path


@pytest.fixture(autouse=True)
def migrated(folder: Path, template: Path) -> None:
    """Create `todos.db` in the folder of the test."""
    shutil.copy(template, folder / "todos.db")


def entries() -> list[Revocation]:
    async def list_all() -> list[Revocation]:
        async with SqliteDatabase(URL) as database:
            return list(await SqliteRevocationStore(database).list())

    return asyncio.run(list_all())


def revoke(*arguments: str, **environment: str) -> Any:
    return run("revoke", *arguments, **{**ON, **environment})


def test_the_settings_of_the_page_are_those_that_the_command_needs() -> None:
    block, _ = [block for block in fenced_blocks(PAGE) if block.language == "bash"]
    environment = dict(re.findall(r"^(\w+)=(\S+)", block.text, re.MULTILINE))
    assert set(environment) == {*ON, "AUTH_REVOCATION_MAX_AGE"}
    assert run("revoke", "ada", **environment).exit_code == 0


def test_revoke_refuses_the_tokens_that_a_user_has_now() -> None:
    start = time.time()
    result = revoke("ada")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Revoked all tokens of the user ada that were issued before ")
    assert "within 5 s" in result.stdout
    (entry,) = entries()
    assert (entry.kind, entry.value) == (RevocationKind.USER, "ada")
    assert entry.issued_before is not None
    assert start + 10 <= entry.issued_before <= time.time() + 10
    assert entry.expires_at == pytest.approx(entry.issued_before + 910)


def test_revoke_accepts_a_session_or_a_token() -> None:
    assert "all tokens of the session s1." in revoke("--session", "s1").stdout
    assert "the token t1." in revoke("--token", "t1").stdout
    assert {(entry.kind, entry.value, entry.issued_before) for entry in entries()} == {
        (RevocationKind.SESSION, "s1", None),
        (RevocationKind.TOKEN, "t1", None),
    }


def test_before_is_a_time_with_an_offset() -> None:
    result = revoke("ada", "--before", "2026-03-04T05:06:07+01:00", "--json")
    shown = json.loads(result.stdout)
    assert {**shown, "expires_at": ""} == {
        "kind": "user",
        "value": "ada",
        "issued_before": "2026-03-04T04:06:07.000Z",
        "expires_at": "",
    }
    (entry,) = entries()
    assert entry.issued_before == datetime.fromisoformat("2026-03-04T04:06:07Z").timestamp()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("ada", "--session", "s1"),
        ("--session", "s1", "--token", "t1"),
        ("--session", "s1", "--before", "2026-03-04T05:06:07Z"),
        ("ada", "--before", "2026-03-04T05:06:07"),
        ("ada", "--before", "yesterday"),
        ("ada", "--before", "9000-01-01T00:00:00Z"),
        ("ada", "--before", "0001-01-01T00:00:00+10:00"),
        ("",),
        ("--session", ""),
        ("a\0b",),
        ("\udcff",),
        ("ada ",),
        ("ada\u200b",),  # an invisible character, which a copy can include
        ("--session", " s1"),
        ("--token", "t1\n"),
    ],
)
def test_a_wrong_command_line_revokes_nothing(arguments: tuple[str, ...]) -> None:
    result = revoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
    assert entries() == []


def test_a_token_is_not_an_id_and_is_not_printed() -> None:
    text = token()
    for arguments in (("--token", text), (text,)):
        result = revoke(*arguments)
        assert result.exit_code == 2
        assert "`explain` shows sub and hides the others" in result.stderr
        assert text not in result.stderr + result.stdout
    assert entries() == []


def test_a_session_token_is_not_an_id_and_is_not_printed() -> None:
    texts = (signed(), quote(signed(), safe=""), quote(signed("text~1"), safe="+/"))
    for text in texts:
        for arguments in (("--session", text), ("--token", text), (text,)):
            result = revoke(*arguments)
            assert result.exit_code == 2
            assert "session token" in result.stderr
            assert text not in result.stderr + result.stdout
    assert entries() == []


def test_an_id_cannot_control_the_terminal() -> None:
    assert "\x1b" not in revoke("a\x1b[2Jb").stdout


def test_revoke_fails_while_no_server_would_read_the_revocation() -> None:
    assert_misconfigured(revoke("ada", AUTH_REVOCATION="off"), "AUTH_REVOCATION")
    assert_misconfigured(revoke("ada", AUTH_MAX_LIFETIME=""), "AUTH_REVOCATION")
    assert_misconfigured(revoke("ada", AUTH_MAX_LIFETIME="x"), "AUTH_MAX_LIFETIME")
    assert_misconfigured(revoke("ada", DATABASE_URL="sqlite:///none.db"), "DATABASE_URL")
    assert entries() == []


def test_the_owner_revokes_and_the_application_must_not(postgres_server: PostgresServer) -> None:
    owner = postgres_server.create_database()
    asyncio.run(upgrade(PostgresDatabase(owner)))
    postgres_server.create_role("reader")
    grants = [line for line in statements_of("Roles").splitlines() if line.startswith("GRANT")]
    postgres_server.execute("\n".join(grants).replace("todos_app", "reader"), owner)
    result = revoke("ada", DATABASE_URL=postgres_server.url_for("reader", owner))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "permission denied for table revocations" in result.stderr
    assert "owner" in result.stderr
    assert revoke("ada", DATABASE_URL=owner).exit_code == 0


@pytest.mark.parametrize("as_cookie", [False, True])
def test_explain_says_whether_a_token_or_a_cookie_is_revoked(as_cookie: bool) -> None:
    environment = {**ON, "BETTER_AUTH_SECRET": SECRET}
    if as_cookie:
        environment |= {"AUTH_COOKIE": "jwt", "CORS_ORIGINS": "https://app.example.com"}
        data = session_data(now=time.time())
        end = time.time() + 60
        text = jwt_cookie(data, start=time.time(), end=end, secret=SECRET.encode())
    else:
        text = secret_token(SECRET)
    explained = run("explain", "--json", stdin=text, **environment)
    assert explained.exit_code == 0, explained.stdout
    assert json.loads(explained.stdout)["checks"][-1]["check"] == "revocation"
    revoke("user-1")
    explained = run("explain", "--json", stdin=text, **environment)
    assert explained.exit_code == 1
    report = json.loads(explained.stdout)
    assert (report["status"], report["code"]) == (401, "invalid_token")
    assert report["reason"] == "revoked_token"
    assert report["checks"][-1]["check"] == "revocation"
    assert report["checks"][-1]["result"] == "failed"


def test_explain_needs_no_database_without_revocations() -> None:
    explained = run(
        "explain",
        "--json",
        stdin=secret_token(SECRET),
        BETTER_AUTH_SECRET=SECRET,
        DATABASE_URL="sqlite:///none.db",
    )
    assert explained.exit_code == 0
    assert "revocation" not in explained.stdout


def test_doctor_says_whether_the_revocations_can_be_read(folder: Path) -> None:
    environment = {**ON, "BETTER_AUTH_SECRET": SECRET}
    assert "ok    revocations: can be read" in run("doctor", **environment).stdout
    assert "revocations" not in run("doctor", BETTER_AUTH_SECRET=SECRET).stdout
    with closing(sqlite3.connect(folder / "todos.db")) as connection:
        connection.execute("DROP TABLE revocations")
    result = run("doctor", **environment)
    assert result.exit_code == 1
    assert "FAIL  revocations: the revocations cannot be read" in result.stdout


def test_serve_refuses_to_start_if_it_cannot_read_the_revocations(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "todos.db")) as connection:
        connection.execute("DROP TABLE revocations")
    result = run("serve", **ON, BETTER_AUTH_SECRET=SECRET)
    assert_misconfigured(result, "AUTH_REVOCATION")
    assert "docs/scaling.md" in result.stderr
