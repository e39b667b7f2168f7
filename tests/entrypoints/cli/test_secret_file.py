"""The file of the development secret: only its owner can read the file, and git ignores it."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.entrypoints.cli import secret_file
from backend.entrypoints.cli.exits import MISCONFIGURED
from backend.entrypoints.cli.secret_file import SECRET_FILE
from tests.entrypoints.cli.command_line import run


def keep_new_secret() -> str:
    """Make and store a secret, as `dev` does in a new folder."""
    secret = secret_file.make_secret()
    secret_file.keep_secret(secret)
    return secret


def test_the_secret_is_kept_in_a_file_that_only_its_owner_can_read() -> None:
    secret = keep_new_secret()
    assert SECRET_FILE.read_text() == secret == secret_file.read_secret()
    assert len(bytes.fromhex(secret)) == 32
    assert stat.S_IMODE(SECRET_FILE.stat().st_mode) == 0o600


def test_a_secret_in_the_file_is_not_written_again() -> None:
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


def test_any_secret_is_used_on_systems_where_files_have_no_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


def test_a_folder_or_a_pipe_is_not_read_as_a_secret() -> None:
    os.mkfifo(SECRET_FILE)
    assert secret_file.read_secret() is None
    SECRET_FILE.unlink()
    SECRET_FILE.mkdir(0o700)
    assert secret_file.read_secret() is None


def test_servers_that_start_at_the_same_time_keep_a_complete_secret(folder: Path) -> None:
    secrets = [secret_file.make_secret() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(secret_file.keep_secret, secrets))
    assert secret_file.read_secret() in secrets
    assert list(folder.iterdir()) == [folder / SECRET_FILE]


def test_a_folder_in_place_of_the_file_stays_unchanged(folder: Path) -> None:
    SECRET_FILE.mkdir(0o700)
    (SECRET_FILE / "notes").touch()
    result = run("dev", "--no-reload", "--port", "0")
    assert result.exit_code == MISCONFIGURED
    assert ".dev-secret: the secret cannot be kept: Is a directory." in result.stderr
    assert (SECRET_FILE / "notes").exists()
    assert list(folder.glob(".dev-secret.*")) == []


def test_git_ignores_the_secret_file() -> None:
    root = Path(__file__).parents[3]
    assert os.fspath(SECRET_FILE) in (root / ".gitignore").read_text().splitlines()
