"""Development mode: the settings, and the welcome message."""

from pathlib import Path

import pytest

from backend.entrypoints.cli import development, secret_file
from backend.entrypoints.http.todos import routes as todos
from tests.settings.environment import OTHER_SECRET, SECRET


def test_tokens_are_signed_with_the_secret_of_the_folder() -> None:
    secret_file.keep_secret(SECRET)
    settings, complaints = development.signing_settings()
    assert (settings.secrets, complaints) == ((SECRET,), [])


def test_a_folder_without_a_secret_file_has_no_secret() -> None:
    settings, (complaint,) = development.signing_settings()
    assert settings.secrets == ()
    assert complaint.variable == "BETTER_AUTH_SECRET"
    assert "make run" in complaint.remedy


def test_a_secret_in_the_environment_has_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file.keep_secret(secret_file.make_secret())
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert development.signing_settings()[0].secrets == (SECRET,)
    monkeypatch.setenv("BETTER_AUTH_SECRETS", f"2:{OTHER_SECRET}")
    assert development.signing_settings()[0].secrets == (OTHER_SECRET, SECRET)


def test_an_invalid_secret_in_the_environment_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", "hunter2")
    settings, (complaint,) = development.signing_settings()
    assert settings.secrets == ()
    assert complaint.variable == "BETTER_AUTH_SECRET"
    assert "hunter2" not in str(complaint)


@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "AUTH_JWKS_URL"])
def test_no_tokens_are_signed_if_an_issuer_is_configured(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv(name, "https://auth.example.com")
    _, (complaint,) = development.signing_settings()
    assert complaint.variable == "BETTER_AUTH_URL"


def test_the_settings_have_the_secret_of_the_folder() -> None:
    _, complaints = development.read_settings()
    assert [complaint.variable for complaint in complaints] == ["BETTER_AUTH_URL"]
    secret_file.keep_secret(SECRET)
    settings, complaints = development.read_settings()
    assert (settings.secrets, complaints) == ((SECRET,), [])


def test_the_scopes_of_development_tokens_are_those_of_the_todos() -> None:
    assert tuple(todos.SCOPES) == development.SCOPES


def test_the_welcome_shows_the_docs_a_token_and_a_curl_command() -> None:
    text = development.welcome("http://localhost:8000", "a.b.c", docs=True)
    assert "http://localhost:8000/docs" in text
    lines = text.splitlines()
    assert "a.b.c" in lines
    assert "curl -H 'Authorization: Bearer a.b.c' http://localhost:8000/api/todos" in lines
    assert "valid for 12 hours, also after a restart (.dev-secret)" in text


def test_the_welcome_shows_neither_docs_nor_token_without_them() -> None:
    text = development.welcome("http://localhost:8000", None, docs=False)
    assert "/docs" not in text
    assert "curl" not in text
    assert "restart" not in text
    assert "issuer" in text


def test_the_welcome_names_the_file_of_the_settings_and_the_restarts() -> None:
    text = development.welcome(
        "http://localhost:8000", None, docs=False, reload=True, settings_file=Path(".env")
    )
    assert "from the file .env" in text
    assert "restarts when a file of the program changes" in text
