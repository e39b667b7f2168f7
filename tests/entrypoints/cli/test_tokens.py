"""`token`: tokens and session cookies for development, and the refusals of the command."""

import asyncio
from typing import Any

import jwt
import pytest

from backend.container import Container
from backend.entrypoints.cli import secret_file
from backend.settings import Settings
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.settings.environment import OTHER_SECRET, SECRET

COOKIES = {"BETTER_AUTH_SECRET": SECRET, "CORS_ORIGINS": "https://app.example.com"}


def claims_of(text: str, secret: str = SECRET, **options: Any) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(text, secret, **{"algorithms": ["HS256"], **options})
    return claims


def minted(*options: str, **variables: str) -> str:
    """Return the token of a successful command."""
    result = run("token", *options, **{"BETTER_AUTH_SECRET": SECRET, **variables})
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_token_is_signed_with_the_secret_of_the_folder() -> None:
    secret = secret_file.make_secret()
    secret_file.keep_secret(secret)
    result = run("token")
    assert result.exit_code == 0
    claims = claims_of(result.stdout.strip(), secret)
    assert claims["sub"] == "dev"
    assert claims["exp"] - claims["iat"] == 3600


def test_token_is_signed_with_the_environments_secret() -> None:
    options = ["--user", "ada", "--email", "ada@example.com", "--name", "Ada", "--expires", "5m"]
    result = run("token", *options, BETTER_AUTH_SECRETS=f"2:{OTHER_SECRET},1:{SECRET}")
    claims = claims_of(result.stdout.strip(), OTHER_SECRET)
    assert (claims["sub"], claims["email"], claims["name"]) == ("ada", "ada@example.com", "Ada")
    assert claims["exp"] - claims["iat"] == 300


def test_token_needs_a_secret() -> None:
    assert_misconfigured(run("token"), "BETTER_AUTH_SECRET")


def test_token_refuses_if_better_auth_issues_the_tokens() -> None:
    result = run("token", BETTER_AUTH_SECRET=SECRET, BETTER_AUTH_URL="https://auth.example.com")
    assert_misconfigured(result, "BETTER_AUTH_URL")


def test_a_token_without_options_has_no_optional_claims() -> None:
    assert claims_of(minted()).keys() == {"sub", "iat", "exp"}


def test_roles_scopes_and_verification_become_claims() -> None:
    roles, scopes = ["--role", "admin", "--role", "editor"], ["--scope", "a b", "--scope", "c"]
    claims = claims_of(minted(*roles, *scopes, "--verified", "--email", "a@example.com"))
    assert (claims["role"], claims["scope"], claims["email_verified"]) == (
        "admin,editor",
        "a b c",
        True,
    )


def test_the_api_reads_what_the_options_say() -> None:
    options = ["--role", "admin", "--scope", "todos:read", "--verified", "--email", "a@example.com"]
    token = minted(*options, "--claim", "plan=pro")
    settings = Settings(better_auth_secret=SECRET, auth_claims=("plan",))  # type: ignore[arg-type]  # pydantic
    caller = asyncio.run(Container(settings=settings).token_verifier().verify(token))
    assert caller.roles == {"admin"}
    assert caller.scopes == {"todos:read"}
    assert (caller.email, caller.email_verified) == ("a@example.com", True)
    assert caller.claims == {"plan": "pro"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plan=pro", "pro"),
        ("plan=3", 3),
        ("plan=true", True),
        ("plan=null", None),
        ('plan={"a": [1]}', {"a": [1]}),
        ('plan="3"', "3"),
        ("plan=a=b", "a=b"),
        ("plan=", ""),
        pytest.param(f"plan={'[' * 100_000}", "[" * 100_000, id="too-deep"),
    ],
)
def test_a_claim_is_json_or_else_text(text: str, value: object) -> None:
    assert claims_of(minted("--claim", text))["plan"] == value


def test_a_claim_replaces_what_the_command_would_set() -> None:
    claims = claims_of(minted("--claim", "iat=5", "--claim", "role=7", "--role", "admin"))
    assert (claims["iat"], claims["role"]) == (5, 7)


@pytest.mark.parametrize(
    "options", [["iss=5"], ['plan="\\ud800"', "--cookie"]], ids=["issuer", "surrogate"]
)
def test_a_claim_that_cannot_be_encoded_is_refused(options: list[str]) -> None:
    cookies = {"AUTH_COOKIE": "compact", "CORS_ORIGINS": "http://localhost:3000"}
    result = run("token", "--claim", *options, BETTER_AUTH_SECRET=SECRET, **cookies)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--claim: no token can have this value" in result.stderr


@pytest.mark.parametrize("text", ["plan", "=pro", ""])
def test_a_claim_without_a_name_is_refused(text: str) -> None:
    result = run("token", "--claim", text, BETTER_AUTH_SECRET=SECRET)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "NAME=VALUE" in result.stderr


def test_issuer_and_audience_are_those_that_the_server_requires() -> None:
    token = minted(AUTH_ISSUER="https://a.example,https://b.example", AUTH_AUDIENCE="api")
    claims = claims_of(token, audience="api")
    assert (claims["iss"], claims["aud"]) == ("https://a.example", "api")
    other = minted("--claim", "iss=x", AUTH_ISSUER="https://a.example")
    assert claims_of(other)["iss"] == "x"


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604_800)]
)
def test_a_token_is_valid_for_as_long_as_requested(text: str, seconds: int) -> None:
    claims = claims_of(minted("--expires", text))
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("options", [["--expires", "-1h"], ["--expires=-60m"], ["--expired"]])
def test_a_token_can_be_expired(options: list[str]) -> None:
    token = minted(*options)
    with pytest.raises(jwt.ExpiredSignatureError):
        claims_of(token, leeway=3500)
    claims = claims_of(token, leeway=3700)
    assert claims["iat"] < claims["exp"]


@pytest.mark.parametrize("text", ["0s", "5", "m", "1.5h", "1y", "", "99999999d", "5 m"])
def test_an_unknown_time_is_refused(text: str) -> None:
    result = run("token", "--expires", text, BETTER_AUTH_SECRET=SECRET)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "use a number and a unit: 30s, 5m, 2h, 7d" in result.stderr


def test_a_token_can_have_an_algorithm_that_the_api_refuses() -> None:
    token = minted("--algorithm", "HS512")
    assert jwt.get_unverified_header(token)["alg"] == "HS512"
    assert run("explain", stdin=token, BETTER_AUTH_SECRET=SECRET).exit_code == 1
    assert run("token", "--algorithm", "RS256", BETTER_AUTH_SECRET=SECRET).exit_code == 2


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
def test_a_session_cookie_is_in_the_format_that_the_server_accepts(strategy: str) -> None:
    options = ["--user", "ada", "--role", "admin", "--claim", "plan=pro", "--expires", "5m"]
    header = minted("--cookie", *options, **COOKIES, AUTH_COOKIE=strategy)
    assert header.startswith("better-auth.session_data=")
    explained = run("explain", stdin=header, **COOKIES, AUTH_COOKIE=strategy, AUTH_CLAIMS="plan")
    assert explained.exit_code == 0, explained.output
    assert '"role": "admin"' in explained.stdout
    assert "Accepted: the API accepts this session cookie." in explained.stdout


def test_a_session_cookie_can_be_expired() -> None:
    header = minted("--cookie", "--expired", **COOKIES, AUTH_COOKIE="compact")
    explained = run("explain", stdin=header, **COOKIES, AUTH_COOKIE="compact")
    assert "401 token_expired" in explained.stdout


def test_a_session_cookie_has_the_name_that_the_server_reads() -> None:
    variables = {"AUTH_COOKIE": "jwt", "AUTH_COOKIE_NAME": "my.session"}
    assert minted("--cookie", **COOKIES, **variables).startswith("my.session=")
    secured = minted("--cookie", **variables, BETTER_AUTH_URL="https://auth.example.com")
    assert secured.startswith("__Secure-my.session=")


def test_a_session_cookie_can_be_signed_with_the_secret_of_the_folder() -> None:
    secret_file.keep_secret(secret_file.make_secret())
    settings = {"AUTH_COOKIE": "compact", "CORS_ORIGINS": "https://app.example.com"}
    header = run("token", "--cookie", **settings).stdout
    assert run("explain", stdin=header, **settings).exit_code == 0


def test_a_session_cookie_needs_a_format_and_a_secret() -> None:
    assert_misconfigured(run("token", "--cookie", BETTER_AUTH_SECRET=SECRET), "AUTH_COOKIE")
    url = "https://auth.example.com"
    result = run("token", "--cookie", BETTER_AUTH_URL=url, AUTH_COOKIE="jwt")
    assert_misconfigured(result, "BETTER_AUTH_SECRET")


@pytest.mark.parametrize("options", [["--scope", "a"], ["--algorithm", "HS384"]])
def test_a_session_cookie_has_neither_scopes_nor_an_algorithm(options: list[str]) -> None:
    result = run("token", "--cookie", *options, **COOKIES, AUTH_COOKIE="jwt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "neither scopes nor an algorithm" in result.stderr
