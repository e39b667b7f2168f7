"""`token`: tokens for development, and where the command refuses to make them."""

from typing import Any

import jwt

from backend.entrypoints.cli import development
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.settings.environment import OTHER_SECRET, SECRET


def claims_of(text: str, secret: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(text, secret, algorithms=["HS256"])
    return claims


def test_token_is_signed_with_the_running_servers_secret() -> None:
    with development.secret_file(development.make_secret()) as secret:
        result = run("token")
    assert result.exit_code == 0
    claims = claims_of(result.stdout.strip(), secret)
    assert claims["sub"] == "dev"
    assert claims["exp"] - claims["iat"] == 3600


def test_token_is_signed_with_the_environments_secret() -> None:
    options = ["--user", "ada", "--email", "ada@example.com", "--name", "Ada", "--minutes", "5"]
    result = run("token", *options, BETTER_AUTH_SECRETS=f"2:{OTHER_SECRET},1:{SECRET}")
    claims = claims_of(result.stdout.strip(), OTHER_SECRET)
    assert (claims["sub"], claims["email"], claims["name"]) == ("ada", "ada@example.com", "Ada")
    assert claims["exp"] - claims["iat"] == 300


def test_token_needs_a_running_server() -> None:
    assert_misconfigured(run("token"), "BETTER_AUTH_SECRET")


def test_token_refuses_if_better_auth_issues_the_tokens() -> None:
    result = run("token", BETTER_AUTH_SECRET=SECRET, BETTER_AUTH_URL="https://auth.example.com")
    assert_misconfigured(result, "BETTER_AUTH_URL")


def test_a_token_is_valid_for_a_minute_or_longer() -> None:
    assert run("token", "--minutes", "0", BETTER_AUTH_SECRET=SECRET).exit_code == 2
