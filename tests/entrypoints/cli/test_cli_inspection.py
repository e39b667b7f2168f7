"""`explain` and `doctor` as an operator uses them: what they print, and what they end with."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from backend.entrypoints.cli import development
from backend.entrypoints.cli.main import MISCONFIGURED, MISUSED
from tests.adapters.auth.tokens import ABSENT, SECRET, key_set, secret_signer, signer, token
from tests.entrypoints.cli.command_line import run

MARK = "never-to-be-told"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands are started in, and no other."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def issuer(document: bytes, *, path: str = "/api/auth/jwks", status: int = 200) -> Iterator[str]:
    """Publish a key set, and give the issuer's origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here = self.path == path
            self.send_response(status if here else 404)
            self.end_headers()
            self.wfile.write(document if here else b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def current(origin: object, **claims: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now, "exp": now + 900, "iss": origin, "aud": origin, **claims}


def test_a_good_token_is_explained_and_ends_with_0() -> None:
    with issuer(key_set(signer("EdDSA"))) as origin:
        text = token(claims=current(origin, jti=MARK, sid=MARK, session={"token": MARK}))
        done = run("explain", given=f"{text}\n", BETTER_AUTH_URL=origin)
    assert done.exit_code == 0, done.output
    assert '"email": "alice@example.com"' in done.stdout
    assert f'  ok    issuer: "{origin}"' in done.stdout
    assert done.stdout.endswith("Accepted: the API takes this token.\n")
    assert MARK not in done.output
    assert text.rpartition(".")[2] not in done.output
    assert done.stderr == ""


def test_a_refused_token_is_explained_and_ends_with_1() -> None:
    text = token()
    done = run("explain", given=text, BETTER_AUTH_SECRET=SECRET.decode())
    assert done.exit_code == 1
    assert (
        "-> Signed with EdDSA by Better Auth's own key: set BETTER_AUTH_URL, the secret cannot"
        " verify it." in done.stdout
    )
    assert "401 invalid_token; its log and metrics say invalid_algorithm." in done.stdout
    assert SECRET.decode() not in done.output
    assert text.rpartition(".")[2] not in done.output


def test_a_wrong_base_path_is_told_of_instead_of_the_token() -> None:
    with issuer(key_set(signer("EdDSA")), path="/auth/jwks") as origin:
        done = run("explain", given=token(claims=current(origin)), BETTER_AUTH_URL=origin)
    assert done.exit_code == 1
    assert "HTTP 404" in done.stdout
    assert "put it into BETTER_AUTH_URL" in done.stdout
    assert "Undecided: the API answers 503" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [MARK],
        [MARK, "more"],
        [f"--token={MARK}"],
        ["--token", MARK],
        [f"-{MARK}"],
        ["-t", MARK],
        ["--", MARK],
        ["--", f"--{MARK}"],
    ],
)
def test_a_token_as_an_argument_is_refused_and_not_repeated(arguments: list[str]) -> None:
    done = run("explain", *arguments, given=token(), BETTER_AUTH_SECRET=SECRET.decode())
    assert done.exit_code == MISUSED
    assert "standard input" in done.stderr
    assert done.stdout == ""
    assert MARK not in done.output


@pytest.mark.parametrize("given", ["", " \n", b"\xef\xbb\xbf\n"])
def test_without_a_token_it_is_said_how_to_give_one(given: str | bytes) -> None:
    done = run("explain", given=given, BETTER_AUTH_SECRET=SECRET.decode())
    assert done.exit_code == MISUSED
    assert "No token was given" in done.stderr


@pytest.mark.parametrize(
    "given", [b"\xff\xfe\x00\x80", bytes(range(256)) * 10_000, b"\x1b[2J", b"x" * 2_000_000]
)
def test_whatever_is_given_is_answered(given: bytes) -> None:
    done = run("explain", given=given, BETTER_AUTH_SECRET=SECRET.decode())
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "  FAIL  form: " in done.stdout
    assert "        -> " in done.stdout
    assert "\x1b" not in done.output


def test_what_a_terminal_would_obey_does_not_reach_it() -> None:
    evil = "\x1b[2J\x9b31m\u202e\u2066\x07\r"
    text = token(header={"kid": evil, "alg": evil}, claims={evil: evil, "iss": evil, "aud": [evil]})
    done = run("explain", given=text, BETTER_AUTH_SECRET=SECRET.decode())
    assert done.exit_code == 1
    assert done.output.isascii()
    assert all(line.isprintable() for line in done.output.split("\n"))


def test_nothing_is_explained_by_a_refused_configuration() -> None:
    done = run("explain", given=token())
    assert done.exit_code == MISCONFIGURED
    assert "BETTER_AUTH_URL: neither" in done.stderr
    unread = run("explain", given=token(), BETTER_AUTH_SECRET=SECRET.decode(), DATABASE_URL="x")
    assert unread.exit_code == 1, "the database is of no importance"


def test_the_development_servers_tokens_are_explained(folder: Path) -> None:
    (folder / development.SECRET_FILE).write_text(SECRET.decode())
    now = {"iat": int(time.time()), "exp": int(time.time()) + 60}
    text = token(secret_signer(), claims={**now, "iss": ABSENT, "aud": ABSENT})
    done = run("explain", given=text)
    assert done.exit_code == 0, done.output
    assert '  ok    signature: "HS256"' in done.stdout


def test_the_doctor_finds_nothing_where_all_is_well() -> None:
    with issuer(key_set(signer("EdDSA"))) as origin:
        assert run("migrate", BETTER_AUTH_URL=origin).exit_code == 0
        done = run("doctor", BETTER_AUTH_URL=origin)
    assert done.exit_code == 0, done.output
    *lines, migrations, last = done.stdout.splitlines()
    assert lines == [
        "  ok    settings",
        f"  ok    keys: 1 usable at {origin}/api/auth/jwks (EdDSA)",
        "  ok    clock: agrees with the issuer's",
        "  ok    database: SQLite",
    ]
    assert migrations.startswith("  ok    migrations: 0")
    assert last == "All is well."
    assert done.stderr == ""


def test_the_doctor_finds_everything_that_is_wrong_at_once() -> None:
    with issuer(key_set(signer("EdDSA")), path="/auth/jwks") as origin:
        done = run("doctor", BETTER_AUTH_URL=origin, PORT="99999", BETTER_AUTH_SECRET=MARK)
    assert done.exit_code == 1
    told = done.stdout
    assert "  FAIL  PORT: " in told
    assert "  FAIL  BETTER_AUTH_SECRET: a secret of 16 bytes can be guessed\n" in told
    assert f"set BETTER_AUTH_URL={origin}/auth." in told
    assert "  FAIL  migrations: there is no schema yet" in told
    assert told.endswith("4 to mend.\n")
    assert MARK not in done.output


def test_the_doctor_can_be_asked_without_any_configuration(folder: Path) -> None:
    done = run("doctor")
    assert done.exit_code == 1
    assert "  FAIL  BETTER_AUTH_URL: neither" in done.stdout
    assert "  --    keys: not checked" in done.stdout
    assert "python -m backend migrate" in done.stdout
    assert not list(folder.iterdir())


def test_the_doctor_does_not_look_at_another_database_than_the_configured_one() -> None:
    done = run("doctor", BETTER_AUTH_SECRET=SECRET.decode(), DATABASE_URL="mysql://x")
    assert done.exit_code == 1
    assert "  FAIL  DATABASE_URL: " in done.stdout
    assert "migrations" not in done.stdout


def test_the_doctor_tells_of_a_database_that_is_down() -> None:
    done = run(
        "doctor",
        BETTER_AUTH_SECRET=SECRET.decode(),
        DATABASE_URL=f"postgresql://me:{MARK}@127.0.0.1:1/todos",
    )
    assert done.exit_code == 1
    assert "  FAIL  database: cannot be reached: " in done.stdout
    assert "  --    migrations: not checked" in done.stdout
    assert MARK not in done.output


def test_the_doctor_looks_at_the_development_server_of_the_folder(folder: Path) -> None:
    (folder / development.SECRET_FILE).write_text(SECRET.decode())
    assert run("migrate").exit_code == 0
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "  ok    keys: the shared secret" in done.stdout
    assert SECRET.decode() not in done.output


@pytest.mark.parametrize("command", ["doctor", "explain"])
def test_it_is_said_first_that_nothing_but_a_development_server_is_known(
    folder: Path, command: str
) -> None:
    (folder / development.SECRET_FILE).write_text(SECRET.decode())
    said = run(command, given="x").stdout
    assert said.startswith("Nothing is configured, so this is about the development server")
    assert "`serve` would refuse to start: it needs BETTER_AUTH_URL or BETTER_AUTH_SECRET." in said
    configured = run(command, given="x", BETTER_AUTH_SECRET=SECRET.decode()).stdout
    assert "development server" not in configured


def test_the_doctor_warns_of_an_algorithm_without_its_keys() -> None:
    done = run("doctor", BETTER_AUTH_SECRET=SECRET.decode(), AUTH_ALGORITHMS="EdDSA")
    assert done.exit_code == 1
    assert "  FAIL  AUTH_ALGORITHMS: " in done.stdout
    assert "Set BETTER_AUTH_URL" in done.stdout
