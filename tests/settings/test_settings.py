"""The settings as a whole: defaults, variables, lists, switches and overrides."""

from pathlib import Path

import pytest

from backend.settings import Settings
from backend.settings.values import (
    CookieCache,
    LogFormat,
    LogLevel,
    Provider,
    RevocationStorage,
    SessionTokens,
)
from tests.settings.environment import OTHER_SECRET, SECRET, Environment


def test_every_setting_except_the_issuer_has_a_default(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_SECRET=SECRET)
    assert settings.model_dump(exclude={"better_auth_secret", "database_url"}) == {
        "better_auth_url": None,
        "better_auth_secrets": (),
        "auth_trusted_issuers": None,
        "auth_provider": Provider.BETTER_AUTH,
        "oidc_issuer": None,
        "oidc_claim_user_id": "sub",
        "oidc_claim_email": "email",
        "oidc_claim_email_verified": None,
        "oidc_claim_name": "name",
        "oidc_claim_roles": None,
        "oidc_claim_scopes": "scope",
        "oidc_claim_audience": "aud",
        "auth_jwks_url": None,
        "auth_issuer": (),
        "auth_audience": (),
        "auth_resource": None,
        "auth_machine_tokens": False,
        "auth_algorithms": (),
        "auth_allow_http": False,
        "auth_leeway": 10,
        "auth_max_lifetime": None,
        "auth_token_max_bytes": 16_384,
        "auth_claims": (),
        "auth_require_scopes": False,
        "auth_revocation": RevocationStorage.OFF,
        "auth_revocation_max_age": 5,
        "auth_cookie": CookieCache.OFF,
        "auth_cookie_name": "better-auth.session_data",
        "auth_cookie_version": None,
        "auth_session_tokens": SessionTokens.OFF,
        "auth_session_max_age": 10,
        "auth_jwks_max_age": 300,
        "auth_jwks_max_stale": 3600,
        "auth_token_cache_size": 10_000,
        "database_pool_size": 10,
        "database_connect_timeout": 5,
        "database_statement_timeout": 5,
        "database_prepared_statements": True,
        "todos_max_per_user": 10_000,
        "host": "127.0.0.1",
        "port": 8000,
        "workers": 1,
        "keep_alive": 75,
        "shutdown_delay": 0,
        "forwarded_allow_ips": (),
        "cors_origins": (),
        "cors_headers": (),
        "mcp_url": None,
        "root_path": None,
        "trusted_hosts": (),
        "log_level": LogLevel.INFO,
        "log_format": LogFormat.CONSOLE,
        "docs": None,
        "metrics": True,
    }
    assert settings.database_url.get_secret_value() == "sqlite:///todos.db"


def test_every_variable_sets_its_setting(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_URL="https://auth.example.com/",
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_SECRETS=f"2:{OTHER_SECRET},1:{SECRET}",
        AUTH_JWKS_URL="http://127.0.0.1:3000/jwks",
        AUTH_ISSUER="https://a.example.com, https://b.example.com",
        AUTH_AUDIENCE="api",
        AUTH_RESOURCE="https://api.example.com",
        AUTH_MACHINE_TOKENS="on",
        AUTH_ALGORITHMS="EdDSA,HS256",
        AUTH_ALLOW_HTTP="on",
        AUTH_LEEWAY="2.5",
        AUTH_MAX_LIFETIME="900",
        AUTH_TOKEN_MAX_BYTES="8192",
        AUTH_CLAIMS="activeOrganizationId, plan",
        AUTH_COOKIE="JWE",
        AUTH_COOKIE_NAME="my-app.session_data",
        AUTH_COOKIE_VERSION="2",
        AUTH_SESSION_MAX_AGE="0",
        AUTH_REVOCATION="DATABASE",
        AUTH_REVOCATION_MAX_AGE="1.5",
        AUTH_JWKS_MAX_AGE="60",
        AUTH_JWKS_MAX_STALE="0",
        AUTH_TOKEN_CACHE_SIZE="0",
        DATABASE_URL="postgresql://me:secret@db.example.com/todos",
        DATABASE_POOL_SIZE="3",
        DATABASE_CONNECT_TIMEOUT="0.5",
        DATABASE_STATEMENT_TIMEOUT="2.5",
        DATABASE_PREPARED_STATEMENTS="off",
        TODOS_MAX_PER_USER="500",
        HOST="::",
        PORT="0",
        WORKERS="4",
        KEEP_ALIVE="30",
        SHUTDOWN_DELAY="2.5",
        FORWARDED_ALLOW_IPS="10.0.0.0/8, 192.0.2.1, ::1",
        CORS_ORIGINS="https://app.example.com,http://localhost:5173",
        CORS_HEADERS="X-Tenant,sentry-trace",
        MCP_URL="https://MCP.example.com:443/mcp",
        ROOT_PATH="/todos/v1/",
        TRUSTED_HOSTS="api.example.com,*.internal,[::1]",
        LOG_LEVEL="WARNING",
        LOG_FORMAT="JSON",
        DOCS="off",
        METRICS="no",
    )
    values = settings.model_dump(
        exclude={"better_auth_secret", "better_auth_secrets", "database_url"}
    )
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert {name: value for name, value in values.items() if value != defaults[name]} == {
        "better_auth_url": "https://auth.example.com/",
        "auth_jwks_url": "http://127.0.0.1:3000/jwks",
        "auth_issuer": ("https://a.example.com", "https://b.example.com"),
        "auth_audience": ("api",),
        "auth_resource": "https://api.example.com",
        "auth_machine_tokens": True,
        "auth_algorithms": ("EdDSA", "HS256"),
        "auth_allow_http": True,
        "auth_leeway": 2.5,
        "auth_max_lifetime": 900,
        "auth_token_max_bytes": 8192,
        "auth_claims": ("activeOrganizationId", "plan"),
        "auth_revocation": RevocationStorage.DATABASE,
        "auth_revocation_max_age": 1.5,
        "auth_cookie": CookieCache.JWE,
        "auth_cookie_name": "my-app.session_data",
        "auth_cookie_version": "2",
        "auth_session_max_age": 0,
        "auth_jwks_max_age": 60,
        "auth_jwks_max_stale": 0,
        "auth_token_cache_size": 0,
        "database_pool_size": 3,
        "database_connect_timeout": 0.5,
        "database_statement_timeout": 2.5,
        "database_prepared_statements": False,
        "todos_max_per_user": 500,
        "host": "::",
        "port": 0,
        "workers": 4,
        "keep_alive": 30,
        "shutdown_delay": 2.5,
        "forwarded_allow_ips": ("10.0.0.0/8", "192.0.2.1/32", "::1/128"),
        "cors_origins": ("https://app.example.com", "http://localhost:5173"),
        "cors_headers": ("X-Tenant", "sentry-trace"),
        "mcp_url": "https://mcp.example.com/mcp",
        "root_path": "/todos/v1",
        "trusted_hosts": ("api.example.com", "*.internal", "[::1]"),
        "log_level": LogLevel.WARNING,
        "log_format": LogFormat.JSON,
        "docs": False,
        "metrics": False,
    }
    assert settings.secrets == (OTHER_SECRET, SECRET)
    assert settings.database_url.get_secret_value().endswith("secret@db.example.com/todos")


def test_every_variable_of_an_openid_connect_issuer_sets_its_setting(
    environment: Environment,
) -> None:
    claims = {
        f"OIDC_CLAIM_{name}": f"/facts/{name.lower()}"
        for name in ("USER_ID", "EMAIL", "EMAIL_VERIFIED", "NAME", "ROLES", "SCOPES")
    }
    settings = environment.read(
        AUTH_PROVIDER="oidc",
        OIDC_ISSUER="https://id.example.com/",
        OIDC_CLAIM_AUDIENCE="client_id",
        AUTH_AUDIENCE="api",
        **claims,
    )
    for name, value in claims.items():
        assert getattr(settings, name.lower()) == value
    assert settings.auth_provider is Provider.OIDC
    assert settings.oidc_issuer == "https://id.example.com/"
    assert settings.oidc_claim_audience == "client_id"


def test_the_settings_cannot_be_changed(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_SECRET=SECRET)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_counts_as_unset(environment: Environment, name: str) -> None:
    other = "BETTER_AUTH_URL" if name == "better_auth_secret" else "BETTER_AUTH_SECRET"
    variables = {other: SECRET if other.endswith("SECRET") else "https://auth.example.com"}
    plain = environment.read(**variables)
    assert environment.read(**variables, **{name.upper(): ""}) == plain


@pytest.mark.parametrize("text", ["a,b", " a , b ", ",a,,b,", "a,\tb\n"])
def test_lists_are_separated_by_commas(environment: Environment, text: str) -> None:
    settings = environment.read(BETTER_AUTH_SECRET=SECRET, AUTH_AUDIENCE=text)
    assert settings.auth_audience == ("a", "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("on", True), ("ON", True), ("true", True), ("1", True), ("off", False), ("False", False)],
)
def test_switches_are_on_or_off(environment: Environment, text: str, expected: bool) -> None:
    assert environment.read(BETTER_AUTH_SECRET=SECRET, DOCS=text).docs is expected


def test_invalid_values_are_replaced_by_their_defaults(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("WORKERS", "3")
    settings, complaints = Settings.read(better_auth_secret=SECRET)
    assert (settings.port, settings.workers, len(complaints)) == (8000, 3, 1)


def test_arguments_override_the_environment(environment: Environment) -> None:
    environment.read(BETTER_AUTH_SECRET=SECRET, PORT="1")
    assert Settings.load(port=2).port == 2


def test_load_returns_valid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert Settings.load().secrets == (SECRET,)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"AUTH_ISSUER": "https://a", "DATABASE_URL": "sqlite:///x.db"}, False),
        ({"BETTER_AUTH_SECRET": ""}, False),
        ({"BETTER_AUTH_URL": "https://a"}, True),
        ({"BETTER_AUTH_SECRET": "short"}, True),
        ({"BETTER_AUTH_SECRETS": "1:short"}, True),
        ({"AUTH_JWKS_URL": "https://a"}, True),
        ({"OIDC_ISSUER": "https://a"}, True),
    ],
)
def test_any_of_five_variables_names_an_issuer(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings.names_an_issuer() is expected


def test_a_file_named_env_is_ignored(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=1234\n")
    monkeypatch.chdir(tmp_path)
    assert environment.read(BETTER_AUTH_SECRET=SECRET).port == 8000
