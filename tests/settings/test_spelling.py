"""Misspelled names of environment variables."""

import pytest

from backend.settings.spelling import FOREIGN
from tests.settings.environment import HIDDEN, SECRET, Environment


@pytest.mark.parametrize(
    ("misspelled", "meant"),
    [
        ("BETTER_AUTH_ULR", "BETTER_AUTH_URL"),
        ("BETTER_AUTH_SECERT", "BETTER_AUTH_SECRET"),
        ("AUTH_JWKS_URI", "AUTH_JWKS_URL"),
        ("AUTH_ISSUERS", "AUTH_ISSUER"),
        ("auth_audiance", "AUTH_AUDIENCE"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("DATABASE_STATEMENTS_TIMEOUT", "DATABASE_STATEMENT_TIMEOUT"),
        ("TRUSTED_HOST", "TRUSTED_HOSTS"),
        ("CORS_ORIGIN", "CORS_ORIGINS"),
        ("LOGLEVEL", "LOG_LEVEL"),
    ],
)
def test_a_misspelled_variable_is_reported_with_the_similar_setting(
    environment: Environment, misspelled: str, meant: str
) -> None:
    variables = {"BETTER_AUTH_SECRETS": f"1:{SECRET}", misspelled: HIDDEN}
    (complaint,) = environment.complaints(**variables)
    assert (complaint.variable, complaint.meant) == (misspelled.upper(), meant)
    assert complaint.remedy == f"Rename it to {meant}, or unset it."
    assert HIDDEN not in str(complaint)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(FOREIGN),
        "AUTH_GITHUB_ID",
        "AUTH_GOOGLE_SECRET",
        "BETTER_AUTH_DATABASE_URL",
        "DATABASE_AUTH_TOKEN",
        "DATABASE_URL_UNPOOLED",
        "DATABASE_SSL",
        "HOSTS",
        "PROT",
        "LOG_FILE",
        "TRUSTED_PROXIES",
    ],
)
def test_variables_of_other_programs_are_ignored(environment: Environment, name: str) -> None:
    environment.read(BETTER_AUTH_SECRET=SECRET, **{name: "something"})


def test_several_variables_of_other_programs_are_ignored(environment: Environment) -> None:
    variables: dict[str, str] = {
        "BETTER_AUTH_TELEMETRY": "1",
        "PORTS": "x",
        "AUTH_TRUST_HOST": "true",
    }
    environment.read(BETTER_AUTH_SECRET=SECRET, **variables)


def test_a_similar_name_is_ignored_if_the_setting_is_set_too(environment: Environment) -> None:
    environment.read(
        BETTER_AUTH_SECRET=SECRET, DATABASE_URL="sqlite:///todos.db", DATABASE_URL2="file:other.db"
    )
