"""The settings of an OpenID Connect issuer, and contradictory settings."""

import pytest

from backend.settings import Settings
from backend.settings.values import Provider
from tests.settings.environment import SECRET, Environment

ISSUER = "https://id.example.com/"
VALID = {"AUTH_PROVIDER": "oidc", "OIDC_ISSUER": ISSUER, "AUTH_AUDIENCE": "todo-api"}


def complained(environment: Environment, **variables: str) -> list[str]:
    return [complaint.variable for complaint in environment.complaints(**variables)]


def test_an_issuer_and_an_audience_are_enough(environment: Environment) -> None:
    settings = environment.read(**{**VALID, "AUTH_PROVIDER": "OIDC"})
    assert settings.auth_provider is Provider.OIDC
    assert settings.oidc_issuer == ISSUER  # with its slash
    assert settings.auth_audience == ("todo-api",)


def test_every_missing_setting_is_reported_at_once(environment: Environment) -> None:
    assert complained(environment, AUTH_PROVIDER="oidc") == ["AUTH_AUDIENCE", "OIDC_ISSUER"]


@pytest.mark.parametrize("audience", [",", " ", " , "])
def test_a_list_without_an_audience_is_reported(environment: Environment, audience: str) -> None:
    assert complained(environment, **{**VALID, "AUTH_AUDIENCE": audience}) == ["AUTH_AUDIENCE"]


def test_every_setting_of_better_auth_is_reported_at_once(environment: Environment) -> None:
    assert complained(
        environment,
        **VALID,
        BETTER_AUTH_URL="https://app.example.com",
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_SECRETS=f"1:{SECRET}",
        AUTH_COOKIE="jwt",
        AUTH_ISSUER=ISSUER,
        AUTH_ALGORITHMS="RS256,HS256",
    ) == [
        "BETTER_AUTH_URL",
        "BETTER_AUTH_SECRET",
        "BETTER_AUTH_SECRETS",
        "AUTH_ISSUER",
        "AUTH_COOKIE",
        "AUTH_ALGORITHMS",
    ]


@pytest.mark.parametrize(
    "name", ["OIDC_ISSUER", "OIDC_CLAIM_ROLES", "OIDC_CLAIM_USER_ID", "OIDC_CLAIM_AUDIENCE"]
)
def test_a_setting_of_oidc_needs_the_provider(environment: Environment, name: str) -> None:
    value = ISSUER if name == "OIDC_ISSUER" else "claim"
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, **{name: value})
    assert complaint.variable == name
    assert complaint.remedy == "Set AUTH_PROVIDER=oidc."


def test_an_issuer_without_the_provider_is_the_only_complaint(environment: Environment) -> None:
    assert complained(environment, OIDC_ISSUER=ISSUER) == ["OIDC_ISSUER"]


def test_an_unknown_provider_is_the_only_complaint(environment: Environment) -> None:
    assert complained(environment, **{**VALID, "AUTH_PROVIDER": "auth0"}) == ["AUTH_PROVIDER"]


@pytest.mark.parametrize("name", ["OIDC_ISSUER", "AUTH_JWKS_URL"])
def test_keys_are_not_fetched_over_plain_http_from_another_machine(
    environment: Environment, name: str
) -> None:
    variables = {**VALID, name: "http://id.example.com/realms/main"}
    (complaint,) = environment.complaints(**variables)
    assert complaint.variable == name
    assert "AUTH_ALLOW_HTTP=on" in complaint.remedy
    environment.read(**variables, AUTH_ALLOW_HTTP="on")


def test_only_the_url_that_is_fetched_must_be_https(environment: Environment) -> None:
    environment.read(
        **{**VALID, "OIDC_ISSUER": "http://id.internal"}, AUTH_JWKS_URL="https://keys.example.com/k"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OIDC_ISUER", "OIDC_ISSUER"),
        ("OIDC_CLAIM_ROLE", "OIDC_CLAIM_ROLES"),
        ("OIDC_CLAIM_USERID", "OIDC_CLAIM_USER_ID"),
        ("AUTH_PROVIDERS", "AUTH_PROVIDER"),
    ],
)
def test_a_misspelled_name_is_refused(environment: Environment, name: str, meant: str) -> None:
    variables = {key: value for key, value in VALID.items() if key != meant}
    found = [item for item in environment.complaints(**variables, **{name: "x"}) if item.meant]
    assert [(item.variable, item.meant, item.is_warning) for item in found] == [
        (name, meant, False)
    ]


@pytest.mark.parametrize("name", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_REDIRECT_URI"])
def test_variables_of_a_client_are_ignored(environment: Environment, name: str) -> None:
    environment.read(**VALID, **{name: "x"})


def test_the_provider_names_an_issuer_although_its_url_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTH_PROVIDER", "better-auth")
    assert not Settings.names_an_issuer()
    monkeypatch.setenv("AUTH_PROVIDER", "Oidc")
    assert Settings.names_an_issuer()
