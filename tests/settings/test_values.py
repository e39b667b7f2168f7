"""Single values: the values that each setting accepts, and the rejection of other values."""

import pytest

from backend.settings import Settings
from tests.settings.environment import HIDDEN, SECRET, Environment


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com/", "https://auth.example.com/"),
        ("HTTPS://Auth.Example.Com:443/api/auth/", "https://auth.example.com/api/auth/"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://faß.de/x", "https://xn--fa-hia.de/x"),
        ("https://127.0.0.1:65535", "https://127.0.0.1:65535"),
        ("https://[::1]:3000/a%20b/c", "https://[::1]:3000/a%20b/c"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://[0:0::1]", "http://[::1]"),
    ],
)
def test_https_and_loopback_urls_are_accepted_with_the_origin_of_javascript(
    environment: Environment, url: str, expected: str
) -> None:
    assert environment.read(BETTER_AUTH_URL=url).better_auth_url == expected
    assert environment.read(AUTH_JWKS_URL=url).auth_jwks_url == expected


def test_origins_are_written_as_browsers_send_them(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_SECRET=SECRET, CORS_ORIGINS="https://faß.de:8443,http://[0:0::1]:3000,*"
    )
    assert settings.cors_origins == ("https://xn--fa-hia.de:8443", "http://[::1]:3000", "*")


def test_trusted_hosts_are_written_as_clients_send_them(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_SECRET=SECRET, TRUSTED_HOSTS="API.faß.de,*.bücher.example,[0:0::1],*"
    )
    assert settings.trusted_hosts == (
        "api.xn--fa-hia.de",
        "*.xn--bcher-kva.example",
        "[::1]",
        "*",
    )


INVALID = {
    "BETTER_AUTH_URL": [
        "auth.example.com",
        "ftp://auth.example.com",
        "https://",
        "https:///path",
        f"https://user:{HIDDEN}@auth.example.com",
        f"https://user:{HIDDEN}",
        f"https://us\u2100er:{HIDDEN}@auth.example.com",
        "https://auth.example.com?x=1",
        "https://auth.example.com#x",
        "https://auth.example.com/?",
        "https://auth example.com",
        "https://auth.example.com/\x01",
        "https://auth\\example.com",
        "https://auth%2eexample.com",
        "https://a..example.com",
        "https://" + "a" * 64 + ".example.com",
        "https://[::1",
        "https://[::1::1]",
        "https://auth.example.com:65536",
        "https://auth.example.com:http",
        "https://0x7f.1",
        "https://💩.la",
    ],
    "BETTER_AUTH_SECRET": [HIDDEN, "x" * 31, "better-auth-secret-12345678901234567890"],
    "BETTER_AUTH_SECRETS": [
        SECRET,
        f"one:{SECRET}",
        f":{SECRET}",
        f"1:{HIDDEN}",
        f"2:{SECRET},1:",
        "1:better-auth-secret-12345678901234567890",
    ],
    "AUTH_PROVIDER": ["auth0", "better_auth", "oidc,better-auth"],
    "AUTH_JWKS_URL": ["jwks", "file:///etc/passwd", "https://a/jwks?x"],
    "AUTH_ALGORITHMS": ["none", "HS512", "hs256", "RS256,HS384"],
    "AUTH_ALLOW_HTTP": ["maybe"],
    "AUTH_MACHINE_TOKENS": ["maybe"],
    "AUTH_RESOURCE": ["api", "http://api.example.com", "https://API.example.com"],
    "AUTH_LEEWAY": ["-1", "301", "nan", "inf", "ten", "1e400"],
    "AUTH_MAX_LIFETIME": ["0", "-1", "nan", "forever"],
    "AUTH_TOKEN_MAX_BYTES": ["0", "1023", "49153", "16 KiB", "1e4"],
    "AUTH_CLAIMS": [
        "plan,plan",
        "plan\tx",
        "x" * 129,
        ",".join(map(str, range(33))),
        *("sub", "exp", "iss", "aud", "iat", "nbf", "jti", "cnf", "scope", "session", "plan,token"),
    ],
    "AUTH_REQUIRE_SCOPES": ["maybe"],
    "AUTH_REVOCATION": ["on", "redis", "memory"],
    "AUTH_REVOCATION_MAX_AGE": ["0", "0.9", "301", "-1", "nan", "inf", "soon"],
    "AUTH_COOKIE": ["on", "jws"],
    "AUTH_COOKIE_NAME": ["a b", "a=b", "__Secure-better-auth.session_data", "\u00e9"],
    "AUTH_SESSION_TOKENS": ["on", "get_session", "bearer"],
    "AUTH_SESSION_MAX_AGE": ["-1", "301", "nan", "inf", "soon"],
    "AUTH_JWKS_MAX_AGE": ["0", "86401", "nan"],
    "AUTH_JWKS_MAX_STALE": ["-1", "604801", "nan"],
    "AUTH_TOKEN_CACHE_SIZE": ["-1", "1000001", "1.5"],
    "DATABASE_URL": [
        f"mysql://root:{HIDDEN}@db/todos",
        "todos.db",
        "sqlite://todos.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///todos.db?mode=ro",
        "postgresql://",
    ],
    "DATABASE_POOL_SIZE": ["0", "-1", "1001", "2.5", "many"],
    "DATABASE_CONNECT_TIMEOUT": ["0", "-1", "301", "nan", "inf", "5s"],
    "DATABASE_STATEMENT_TIMEOUT": ["0", "-1", "301", "nan", "inf", "5s"],
    "DATABASE_PREPARED_STATEMENTS": ["maybe"],
    "TODOS_MAX_PER_USER": ["0", "-1", "1000001", "all"],
    "PORT": ["-1", "65536", "http", "\u0663"],
    "WORKERS": ["0", "65", "many"],
    "KEEP_ALIVE": ["0", "3601", "1.5", "never"],
    "SHUTDOWN_DELAY": ["-1", "301", "nan", "inf", "5s"],
    "FORWARDED_ALLOW_IPS": ["*", "10.0.0.1/8", "proxy.example.com", "10.0.0.0/33", "1.2.3.4:80"],
    "CORS_ORIGINS": [
        "app.example.com",
        "https://app.example.com/",
        "https://APP.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://*.example.com",
        f"https://user:{HIDDEN}@app.example.com",
        "*,null",
        "https://127.1",
        "https://a\\b",
        "capacitor:localhost",
        "capacitor://",
        "capacitor://localhost/",
        "Capacitor://localhost",
        "://localhost",
        "1x://localhost",
        "file://",
        "ftp://localhost",
        "ws://app.example.com",
        "wss://app.example.com",
        "htps://app.example.com",
        "httpss://app.example.com",
        "chrome-extension://*",
        "capacitor://faß",
        "capacitor://a..b",
    ],
    "TRUSTED_HOSTS": [
        "api.*",
        "*.*",
        "*example.com",
        "https://api.example.com",
        "api:8000",
        "127.1",
        "[::1",
        "*.[::1]",
        "*.127.0.0.1",
        "a..example.com",
    ],
    "CORS_HEADERS": ["X Tenant", "X-Tenant:", "X-\r\nTenant", "*", "x" * 65],
    "MCP_URL": [
        "mcp.example.com/mcp",
        "ftp://mcp.example.com/mcp",
        "https://mcp.example.com/mcp?x=1",
        "https://mcp.example.com/mcp#x",
        f"https://user:{HIDDEN}@mcp.example.com/mcp",
    ],
    "ROOT_PATH": [
        "todos",
        "https://app.example.com/todos",
        "//evil.example",
        "/a//b",
        "/todos/..",
        "/./todos",
        "/to dos",
        "/todos?x",
        "/%2e%2e",
        "/\u00e9",
        "/todos\n",
        "/\\evil.example",
    ],
    "LOG_LEVEL": ["loud", "10"],
    "LOG_FORMAT": ["xml"],
    "DOCS": ["perhaps", "2"],
    "METRICS": ["perhaps"],
}


CLAIM_NAMES = ["a\tb", "x" * 129, "/realm~access", "/a~2b", "/a~"]

INVALID_WITH_OIDC = {
    "OIDC_ISSUER": [
        "id.example.com",
        "ftp://id.example.com",
        "https://ID.example.com",
        "https://id.example.com:443",
        "https://b\u00fccher.example",
        f"https://user:{HIDDEN}@id.example.com",
        "https://id.example.com?x",
        "https://id.example.com#x",
        "https://id.example.com/.well-known/openid-configuration",
    ],
    "OIDC_CLAIM_USER_ID": CLAIM_NAMES,
    "OIDC_CLAIM_EMAIL": CLAIM_NAMES,
    "OIDC_CLAIM_EMAIL_VERIFIED": CLAIM_NAMES,
    "OIDC_CLAIM_NAME": CLAIM_NAMES,
    "OIDC_CLAIM_ROLES": CLAIM_NAMES,
    "OIDC_CLAIM_SCOPES": CLAIM_NAMES,
    "OIDC_CLAIM_AUDIENCE": ["a\tb", "x" * 129, "/client/id"],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, values in {**INVALID, **INVALID_WITH_OIDC}.items()
        for value in values
    ],
)
def test_invalid_values_are_reported_with_variable_and_remedy(
    environment: Environment, name: str, value: str
) -> None:
    valid = {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": "https://auth.example.com"}
    if name in INVALID_WITH_OIDC:
        issuer = "https://id.example.com"
        valid = {"AUTH_PROVIDER": "oidc", "OIDC_ISSUER": issuer, "AUTH_AUDIENCE": "api"}
    (complaint,) = environment.complaints(**{**valid, name: value})
    assert complaint.variable == name
    assert complaint.remedy == f"Set it to {Settings.model_fields[name.lower()].description}."
    assert not complaint.problem.endswith(".")
    assert HIDDEN not in str(complaint)
    assert "Value error" not in str(complaint)


def test_every_variable_that_can_be_invalid_is_tested() -> None:
    never_invalid = {"auth_issuer", "auth_audience", "auth_cookie_version", "host"}
    never_invalid.add("auth_trusted_issuers")  # see `test_trusted_issuers.py`
    tested = {name.lower() for name in (*INVALID, *INVALID_WITH_OIDC)}
    assert tested == set(Settings.model_fields) - never_invalid


@pytest.mark.parametrize(
    ("algorithms", "problem"),
    [
        ("HS999", "not supported: HS999"),
        ("HS999,HS256,none", "not supported: HS999, none"),
        (f"HS256,none,{SECRET}", "not supported: another text, none"),  # a secret was misplaced
        ("HS256,\udcff", "not supported: another text"),  # a byte that is not UTF-8
    ],
)
def test_unknown_algorithms_are_named(
    environment: Environment, algorithms: str, problem: str
) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, AUTH_ALGORITHMS=algorithms)
    assert (complaint.variable, complaint.problem) == ("AUTH_ALGORITHMS", problem)


def test_claims_that_are_refused_are_named(environment: Environment) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, AUTH_CLAIMS="sub,plan,token")
    assert complaint.problem == "these are never handed to the routes: sub, token"


def test_a_json_pointer_to_a_refused_claim_is_refused_too(environment: Environment) -> None:
    issuer = {"AUTH_PROVIDER": "oidc", "OIDC_ISSUER": "https://id.example.com"}
    complaints = environment.complaints(**issuer, AUTH_AUDIENCE="api", AUTH_CLAIMS="/cnf,/a/cnf")
    assert [item.problem for item in complaints] == ["these are never handed to the routes: /cnf"]
    with pytest.raises(ValueError, match="1 to 128 printable characters"):
        Settings(auth_claims=("",))


def test_claims_may_have_any_printable_name(environment: Environment) -> None:
    text = "activeOrganizationId, https://example.com/plan, my plan, é"
    settings = environment.read(BETTER_AUTH_SECRET=SECRET, AUTH_CLAIMS=text)
    assert settings.auth_claims == tuple(text.split(", "))


def test_a_driver_in_the_database_url_is_rejected(environment: Environment) -> None:
    url = f"postgresql+asyncpg://me:{HIDDEN}@db/todos"
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url)
    assert complaint.problem.endswith("remove +asyncpg")
    assert HIDDEN not in str(complaint)


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com",
        "http://localhost:5173",
        "http://[::1]:3000",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "app://obsidian.md",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0b2e1f2c-1111-4222-8333-444455556666",
        "safari-web-extension://0B2E1F2C-1111-4222-8333-444455556666",
        "vscode-webview://1a2b3c",
        "com.example.app://localhost:80",
    ],
)
def test_origins_of_pages_apps_and_extensions_are_accepted(
    environment: Environment, origin: str
) -> None:
    settings = environment.read(BETTER_AUTH_SECRET=SECRET, CORS_ORIGINS=f"{origin},{origin}")
    assert settings.cors_origins == (origin, origin)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/", ""), ("/todos", "/todos"), ("/todos/", "/todos"), ("/a/b.c/d_e-f~", "/a/b.c/d_e-f~")],
)
def test_a_slash_at_the_end_of_the_root_path_changes_nothing(
    environment: Environment, value: str, expected: str
) -> None:
    assert environment.read(BETTER_AUTH_SECRET=SECRET, ROOT_PATH=value).root_path == expected
