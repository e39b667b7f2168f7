"""The throw-away secret of development mode, and where it is not to be had."""

import contextlib
import os
import stat
from pathlib import Path

import pytest

from backend.entrypoints.cli import development
from backend.entrypoints.cli.development import SECRET_FILE
from tests.settings.test_settings import OTHER, SECRET


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_secret_lasts_as_long_as_the_server() -> None:
    with development.secret() as secret:
        assert SECRET_FILE.read_text() == secret
        assert len(bytes.fromhex(secret)) == 32
        assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600
    assert not SECRET_FILE.exists()


def test_the_secret_goes_when_the_server_fails() -> None:
    with pytest.raises(ZeroDivisionError), development.secret():
        raise ZeroDivisionError
    assert not SECRET_FILE.exists()


def test_the_secret_is_another_one_each_time() -> None:
    with development.secret() as first:
        pass
    with development.secret() as second:
        assert first != second


def test_what_a_crashed_server_left_is_replaced(folder: Path) -> None:
    SECRET_FILE.write_text("old")
    SECRET_FILE.chmod(0o644)
    with development.secret() as secret:
        assert SECRET_FILE.read_text() == secret
        assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600


def test_the_secret_is_not_written_through_somebody_elses_link(folder: Path) -> None:
    (folder / "elsewhere").write_text("untouched")
    SECRET_FILE.symlink_to(folder / "elsewhere")
    with development.secret() as secret:
        assert (SECRET_FILE.read_text(), SECRET_FILE.is_symlink()) == (secret, False)
    assert (folder / "elsewhere").read_text() == "untouched"


def test_a_file_that_is_gone_already_is_no_trouble() -> None:
    with development.secret():
        SECRET_FILE.unlink()


def test_tokens_are_signed_with_the_running_servers_secret() -> None:
    with development.secret() as secret:
        assert development.signing_secret() == (secret, [])


def test_without_a_running_server_there_is_no_secret() -> None:
    secret, (complaint,) = development.signing_secret()
    assert secret == ""
    assert complaint.startswith("BETTER_AUTH_SECRET: ")
    assert "make run" in complaint


def test_a_secret_of_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    with development.secret():
        assert development.signing_secret() == (SECRET, [])
    monkeypatch.setenv("BETTER_AUTH_SECRETS", f"2:{OTHER}")
    assert development.signing_secret() == (OTHER, [])


def test_a_bad_secret_of_the_environment_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", "hunter2")
    secret, (complaint,) = development.signing_secret()
    assert secret == ""
    assert complaint.startswith("BETTER_AUTH_SECRET: ")
    assert "hunter2" not in complaint


@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "AUTH_JWKS_URL"])
def test_where_an_issuer_is_known_no_tokens_are_minted(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv(name, "https://auth.example.com")
    _, (complaint,) = development.signing_secret()
    assert complaint.startswith("BETTER_AUTH_URL: ")


def test_the_running_servers_settings_are_found() -> None:
    with development.secret() as secret:
        settings, complaints = development.settings()
        assert (settings.secrets, complaints) == ((secret,), [])
    _, complaints = development.settings()
    assert [complaint.partition(":")[0] for complaint in complaints] == ["BETTER_AUTH_URL"]


def test_the_next_servers_secret_outlives_this_one() -> None:
    with contextlib.ExitStack() as this, contextlib.ExitStack() as following:
        this.enter_context(development.secret())
        secret = following.enter_context(development.secret())
        this.close()
        assert SECRET_FILE.read_text() == secret
    assert not SECRET_FILE.exists()


def test_the_welcome_says_all_that_a_newcomer_needs() -> None:
    said = development.welcome("http://localhost:8000", "a.b.c", docs=True)
    assert "http://localhost:8000/docs" in said
    lines = said.splitlines()
    assert "a.b.c" in lines
    assert "curl -H 'Authorization: Bearer a.b.c' http://localhost:8000/api/todos" in lines


def test_the_welcome_offers_nothing_that_there_is_not() -> None:
    said = development.welcome("http://localhost:8000", None, docs=False)
    assert "/docs" not in said
    assert "curl" not in said
    assert "issuer" in said


def test_the_secrets_file_is_not_committed() -> None:
    root = Path(__file__).parents[3]
    assert os.fspath(SECRET_FILE) in (root / ".gitignore").read_text().splitlines()
