"""The settings of authentication alone: an app keeps its other variables for itself."""

import pytest
from pydantic import SecretStr

from backend.settings import AuthSettings, ConfigurationError, Settings
from tests.settings.environment import SECRET

# Variables of another app. Settings of the Todo API have the same names.
OF_ANOTHER_APP = {
    "HOST": "x86_64-conda-linux-gnu",
    "PORT": "http",
    "WORKERS": "many",
    "KEEP_ALIVE": "0",
    "LOG_LEVEL": "trace",
    "LOG_FORMAT": "xml",
    "DOCS": "/docs",
    "METRICS": "/metrics",
    "ROOT_PATH": "no slash",
    "TRUSTED_HOSTS": "http://a",
    "DATABASE_URL": "mysql://db.example.com/shop",
    "DATABASE_POOL_SIZE": "none",
    "DATABASE_POOL_SIZES": "2",
    "CORS_ORIGINS": '["http://localhost:5173/"]',
    "CORS_HEADERS": "?",
    "TODOS_MAX_PER_USER": "-1",
}


@pytest.fixture
def other_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of another app."""
    for name, value in OF_ANOTHER_APP.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("other_app")
def test_the_variables_of_the_app_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv("DATABASE_URL_FILE", "/nowhere")
    assert AuthSettings.read() == (AuthSettings(better_auth_secret=SecretStr(SECRET)), [])


@pytest.mark.usefixtures("other_app")
def test_every_problem_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", "short")
    monkeypatch.setenv("AUTH_LEEWAY", "soon")
    monkeypatch.setenv("AUTH_ALGORITHMS", "EdDSA")
    monkeypatch.setenv("AUTH_AUDIENCES", "api")
    with pytest.raises(ConfigurationError) as failure:
        AuthSettings.load()
    complaints = failure.value.complaints
    assert {complaint.variable for complaint in complaints} == {
        "BETTER_AUTH_SECRET",
        "AUTH_LEEWAY",
        "AUTH_ALGORITHMS",
        "AUTH_AUDIENCES",
    }
    assert all(complaint.remedy for complaint in complaints)


def test_the_complaint_about_a_missing_issuer_is_that_of_the_server() -> None:
    with pytest.raises(ConfigurationError) as failure:
        AuthSettings.load()
    with pytest.raises(ConfigurationError) as of_the_server:
        Settings.load()
    assert failure.value.complaints == of_the_server.value.complaints
    assert "neither BETTER_AUTH_URL nor BETTER_AUTH_SECRET" in str(failure.value)


def test_session_cookies_need_valid_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv("AUTH_COOKIE", "compact")
    with pytest.raises(ConfigurationError, match=r"^CORS_ORIGINS: AUTH_COOKIE needs"):
        AuthSettings.load()
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example.com/")
    with pytest.raises(ConfigurationError, match=r"^CORS_ORIGINS: an origin has only"):
        AuthSettings.load()
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example.com")
    assert AuthSettings.load().cors_origins == ("https://app.example.com",)


def test_an_argument_that_accepts_cookies_makes_the_origins_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example.com")
    assert AuthSettings.load().cors_origins == ()
    assert AuthSettings.load(auth_cookie="jwe").cors_origins == ("https://app.example.com",)


def test_only_the_server_knows_how_many_processes_it_has() -> None:
    assert AuthSettings(better_auth_secret=SecretStr(SECRET)).processes == 1
    assert Settings(better_auth_secret=SecretStr(SECRET), workers=4).processes == 4
