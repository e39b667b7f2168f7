"""`explain`: the output and the exit codes."""

import time
from pathlib import Path

import pytest

from backend.entrypoints.cli import secret_file
from backend.entrypoints.cli.exits import MISCONFIGURED, MISUSED
from backend.testing import Issuer
from backend.testing.encoding import ABSENT, iso
from backend.testing.key_server import KeyServer
from backend.testing.signers import key_set, signer
from tests.adapters.auth.cookies import compact_cookie, session_data
from tests.adapters.auth.tokens import SECRET, secret_signer, token
from tests.entrypoints.cli.command_line import HIDDEN, run


def test_a_valid_token_is_explained_with_exit_code_0() -> None:
    with Issuer() as issuer:
        origin = issuer.url
        text = issuer.token(sub="alice", jti=HIDDEN, sid=HIDDEN, session={"token": HIDDEN})
        result = run("explain", stdin=f"{text}\n", BETTER_AUTH_URL=origin)
    assert result.exit_code == 0, result.output
    assert '"email": "alice@example.com"' in result.stdout
    assert f'  ok    issuer: "{origin}"' in result.stdout
    assert (
        f'  ok    key set: "{issuer.signer.kid}", which this command fetched at 20' in result.stdout
    )
    assert (
        f"from {origin}/api/auth/jwks; a running server may still use the set of its last fetch"
        in result.stdout
    )
    assert result.stdout.endswith("Accepted: the API accepts this token.\n")
    assert HIDDEN not in result.output
    assert text.rpartition(".")[2] not in result.output
    assert result.stderr == ""


def test_a_rejected_token_is_explained_with_exit_code_1() -> None:
    text = token()
    result = run("explain", stdin=text, BETTER_AUTH_SECRET=SECRET.decode())
    assert result.exit_code == 1
    assert (
        "-> This token is signed with EdDSA, by Better Auth's own key. Set BETTER_AUTH_URL: the"
        " secret cannot verify it." in result.stdout
    )
    assert "401 invalid_token. Reason in the log: invalid_algorithm." in result.stdout
    assert SECRET.decode() not in result.output
    assert text.rpartition(".")[2] not in result.output


def test_a_wrong_base_path_is_reported_instead_of_the_token() -> None:
    with KeyServer(key_set(signer("EdDSA")), path="/auth/jwks") as server:
        result = run("explain", stdin=token(), BETTER_AUTH_URL=server.url)
    assert result.exit_code == 1
    assert "HTTP 404" in result.stdout
    assert "put it into BETTER_AUTH_URL" in result.stdout
    assert "  --    key set: not checked, no key set from http://" in result.stdout
    assert "Undecided: the API answers 503" in result.stdout
    assert result.stderr == ""


def test_the_remedy_for_an_internal_address_is_complete() -> None:
    public = "http://localhost:3000"
    with Issuer() as issuer:
        text = issuer.token(iss=public, aud=public)
        first = run("explain", stdin=text, BETTER_AUTH_URL=issuer.url)
        jwks_url = f"{issuer.url}/api/auth/jwks"
        assert f"Set BETTER_AUTH_URL={public}, as browsers see it" in first.stdout
        assert f"AUTH_JWKS_URL={jwks_url}, as this server reaches it" in first.stdout
        second = run("explain", stdin=text, BETTER_AUTH_URL=public, AUTH_JWKS_URL=jwks_url)
    assert first.exit_code == 1
    assert second.exit_code == 0, second.output


def test_a_session_cookie_is_explained_if_cookies_are_accepted() -> None:
    secret = SECRET.decode()
    end = int(time.time()) + 300
    cookie = compact_cookie(session_data(session={"expiresAt": iso(end)}), end=end)
    settings = {"AUTH_COOKIE": "compact", "CORS_ORIGINS": "https://app.example.com"}
    accepted = run("explain", stdin=cookie, BETTER_AUTH_SECRET=secret, **settings)
    assert accepted.exit_code == 0, accepted.output
    assert accepted.stdout.endswith("Accepted: the API accepts this session cookie.\n")
    assert "the-session-token-that-must-stay-secret" not in accepted.output
    rejected = run("explain", stdin=cookie, BETTER_AUTH_SECRET=f"'{secret}'", **settings)
    assert rejected.exit_code == 1
    assert "Reason in the log: invalid_signature." in rejected.stdout
    assert "no quotation marks, no line break" in rejected.stdout
    assert cookie not in accepted.output + rejected.output
    off = run("explain", stdin=cookie, BETTER_AUTH_SECRET=secret)
    assert "AUTH_COOKIE=compact" in off.stdout


def test_a_bearer_token_is_explained_while_cookies_are_accepted() -> None:
    settings = {"AUTH_COOKIE": "compact", "CORS_ORIGINS": "https://app.example.com"}
    result = run("explain", stdin="undefined", BETTER_AUTH_SECRET=SECRET.decode(), **settings)
    assert "no token yet" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [HIDDEN],
        [HIDDEN, "more"],
        [f"--token={HIDDEN}"],
        ["--token", HIDDEN],
        [f"-{HIDDEN}"],
        ["-t", HIDDEN],
        ["--", HIDDEN],
        ["--", f"--{HIDDEN}"],
    ],
)
def test_a_token_as_an_argument_is_rejected_and_not_printed(arguments: list[str]) -> None:
    result = run("explain", *arguments, stdin=token(), BETTER_AUTH_SECRET=SECRET.decode())
    assert result.exit_code == MISUSED
    assert "standard input" in result.stderr
    assert result.stdout == ""
    assert HIDDEN not in result.output


@pytest.mark.parametrize("stdin", ["", " \n", b"\xef\xbb\xbf\n"])
def test_the_usage_is_printed_without_a_token(stdin: str | bytes) -> None:
    result = run("explain", stdin=stdin, BETTER_AUTH_SECRET=SECRET.decode())
    assert result.exit_code == MISUSED
    assert "Standard input has no token" in result.stderr


@pytest.mark.parametrize(
    "stdin", [b"\xff\xfe\x00\x80", bytes(range(256)) * 10_000, b"\x1b[2J", b"x" * 2_000_000]
)
def test_any_input_is_explained(stdin: bytes) -> None:
    result = run("explain", stdin=stdin, BETTER_AUTH_SECRET=SECRET.decode())
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "  FAIL  format: " in result.stdout
    assert "        -> " in result.stdout
    assert "\x1b" not in result.output


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    escapes = "\x1b[2J\x9b31m\u202e\u2066\x07\r"
    text = token(
        header={"kid": escapes, "alg": escapes},
        claims={escapes: escapes, "iss": escapes, "aud": [escapes]},
    )
    result = run("explain", stdin=text, BETTER_AUTH_SECRET=SECRET.decode())
    assert result.exit_code == 1
    assert result.output.isascii()
    assert all(line.isprintable() for line in result.output.split("\n"))


def test_explain_needs_valid_settings_except_for_the_database() -> None:
    result = run("explain", stdin=token())
    assert result.exit_code == MISCONFIGURED
    assert "BETTER_AUTH_URL: neither" in result.stderr
    result = run("explain", stdin=token(), BETTER_AUTH_SECRET=SECRET.decode(), DATABASE_URL="x")
    assert result.exit_code == 1, "explain does not use the database"


def test_a_token_of_the_development_server_is_explained(folder: Path) -> None:
    secret_file.keep_secret(SECRET.decode())
    now = {"iat": int(time.time()), "exp": int(time.time()) + 60}
    text = token(secret_signer(), claims={**now, "iss": ABSENT, "aud": ABSENT})
    result = run("explain", stdin=text)
    assert result.exit_code == 0, result.output
    assert '  ok    signature: "HS256"' in result.stdout


@pytest.mark.parametrize("command", ["doctor", "explain"])
def test_a_note_says_that_only_a_development_server_is_configured(
    folder: Path, command: str
) -> None:
    secret_file.keep_secret(SECRET.decode())
    output = run(command, stdin="x").stdout
    assert output.startswith("Nothing is configured, so this command checks the development server")
    assert "`serve` would refuse to start: it needs BETTER_AUTH_URL or BETTER_AUTH_SEC" in output
    configured = run(command, stdin="x", BETTER_AUTH_SECRET=SECRET.decode()).stdout
    assert "development server" not in configured
