"""Development mode: the secret file, the settings, and the welcome message."""

import contextlib
import os
import stat
from pathlib import Path

import pytest

from backend.entrypoints.cli import development
from backend.entrypoints.cli.development import SECRET_FILE
from tests.settings.environment import OTHER_SECRET, SECRET


def secret_file() -> contextlib.AbstractContextManager[str]:
    """Start what `dev` starts: a file with a new secret."""
    return development.secret_file(development.make_secret())


def test_the_secret_file_exists_while_the_server_runs() -> None:
    with secret_file() as secret:
        assert SECRET_FILE.read_text() == secret
        assert len(bytes.fromhex(secret)) == 32
        assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600
    assert not SECRET_FILE.exists()


def test_the_secret_file_is_removed_when_the_server_fails() -> None:
    with pytest.raises(ZeroDivisionError), secret_file():
        raise ZeroDivisionError
    assert not SECRET_FILE.exists()


def test_every_secret_is_different() -> None:
    with secret_file() as first:
        pass
    with secret_file() as second:
        assert first != second


def test_the_secret_file_of_a_crashed_server_is_replaced(folder: Path) -> None:
    SECRET_FILE.write_text("old")
    SECRET_FILE.chmod(0o644)
    with secret_file() as secret:
        assert SECRET_FILE.read_text() == secret
        assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600


def test_a_symbolic_link_is_replaced_and_its_target_stays_unchanged(folder: Path) -> None:
    (folder / "elsewhere").write_text("untouched")
    SECRET_FILE.symlink_to(folder / "elsewhere")
    with secret_file() as secret:
        assert (SECRET_FILE.read_text(), SECRET_FILE.is_symlink()) == (secret, False)
    assert (folder / "elsewhere").read_text() == "untouched"


def test_a_missing_secret_file_is_no_error() -> None:
    with secret_file():
        SECRET_FILE.unlink()


def test_tokens_are_signed_with_the_secret_of_the_running_server() -> None:
    with secret_file() as secret:
        assert development.signing_secret() == (secret, [])


def test_without_a_running_server_there_is_no_secret() -> None:
    secret, (complaint,) = development.signing_secret()
    assert secret == ""
    assert complaint.variable == "BETTER_AUTH_SECRET"
    assert "make run" in complaint.remedy


def test_a_secret_in_the_environment_has_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    with secret_file():
        assert development.signing_secret() == (SECRET, [])
    monkeypatch.setenv("BETTER_AUTH_SECRETS", f"2:{OTHER_SECRET}")
    assert development.signing_secret() == (OTHER_SECRET, [])


def test_an_invalid_secret_in_the_environment_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", "hunter2")
    secret, (complaint,) = development.signing_secret()
    assert secret == ""
    assert complaint.variable == "BETTER_AUTH_SECRET"
    assert "hunter2" not in str(complaint)


@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "AUTH_JWKS_URL"])
def test_no_tokens_are_signed_if_an_issuer_is_configured(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv(name, "https://auth.example.com")
    _, (complaint,) = development.signing_secret()
    assert complaint.variable == "BETTER_AUTH_URL"


def test_the_settings_have_the_secret_of_the_running_server() -> None:
    with secret_file() as secret:
        settings, complaints = development.read_settings()
        assert (settings.secrets, complaints) == ((secret,), [])
    _, complaints = development.read_settings()
    assert [complaint.variable for complaint in complaints] == ["BETTER_AUTH_URL"]


def test_a_server_does_not_remove_the_secret_file_of_a_newer_server() -> None:
    with contextlib.ExitStack() as older, contextlib.ExitStack() as newer:
        older.enter_context(secret_file())
        secret = newer.enter_context(secret_file())
        older.close()
        assert SECRET_FILE.read_text() == secret
    assert not SECRET_FILE.exists()


def test_the_welcome_shows_the_docs_a_token_and_a_curl_command() -> None:
    text = development.welcome("http://localhost:8000", "a.b.c", docs=True)
    assert "http://localhost:8000/docs" in text
    lines = text.splitlines()
    assert "a.b.c" in lines
    assert "curl -H 'Authorization: Bearer a.b.c' http://localhost:8000/api/todos" in lines


def test_the_welcome_shows_neither_docs_nor_token_without_them() -> None:
    text = development.welcome("http://localhost:8000", None, docs=False)
    assert "/docs" not in text
    assert "curl" not in text
    assert "issuer" in text


def test_git_ignores_the_secret_file() -> None:
    root = Path(__file__).parents[3]
    assert os.fspath(SECRET_FILE) in (root / ".gitignore").read_text().splitlines()
