"""What the environment decides, and how nonsense in it is refused."""

from pathlib import Path
from typing import Any

import pytest

from backend.settings import ConfigurationError, Settings
from backend.settings.consistency import is_loopback
from backend.settings.spelling import FOREIGN
from backend.settings.values import CookieCache, LogFormat, LogLevel

SECRET = "correct horse battery staple three times"
OTHER = "another secret of thirty-two bytes at least"
NOT_TO_BE_SEEN = "hunter2"


class Environment:
    """The environment of one test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def read(self, **said: str) -> Settings:
        """Read settings that nobody complains of."""
        settings, complaints = self._read(**said)
        assert complaints == []
        return settings

    def complaints(self, **said: str) -> list[str]:
        """Read settings, and what is wrong with them."""
        _, complaints = self._read(**said)
        return complaints

    def _read(self, **said: str) -> tuple[Settings, list[str]]:
        for name, value in said.items():
            self._monkeypatch.setenv(name, value)
        return Settings.read()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)


def test_without_wishes_everything_but_the_issuer_is_decided(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_SECRET=SECRET)
    assert settings.model_dump(exclude={"better_auth_secret", "database_url"}) == {
        "better_auth_url": None,
        "better_auth_secrets": (),
        "auth_jwks_url": None,
        "auth_issuer": (),
        "auth_audience": (),
        "auth_algorithms": (),
        "auth_allow_http": False,
        "auth_leeway": 10,
        "auth_max_lifetime": None,
        "auth_cookie": CookieCache.OFF,
        "auth_cookie_name": "better-auth.session_data",
        "auth_cookie_version": None,
        "auth_jwks_max_age": 300,
        "auth_jwks_max_stale": 3600,
        "auth_token_cache_size": 10_000,
        "database_pool_size": 10,
        "database_connect_timeout": 5,
        "database_statement_timeout": 5,
        "database_prepared_statements": True,
        "host": "127.0.0.1",
        "port": 8000,
        "workers": 1,
        "cors_origins": (),
        "trusted_hosts": (),
        "log_level": LogLevel.INFO,
        "log_format": LogFormat.CONSOLE,
        "docs": True,
        "metrics": True,
    }
    assert settings.database_url.get_secret_value() == "sqlite:///todos.db"


def test_every_variable_decides_its_setting(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_URL="https://auth.example.com/",
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_SECRETS=f"2:{OTHER},1:{SECRET}",
        AUTH_JWKS_URL="http://127.0.0.1:3000/jwks",
        AUTH_ISSUER="https://a.example.com, https://b.example.com",
        AUTH_AUDIENCE="api",
        AUTH_ALGORITHMS="EdDSA,HS256",
        AUTH_ALLOW_HTTP="on",
        AUTH_LEEWAY="2.5",
        AUTH_MAX_LIFETIME="900",
        AUTH_COOKIE="JWE",
        AUTH_COOKIE_NAME="my-app.session_data",
        AUTH_COOKIE_VERSION="2",
        AUTH_JWKS_MAX_AGE="60",
        AUTH_JWKS_MAX_STALE="0",
        AUTH_TOKEN_CACHE_SIZE="0",
        DATABASE_URL="postgresql://me:secret@db.example.com/todos",
        DATABASE_POOL_SIZE="3",
        DATABASE_CONNECT_TIMEOUT="0.5",
        DATABASE_STATEMENT_TIMEOUT="2.5",
        DATABASE_PREPARED_STATEMENTS="off",
        HOST="::",
        PORT="0",
        WORKERS="4",
        CORS_ORIGINS="https://app.example.com,http://localhost:5173",
        TRUSTED_HOSTS="api.example.com,*.internal,[::1]",
        LOG_LEVEL="WARNING",
        LOG_FORMAT="JSON",
        DOCS="off",
        METRICS="no",
    )
    said = settings.model_dump(
        exclude={"better_auth_secret", "better_auth_secrets", "database_url"}
    )
    assert said == {
        "better_auth_url": "https://auth.example.com/",
        "auth_jwks_url": "http://127.0.0.1:3000/jwks",
        "auth_issuer": ("https://a.example.com", "https://b.example.com"),
        "auth_audience": ("api",),
        "auth_algorithms": ("EdDSA", "HS256"),
        "auth_allow_http": True,
        "auth_leeway": 2.5,
        "auth_max_lifetime": 900,
        "auth_cookie": CookieCache.JWE,
        "auth_cookie_name": "my-app.session_data",
        "auth_cookie_version": "2",
        "auth_jwks_max_age": 60,
        "auth_jwks_max_stale": 0,
        "auth_token_cache_size": 0,
        "database_pool_size": 3,
        "database_connect_timeout": 0.5,
        "database_statement_timeout": 2.5,
        "database_prepared_statements": False,
        "host": "::",
        "port": 0,
        "workers": 4,
        "cors_origins": ("https://app.example.com", "http://localhost:5173"),
        "trusted_hosts": ("api.example.com", "*.internal", "[::1]"),
        "log_level": LogLevel.WARNING,
        "log_format": LogFormat.JSON,
        "docs": False,
        "metrics": False,
    }
    assert settings.secrets == (OTHER, SECRET)
    assert settings.database_url.get_secret_value().endswith("secret@db.example.com/todos")


def test_the_settings_cannot_be_changed(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_SECRET=SECRET)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_is_not_set(environment: Environment, name: str) -> None:
    other = "BETTER_AUTH_URL" if name == "better_auth_secret" else "BETTER_AUTH_SECRET"
    said = {other: SECRET if other.endswith("SECRET") else "https://auth.example.com"}
    plain = environment.read(**said)
    assert environment.read(**said, **{name.upper(): ""}) == plain


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


@pytest.mark.parametrize("text", ["1", "on", "t", "true", "Yes", "Y", "TRUE"])
def test_every_spelling_of_on_allows_plain_http(environment: Environment, text: str) -> None:
    environment.read(BETTER_AUTH_URL="http://auth.internal", AUTH_ALLOW_HTTP=text)


def test_the_current_secret_comes_first_and_each_once(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_SECRETS=f"2:{OTHER}:with:colons,1:{SECRET}", BETTER_AUTH_SECRET=SECRET
    )
    assert settings.secrets == (f"{OTHER}:with:colons", SECRET)


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.example.com",
        "https://auth.example.com/",
        "HTTPS://Auth.Example.Com:443/api/auth/",
        "https://bücher.example",
        "https://127.0.0.1:65535",
        "https://[::1]:3000/a%20b/c",
        "http://localhost:3000",
        "http://127.8.9.10",
        "http://[::1]",
    ],
)
def test_an_issuer_may_be_anywhere_that_is_safe(environment: Environment, url: str) -> None:
    assert environment.read(BETTER_AUTH_URL=url).better_auth_url == url
    assert environment.read(AUTH_JWKS_URL=url).auth_jwks_url == url


WRONG = {
    "BETTER_AUTH_URL": [
        "auth.example.com",
        "ftp://auth.example.com",
        "https://",
        "https:///path",
        f"https://user:{NOT_TO_BE_SEEN}@auth.example.com",
        f"https://user:{NOT_TO_BE_SEEN}",
        f"https://us\u2100er:{NOT_TO_BE_SEEN}@auth.example.com",
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
    ],
    "BETTER_AUTH_SECRET": [NOT_TO_BE_SEEN, "x" * 31, "better-auth-secret-12345678901234567890"],
    "BETTER_AUTH_SECRETS": [
        SECRET,
        f"one:{SECRET}",
        f":{SECRET}",
        f"1:{NOT_TO_BE_SEEN}",
        f"2:{SECRET},1:",
        "1:better-auth-secret-12345678901234567890",
    ],
    "AUTH_JWKS_URL": ["jwks", "file:///etc/passwd", "https://a/jwks?x"],
    "AUTH_ALGORITHMS": ["none", "HS512", "hs256", "RS256,HS384"],
    "AUTH_ALLOW_HTTP": ["maybe"],
    "AUTH_LEEWAY": ["-1", "301", "nan", "inf", "ten", "1e400"],
    "AUTH_MAX_LIFETIME": ["0", "-1", "nan", "forever"],
    "AUTH_COOKIE": ["on", "jws"],
    "AUTH_COOKIE_NAME": ["a b", "a=b", "__Secure-better-auth.session_data", "\u00e9"],
    "AUTH_JWKS_MAX_AGE": ["0", "86401", "nan"],
    "AUTH_JWKS_MAX_STALE": ["-1", "604801", "nan"],
    "AUTH_TOKEN_CACHE_SIZE": ["-1", "1000001", "1.5"],
    "DATABASE_URL": [
        f"mysql://root:{NOT_TO_BE_SEEN}@db/todos",
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
    "PORT": ["-1", "65536", "http", "\u0663"],
    "WORKERS": ["0", "65", "many"],
    "CORS_ORIGINS": [
        "app.example.com",
        "https://app.example.com/",
        "https://APP.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://*.example.com",
        f"https://user:{NOT_TO_BE_SEEN}@app.example.com",
        "*,null",
    ],
    "TRUSTED_HOSTS": ["api.*", "*.*", "*example.com", "https://api.example.com", "api:8000"],
    "LOG_LEVEL": ["loud", "10"],
    "LOG_FORMAT": ["xml"],
    "DOCS": ["perhaps", "2"],
    "METRICS": ["perhaps"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_nonsense_is_refused_by_name_and_with_a_remedy(
    environment: Environment, name: str, value: str
) -> None:
    needed = {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_URL": "https://auth.example.com"}
    (complaint,) = environment.complaints(**{**needed, name: value})
    assert complaint.startswith(f"{name}: ")
    assert f" Set it to {Settings.model_fields[name.lower()].description}." in complaint
    assert NOT_TO_BE_SEEN not in complaint
    assert "Value error" not in complaint


def test_every_variable_that_can_be_wrong_is_tried() -> None:
    never_wrong = {"auth_issuer", "auth_audience", "auth_cookie_version", "host"}
    assert {name.lower() for name in WRONG} == set(Settings.model_fields) - never_wrong


def test_all_complaints_come_at_once(environment: Environment) -> None:
    complaints = environment.complaints(
        BETTER_AUTH_SECRET="short",
        AUTH_ALGORITHMS="ES256",
        DATABASE_URL="nowhere",
        PORT="http",
        LOG_FORMAT="xml",
    )
    assert [complaint.partition(":")[0] for complaint in complaints] == [
        "BETTER_AUTH_SECRET",
        "DATABASE_URL",
        "PORT",
        "LOG_FORMAT",
        "AUTH_ALGORITHMS",
    ]


def test_what_is_wrong_is_replaced_so_that_the_rest_can_be_judged(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("WORKERS", "3")
    settings, complaints = Settings.read(better_auth_secret=SECRET)
    assert (settings.port, settings.workers, len(complaints)) == (8000, 3, 1)


def test_what_is_handed_in_goes_before_the_environment(environment: Environment) -> None:
    environment.read(BETTER_AUTH_SECRET=SECRET, PORT="1")
    assert Settings.load(port=2).port == 2


def test_loading_raises_every_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(ConfigurationError) as failure:
        Settings.load()
    assert [one.partition(":")[0] for one in failure.value.complaints] == [
        "PORT",
        "BETTER_AUTH_URL",
    ]
    assert str(failure.value) == "\n".join(failure.value.complaints)


def test_loading_returns_settings_without_complaints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert Settings.load().secrets == (SECRET,)


def test_nobody_to_trust_is_a_complaint(environment: Environment) -> None:
    (complaint,) = environment.complaints()
    assert complaint.startswith("BETTER_AUTH_URL: ")
    assert "BETTER_AUTH_SECRET" in complaint
    assert environment.complaints(BETTER_AUTH_SECRETS=" , ") == [complaint]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ({"BETTER_AUTH_URL": "https://a", "AUTH_ALGORITHMS": "HS256"}, "BETTER_AUTH_SECRET"),
        ({"BETTER_AUTH_SECRET": SECRET, "AUTH_ALGORITHMS": "EdDSA"}, "BETTER_AUTH_URL"),
    ],
)
def test_an_algorithm_needs_the_keys_of_its_family(
    environment: Environment, said: dict[str, str], remedy: str
) -> None:
    (complaint,) = environment.complaints(**said)
    assert complaint.startswith("AUTH_ALGORITHMS: ")
    assert remedy in complaint


@pytest.mark.parametrize("url", ["http://auth.example.com", "HTTP://10.0.0.1:3000/api/auth"])
@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "AUTH_JWKS_URL"])
def test_keys_are_not_fetched_over_other_peoples_wires(
    environment: Environment, name: str, url: str
) -> None:
    (complaint,) = environment.complaints(**{name: url})
    assert complaint.startswith(f"{name}: ")
    assert "AUTH_ALLOW_HTTP=on" in complaint
    environment.read(**{name: url}, AUTH_ALLOW_HTTP="on")


def test_only_the_url_that_keys_come_from_has_to_be_safe(environment: Environment) -> None:
    environment.read(
        BETTER_AUTH_URL="http://auth.internal", AUTH_JWKS_URL="https://auth.example.com/jwks"
    )


def test_no_secret_shows_in_a_repr_or_a_dump(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_SECRETS=f"1:{OTHER}",
        DATABASE_URL=f"postgresql://me:{NOT_TO_BE_SEEN}@db/todos",
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        for secret in (SECRET, OTHER, NOT_TO_BE_SEEN):
            assert secret not in shown


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, False),
        ({"AUTH_ISSUER": "https://a", "DATABASE_URL": "sqlite:///x.db"}, False),
        ({"BETTER_AUTH_SECRET": ""}, False),
        ({"BETTER_AUTH_URL": "https://a"}, True),
        ({"BETTER_AUTH_SECRET": "short"}, True),
        ({"BETTER_AUTH_SECRETS": "1:short"}, True),
        ({"AUTH_JWKS_URL": "https://a"}, True),
    ],
)
def test_an_issuer_is_named_by_any_variable_that_is_set(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], expected: bool
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert Settings.names_an_issuer() is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("0.0.0.0", False),  # noqa: S104 - the very address that must not count
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_network(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_file_named_env_decides_nothing(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=1234\n")
    monkeypatch.chdir(tmp_path)
    assert environment.read(BETTER_AUTH_SECRET=SECRET).port == 8000


def test_other_peoples_variables_are_left_alone(environment: Environment) -> None:
    said: dict[str, Any] = {"BETTER_AUTH_TELEMETRY": "1", "PORTS": "x", "AUTH_TRUST_HOST": "true"}
    environment.read(BETTER_AUTH_SECRET=SECRET, **said)


def test_a_refused_secret_shows_in_no_traceback() -> None:
    with pytest.raises(ValueError, match="can be guessed") as failure:
        Settings.model_validate({"better_auth_secret": NOT_TO_BE_SEEN})
    assert NOT_TO_BE_SEEN not in str(failure.value)


PAGE = "https://app.example.com"
URL = "https://auth.example.com"


@pytest.mark.parametrize(
    "said",
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
def test_cookies_need_their_keys_and_known_pages_and_nothing_else(
    environment: Environment, said: dict[str, str]
) -> None:
    assert environment.read(**said).auth_cookie == said["AUTH_COOKIE"].lower()


@pytest.mark.parametrize("strategy", ["compact", "jwe", "JWE"])
def test_most_cookies_need_a_secret(environment: Environment, strategy: str) -> None:
    (complaint,) = environment.complaints(AUTH_COOKIE=strategy, BETTER_AUTH_URL=URL)
    assert complaint.startswith(f"AUTH_COOKIE: {strategy.lower()} needs a secret.")
    assert "BETTER_AUTH_SECRET" in complaint


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
@pytest.mark.parametrize("origins", ["*", f"{PAGE}, *", "*,*"])
def test_cookies_are_not_for_every_page(
    environment: Environment, strategy: str, origins: str
) -> None:
    said = {"AUTH_COOKIE": strategy, "BETTER_AUTH_SECRET": SECRET, "CORS_ORIGINS": origins}
    (complaint,) = environment.complaints(**said)
    assert complaint.startswith("CORS_ORIGINS: with AUTH_COOKIE, * ")
    with pytest.raises(ConfigurationError, match="every page"):
        Settings.load()


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
@pytest.mark.parametrize("issuer", ["BETTER_AUTH_SECRET", "AUTH_JWKS_URL"])
def test_cookies_are_for_some_page(environment: Environment, strategy: str, issuer: str) -> None:
    said = {"BETTER_AUTH_SECRET": SECRET, issuer: SECRET if "SECRET" in issuer else f"{URL}/jwks"}
    for origins in ("", " , "):
        complaints = environment.complaints(AUTH_COOKIE=strategy, CORS_ORIGINS=origins, **said)
        (complaint,) = complaints
        assert complaint.startswith("CORS_ORIGINS: with AUTH_COOKIE, changes ")
        assert "BETTER_AUTH_URL" in complaint


def test_every_complaint_about_cookies_comes_at_once(environment: Environment) -> None:
    complaints = environment.complaints(AUTH_COOKIE="jwe", AUTH_JWKS_URL=f"{URL}/jwks")
    assert [one.partition(":")[0] for one in complaints] == ["AUTH_COOKIE", "CORS_ORIGINS"]


def test_white_space_around_a_listed_secret_is_no_part_of_it(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_SECRETS=f"2: {OTHER} , 1:{SECRET}")
    assert settings.secrets == (OTHER, SECRET)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
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
def test_a_misspelt_variable_is_complained_of_with_the_one_that_is_meant(
    environment: Environment, misspelt: str, meant: str
) -> None:
    given = {"BETTER_AUTH_SECRETS": f"1:{SECRET}", misspelt: NOT_TO_BE_SEEN}
    (complaint,) = environment.complaints(**given)
    assert complaint.startswith(f"{misspelt.upper()}: ")
    assert f"Set {meant}, if that is meant, or unset it." in complaint
    assert NOT_TO_BE_SEEN not in complaint


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
def test_variables_of_other_programs_are_none_of_our_business(
    environment: Environment, name: str
) -> None:
    environment.read(BETTER_AUTH_SECRET=SECRET, **{name: "something"})


def test_a_name_like_one_that_is_set_as_well_is_no_misspelling(environment: Environment) -> None:
    environment.read(
        BETTER_AUTH_SECRET=SECRET, DATABASE_URL="sqlite:///todos.db", DATABASE_URL2="file:other.db"
    )


@pytest.mark.parametrize(
    ("algorithms", "problem"),
    [
        ("HS999", "HS999 is not an algorithm that is supported."),
        ("HS999,HS256,none", "HS999, none are not algorithms that are supported."),
    ],
)
def test_unknown_algorithms_are_named(
    environment: Environment, algorithms: str, problem: str
) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, AUTH_ALGORITHMS=algorithms)
    assert complaint.startswith(f"AUTH_ALGORITHMS: {problem} ")


def test_another_programs_way_to_name_a_driver_is_corrected(environment: Environment) -> None:
    url = f"postgresql+asyncpg://me:{NOT_TO_BE_SEEN}@db/todos"
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url)
    assert "leave out +asyncpg." in complaint
    assert NOT_TO_BE_SEEN not in complaint
