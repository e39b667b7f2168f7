"""Development mode: the secret file, the settings, and the welcome message."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.entrypoints.cli import development, secret_file
from backend.entrypoints.cli.exits import MISCONFIGURED
from backend.entrypoints.cli.secret_file import SECRET_FILE
from backend.entrypoints.http.todos import routes as todos
from tests.entrypoints.cli.command_line import run
from tests.settings.environment import OTHER_SECRET, SECRET


def keep_new_secret() -> str:
    """Do what `dev` does in a new folder."""
    secret = secret_file.make_secret()
    secret_file.keep_secret(secret)
    return secret


def test_the_secret_is_kept_in_a_file_that_only_its_owner_can_read() -> None:
    secret = keep_new_secret()
    assert SECRET_FILE.read_text() == secret == secret_file.read_secret()
    assert len(bytes.fromhex(secret)) == 32
    assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600


def test_a_kept_secret_is_not_written_again() -> None:
    secret = keep_new_secret()
    before = SECRET_FILE.stat().st_ctime_ns
    secret_file.keep_secret(secret)
    assert SECRET_FILE.stat().st_ctime_ns == before
    assert not secret_file.is_unusable()


def test_every_secret_is_different() -> None:
    assert secret_file.make_secret() != secret_file.make_secret()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604, 0o601])
def test_a_secret_that_others_could_read_or_change_is_replaced(mode: int) -> None:
    old = keep_new_secret()
    SECRET_FILE.chmod(mode)
    assert secret_file.read_secret() is None
    assert secret_file.is_unusable()
    secret = keep_new_secret()
    assert secret_file.read_secret() == secret != old
    assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600


def test_the_secret_of_another_user_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_new_secret()
    monkeypatch.setattr(os, "getuid", lambda: SECRET_FILE.stat().st_uid + 1)
    assert secret_file.read_secret() is None


def test_where_files_have_no_owners_any_secret_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = keep_new_secret()
    SECRET_FILE.chmod(0o666)
    monkeypatch.delattr(os, "getuid")
    assert secret_file.read_secret() == secret


@pytest.mark.parametrize("content", [b"", b"short", b"\n" * 64])
def test_a_file_without_a_secret_is_replaced(content: bytes) -> None:
    SECRET_FILE.write_bytes(content)
    SECRET_FILE.chmod(0o600)
    assert secret_file.read_secret() is None
    assert keep_new_secret() == secret_file.read_secret()


def test_a_symbolic_link_is_replaced_and_its_target_stays_unchanged(folder: Path) -> None:
    (folder / "elsewhere").write_text("x" * 64)
    (folder / "elsewhere").chmod(0o600)
    SECRET_FILE.symlink_to(folder / "elsewhere")
    assert secret_file.read_secret() is None
    secret = keep_new_secret()
    assert (SECRET_FILE.read_text(), SECRET_FILE.is_symlink()) == (secret, False)
    assert (folder / "elsewhere").read_text() == "x" * 64


def test_a_folder_or_a_pipe_is_no_secret() -> None:
    os.mkfifo(SECRET_FILE)
    assert secret_file.read_secret() is None
    SECRET_FILE.unlink()
    SECRET_FILE.mkdir(0o700)
    assert secret_file.read_secret() is None


def test_servers_that_start_at_the_same_time_keep_a_whole_secret(folder: Path) -> None:
    made = [secret_file.make_secret() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(secret_file.keep_secret, made))
    assert secret_file.read_secret() in made
    assert list(folder.iterdir()) == [folder / SECRET_FILE]


def test_a_folder_in_place_of_the_file_stays_unchanged(folder: Path) -> None:
    SECRET_FILE.mkdir(0o700)
    (SECRET_FILE / "notes").touch()
    result = run("dev", "--no-reload", "--port", "0")
    assert result.exit_code == MISCONFIGURED
    assert ".dev-secret: the secret cannot be kept: Is a directory." in result.stderr
    assert (SECRET_FILE / "notes").exists()
    assert list(folder.glob(".dev-secret.*")) == []


def test_tokens_are_signed_with_the_secret_of_the_folder() -> None:
    secret = keep_new_secret()
    settings, complaints = development.signing_settings()
    assert (settings.secrets, complaints) == ((secret,), [])


def test_without_a_kept_secret_there_is_none() -> None:
    settings, (complaint,) = development.signing_settings()
    assert settings.secrets == ()
    assert complaint.variable == "BETTER_AUTH_SECRET"
    assert "make run" in complaint.remedy


def test_a_secret_in_the_environment_has_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_new_secret()
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
    secret = keep_new_secret()
    settings, complaints = development.read_settings()
    assert (settings.secrets, complaints) == ((secret,), [])


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


def test_git_ignores_the_secret_file() -> None:
    root = Path(__file__).parents[3]
    assert os.fspath(SECRET_FILE) in (root / ".gitignore").read_text().splitlines()
