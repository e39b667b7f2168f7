"""`doctor`: the output and the exit codes."""

from pathlib import Path

import pytest

from backend.entrypoints.cli import secret_file
from backend.testing import Issuer
from backend.testing.key_server import KeyServer
from backend.testing.signers import key_set, signer
from tests.adapters.auth.tokens import SECRET
from tests.entrypoints.cli.command_line import HIDDEN, assert_misconfigured, run


def test_doctor_finds_no_problem_in_a_good_installation() -> None:
    with Issuer() as issuer:
        origin = issuer.url
        assert run("migrate", BETTER_AUTH_URL=origin).exit_code == 0
        result = run("doctor", BETTER_AUTH_URL=origin)
    assert result.exit_code == 0, result.output
    *lines, migrations, last = result.stdout.splitlines()
    keys = lines.pop(1)
    assert keys.startswith(f"  ok    keys: 1 usable at {origin}/api/auth/jwks (EdDSA): ")
    assert f'"{issuer.signer.kid}", which this command fetched at 20' in keys
    assert "a running server may still use the set of its last fetch" in keys
    assert lines == [
        "  ok    settings",
        (
            f'  ok    accepted tokens: tokens must have the issuer "{origin}" and the audience'
            f' "{origin}"; if browsers reach Better Auth under another address, set BETTER_AUTH_URL'
            f" to that address, and AUTH_JWKS_URL={origin}/api/auth/jwks"
        ),
        "  ok    clock: agrees with the issuer's",
        "  ok    database: SQLite",
    ]
    assert migrations.startswith("  ok    migrations: 0")
    assert last == "No problems found."
    assert result.stderr == ""


def test_doctor_finds_every_problem_at_once() -> None:
    with KeyServer(key_set(signer("EdDSA")), path="/auth/jwks") as server:
        origin = server.url
        result = run("doctor", BETTER_AUTH_URL=origin, PORT="99999", BETTER_AUTH_SECRET=HIDDEN)
    assert result.exit_code == 1
    assert "  FAIL  PORT: " in result.stdout
    assert (
        f"  FAIL  BETTER_AUTH_SECRET: a secret of {len(HIDDEN)} bytes can be guessed\n"
        in result.stdout
    )
    assert f"set BETTER_AUTH_URL={origin}/auth." in result.stdout
    assert "  FAIL  migrations: there is no schema yet" in result.stdout
    assert result.stdout.endswith("4 problems found.\n")
    assert HIDDEN not in result.output


def test_doctor_describes_the_accepted_session_cookies() -> None:
    secret, origin = SECRET.decode(), "https://app.example.com"
    result = run("doctor", BETTER_AUTH_SECRET=secret, AUTH_COOKIE="compact", CORS_ORIGINS=origin)
    assert "  ok    session cookies: strategy compact, verified with the secret" in result.stdout
    assert f"`Origin` header with {origin}" in result.stdout
    assert secret not in result.output


def test_doctor_runs_without_any_configuration(folder: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "  FAIL  BETTER_AUTH_URL: neither" in result.stdout
    assert "  --    keys: not checked" in result.stdout
    assert "python -m backend migrate" in result.stdout
    assert "No problems found" not in result.stdout
    assert not list(folder.iterdir())


def test_doctor_does_not_check_the_default_database_if_the_url_is_invalid() -> None:
    result = run("doctor", BETTER_AUTH_SECRET=SECRET.decode(), DATABASE_URL="mysql://x")
    assert result.exit_code == 1
    assert "  FAIL  DATABASE_URL: " in result.stdout
    assert "migrations" not in result.stdout


def test_doctor_reports_a_database_that_is_down() -> None:
    result = run(
        "doctor",
        BETTER_AUTH_SECRET=SECRET.decode(),
        DATABASE_URL=f"postgresql://me:{HIDDEN}@127.0.0.1:1/todos",
    )
    assert result.exit_code == 1
    assert "  FAIL  database: cannot be reached: " in result.stdout
    assert "  --    migrations: not checked" in result.stdout
    assert HIDDEN not in result.output


def test_doctor_checks_the_development_server_of_the_folder(folder: Path) -> None:
    secret_file.keep_secret(SECRET.decode())
    assert run("migrate").exit_code == 0
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "  ok    keys: the shared secret" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("Nothing is configured for `serve`: set BETT")
    assert SECRET.decode() not in result.output


def test_doctor_reports_an_algorithm_without_keys() -> None:
    result = run("doctor", BETTER_AUTH_SECRET=SECRET.decode(), AUTH_ALGORITHMS="EdDSA")
    assert result.exit_code == 1
    assert "  FAIL  AUTH_ALGORITHMS: " in result.stdout
    assert "Set BETTER_AUTH_URL" in result.stdout


@pytest.mark.parametrize(
    "variables",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:9"},
        {"https_proxy": "http://127.0.0.1:port"},
        {"SSL_CERT_FILE": "/nowhere/ca.pem"},
    ],
)
def test_doctor_names_what_the_http_client_cannot_use(variables: dict[str, str]) -> None:
    result = run("doctor", BETTER_AUTH_URL="https://auth.example.com", **variables)
    assert result.exit_code == 1
    (name,) = variables
    assert f"  FAIL  {name}: " in result.stdout
    assert "  --    keys: not checked" in result.stdout


def test_a_warning_does_not_keep_doctor_from_fetching_the_keys() -> None:
    result = run(
        "doctor",
        BETTER_AUTH_URL="https://auth.invalid",
        HTTPS_PROXY="http://127.0.0.1:1",
        NO_PROXY="a b",
    )
    assert "  warn  NO_PROXY: " in result.stdout
    assert "  FAIL  keys: " in result.stdout


@pytest.mark.parametrize("command", ["serve", "dev", "explain"])
def test_commands_refuse_what_the_http_client_cannot_use(command: str) -> None:
    result = run(
        command,
        stdin="a.b.c",
        BETTER_AUTH_URL="https://auth.example.com",
        ALL_PROXY="socks5://127.0.0.1:9",
        SSL_CERT_FILE="/nowhere/ca.pem",
    )
    refused = ["ALL_PROXY", "SSL_CERT_FILE", *(["DATABASE_URL"] if command == "serve" else [])]
    assert_misconfigured(result, *refused)


def test_proxies_do_not_matter_to_commands_without_a_key_set() -> None:
    result = run(
        "explain", stdin="a.b.c", BETTER_AUTH_SECRET=SECRET.decode(), ALL_PROXY="socks5://proxy"
    )
    assert result.exit_code == 1
    assert "Rejected" in result.stdout
