"""The settings of the session tokens of Better Auth's plugin `bearer`."""

import pytest

from backend.settings.values import SessionTokens
from tests.settings.environment import SECRET, Environment

URL = "https://auth.example.com"
ON = {
    "AUTH_SESSION_TOKENS": "get-session",
    "BETTER_AUTH_URL": URL,
    "BETTER_AUTH_SECRET": SECRET,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"AUTH_SESSION_TOKENS": "Get-Session"},
        {"AUTH_COOKIE": "jwt"},
        {"BETTER_AUTH_URL": "http://localhost:3000"},
        {"BETTER_AUTH_URL": "http://auth.internal", "AUTH_ALLOW_HTTP": "on"},
    ],
)
def test_session_tokens_need_the_url_and_the_secret(
    environment: Environment, changes: dict[str, str]
) -> None:
    settings = environment.read(**{**ON, **changes})
    assert settings.auth_session_tokens is SessionTokens.GET_SESSION


def test_every_problem_with_session_tokens_is_reported_at_once(environment: Environment) -> None:
    keys = f"{URL}/api/auth/jwks"
    complaints = environment.complaints(AUTH_SESSION_TOKENS="get-session", AUTH_JWKS_URL=keys)
    assert [complaint.variable for complaint in complaints] == ["AUTH_SESSION_TOKENS"] * 2
    assert "BETTER_AUTH_URL" in complaints[0].remedy
    assert "BETTER_AUTH_SECRET" in complaints[1].remedy


@pytest.mark.parametrize("keys", [None, f"{URL}/api/auth/jwks"])
def test_session_tokens_are_not_sent_over_plain_http(
    environment: Environment, keys: str | None
) -> None:
    variables = {**ON, "BETTER_AUTH_URL": "http://auth.internal"}
    if keys is not None:
        variables["AUTH_JWKS_URL"] = keys
    (complaint,) = environment.complaints(**variables)
    assert complaint.variable == "BETTER_AUTH_URL"
    assert "AUTH_ALLOW_HTTP=on" in complaint.remedy


def test_session_tokens_are_refused_beside_tokens_for_one_resource(
    environment: Environment,
) -> None:
    (complaint,) = environment.complaints(**ON, AUTH_RESOURCE="https://api.example.com")
    assert complaint.variable == "AUTH_SESSION_TOKENS"
    assert not complaint.is_warning


@pytest.mark.parametrize("text", ["get-session", "GET-SESSION"])
def test_only_better_auth_has_session_tokens(environment: Environment, text: str) -> None:
    (complaint,) = environment.complaints(
        AUTH_PROVIDER="oidc",
        OIDC_ISSUER="https://login.example.com",
        AUTH_AUDIENCE="api",
        AUTH_SESSION_TOKENS=text,
    )
    assert complaint.variable == "AUTH_SESSION_TOKENS"


def test_required_scopes_cause_a_warning_with_session_tokens(environment: Environment) -> None:
    (warning,) = environment.complaints(**ON, AUTH_REQUIRE_SCOPES="on")
    assert warning.is_warning
    assert warning.variable == "AUTH_REQUIRE_SCOPES"
    assert warning.problem.startswith("session tokens have no scopes")


def test_the_age_of_answers_alone_changes_nothing(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_URL=URL, AUTH_SESSION_MAX_AGE="300")
    assert settings.auth_session_tokens is SessionTokens.OFF
