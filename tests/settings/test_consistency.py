"""Combinations of settings that contradict each other."""

import pytest

from backend.settings import ConfigurationError, Settings
from tests.settings.environment import SECRET, Environment

PAGE = "https://app.example.com"
URL = "https://auth.example.com"


def test_an_issuer_is_required(environment: Environment) -> None:
    (complaint,) = environment.complaints()
    assert complaint.variable == "BETTER_AUTH_URL"
    assert "BETTER_AUTH_SECRET" in complaint.remedy
    assert environment.complaints(BETTER_AUTH_SECRETS=" , ") == [complaint]


@pytest.mark.parametrize(
    ("variables", "remedy"),
    [
        ({"BETTER_AUTH_URL": "https://a", "AUTH_ALGORITHMS": "HS256"}, "BETTER_AUTH_SECRET"),
        ({"BETTER_AUTH_SECRET": SECRET, "AUTH_ALGORITHMS": "EdDSA"}, "BETTER_AUTH_URL"),
    ],
)
def test_an_algorithm_needs_keys_of_its_family(
    environment: Environment, variables: dict[str, str], remedy: str
) -> None:
    (complaint,) = environment.complaints(**variables)
    assert complaint.variable == "AUTH_ALGORITHMS"
    assert remedy in complaint.remedy


@pytest.mark.parametrize("text", ["1", "on", "t", "true", "Yes", "Y", "TRUE"])
def test_every_spelling_of_on_allows_plain_http(environment: Environment, text: str) -> None:
    environment.read(BETTER_AUTH_URL="http://auth.internal", AUTH_ALLOW_HTTP=text)


@pytest.mark.parametrize("url", ["http://auth.example.com", "HTTP://10.0.0.1:3000/api/auth"])
@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "AUTH_JWKS_URL"])
def test_keys_are_not_fetched_over_plain_http_from_another_machine(
    environment: Environment, name: str, url: str
) -> None:
    (complaint,) = environment.complaints(**{name: url})
    assert complaint.variable == name
    assert "AUTH_ALLOW_HTTP=on" in complaint.remedy
    environment.read(**{name: url}, AUTH_ALLOW_HTTP="on")


def test_only_the_url_of_the_key_set_must_be_https(environment: Environment) -> None:
    environment.read(
        BETTER_AUTH_URL="http://auth.internal", AUTH_JWKS_URL="https://auth.example.com/jwks"
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"AUTH_COOKIE": "compact", "BETTER_AUTH_SECRET": SECRET, "CORS_ORIGINS": PAGE},
        {"AUTH_COOKIE": "jwt", "BETTER_AUTH_SECRET": SECRET, "CORS_ORIGINS": PAGE},
        {"AUTH_COOKIE": "JWE", "BETTER_AUTH_SECRETS": f"1:{SECRET}", "CORS_ORIGINS": PAGE},
        {"AUTH_COOKIE": "compact", "BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": URL},
        {"AUTH_COOKIE": "jwt", "BETTER_AUTH_URL": URL},
        {"AUTH_COOKIE": "jwt", "AUTH_JWKS_URL": f"{URL}/jwks", "CORS_ORIGINS": PAGE},
        {"AUTH_COOKIE": "off", "BETTER_AUTH_SECRET": SECRET, "CORS_ORIGINS": "*"},
        {"AUTH_COOKIE": "OFF", "BETTER_AUTH_SECRET": SECRET},
    ],
)
def test_cookies_need_only_keys_and_trusted_origins(
    environment: Environment, variables: dict[str, str]
) -> None:
    assert environment.read(**variables).auth_cookie == variables["AUTH_COOKIE"].lower()


@pytest.mark.parametrize("strategy", ["compact", "jwe", "JWE"])
def test_compact_and_jwe_cookies_need_a_secret(environment: Environment, strategy: str) -> None:
    (complaint,) = environment.complaints(AUTH_COOKIE=strategy, BETTER_AUTH_URL=URL)
    assert complaint.variable == "AUTH_COOKIE"
    assert complaint.problem == f"{strategy.lower()} needs a secret"
    assert "BETTER_AUTH_SECRET" in complaint.remedy


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
@pytest.mark.parametrize("origins", ["*", f"{PAGE}, *", "*,*"])
def test_cookies_do_not_allow_every_origin(
    environment: Environment, strategy: str, origins: str
) -> None:
    variables = {"AUTH_COOKIE": strategy, "BETTER_AUTH_SECRET": SECRET, "CORS_ORIGINS": origins}
    (complaint,) = environment.complaints(**variables)
    assert complaint.variable == "CORS_ORIGINS"
    assert complaint.problem.startswith("AUTH_COOKIE does not allow *")
    with pytest.raises(ConfigurationError, match="every page"):
        Settings.load()


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
@pytest.mark.parametrize("issuer", ["BETTER_AUTH_SECRET", "AUTH_JWKS_URL"])
def test_cookies_need_a_trusted_origin(
    environment: Environment, strategy: str, issuer: str
) -> None:
    variables = {
        "BETTER_AUTH_SECRET": SECRET,
        issuer: SECRET if "SECRET" in issuer else f"{URL}/jwks",
    }
    for origins in ("", " , "):
        (complaint,) = environment.complaints(
            AUTH_COOKIE=strategy, CORS_ORIGINS=origins, **variables
        )
        assert str(complaint) == (
            "CORS_ORIGINS: AUTH_COOKIE needs a list of trusted origins, because cookies are sent by"
            " any page (CSRF). Set CORS_ORIGINS to the origins of your pages, or set"
            " BETTER_AUTH_URL."
        )


def test_every_problem_with_cookies_is_reported_at_once(environment: Environment) -> None:
    complaints = environment.complaints(AUTH_COOKIE="jwe", AUTH_JWKS_URL=f"{URL}/jwks")
    variables = [complaint.variable for complaint in complaints]
    assert variables == ["AUTH_COOKIE", "CORS_ORIGINS"]


@pytest.mark.parametrize("text", ["on", "TRUE", "1"])
def test_required_scopes_work_with_tokens_and_cause_a_warning_with_cookies(
    environment: Environment, text: str
) -> None:
    settings = environment.read(BETTER_AUTH_URL=URL, AUTH_REQUIRE_SCOPES=text)
    assert settings.auth_require_scopes
    (warning,) = environment.complaints(AUTH_COOKIE="jwt")
    assert warning.is_warning
    assert warning.variable == "AUTH_REQUIRE_SCOPES"
    assert warning.problem.startswith("session cookies have no scopes")
