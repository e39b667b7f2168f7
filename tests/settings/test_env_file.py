"""`.env` files: their variables are exported, and the real environment has priority."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.settings import Settings
from backend.settings.env_file import export_env_file
from tests.settings.environment import HIDDEN, OTHER_SECRET, SECRET


@pytest.fixture(autouse=True)
def restored_environment() -> Iterator[None]:
    environment = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_variables_are_exported(file: Path) -> None:
    file.write_text(
        "# A comment\n\n"
        f"BETTER_AUTH_SECRET='{SECRET}'  # another\n"
        'export AUTH_AUDIENCE="a,b"\n'
        "PORT=1234\r\n"
        "NODE_ENV\n"
    )
    assert export_env_file(file, "--env-file") == []
    settings = Settings.load()
    assert (settings.secrets, settings.auth_audience, settings.port) == (
        (SECRET,),
        ("a", "b"),
        1234,
    )
    assert "NODE_ENV" not in os.environ


@pytest.mark.parametrize("name", ["PORT", "port"])
@pytest.mark.parametrize("value", ["1", ""])
def test_the_environment_has_priority(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    file.write_text("PORT=2\nWORKERS=3\n")
    monkeypatch.setenv(name, value)
    assert export_env_file(file, "--env-file") == []
    assert {key: os.environ.get(key) for key in (name, "WORKERS")} == {name: value, "WORKERS": "3"}


def test_a_file_in_the_environment_has_priority_over_a_secret(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("DATABASE_URL", "sqlite:///a.db")
    file.write_text(f"BETTER_AUTH_SECRET={OTHER_SECRET}\nDATABASE_URL_FILE=/nowhere\n")
    assert export_env_file(file, "--env-file") == []
    settings = Settings.load()
    assert settings.secrets == (SECRET,)
    assert settings.database_url.get_secret_value() == "sqlite:///a.db"


def test_a_dollar_sign_has_no_special_meaning(file: Path) -> None:
    file.write_text(f"BETTER_AUTH_SECRET={SECRET}${{HOME}}$PATH\n")
    assert export_env_file(file, "--env-file") == []
    assert Settings.load().secrets == (f"{SECRET}${{HOME}}$PATH",)


def test_a_byte_order_mark_is_ignored(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfPORT=2\n")
    assert export_env_file(file, "--env-file") == []
    assert os.environ["PORT"] == "2"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"PORT=2\n'{HIDDEN}\n", "line 2 is not of the form NAME=value"),
        (f'PORT=2\nA="{HIDDEN}\n', "line 2 is not of the form NAME=value"),
        (f"PORT=2\nA={HIDDEN}\0\n", "line 2 is not of the form NAME=value"),
        (f"{HIDDEN}\xff", "the file is not text in UTF-8"),
        (None, "the file cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_reported_and_nothing_is_exported(
    file: Path, content: str | None, problem: str
) -> None:
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    (complaint,) = export_env_file(file, "--env-file")
    assert (complaint.variable, complaint.problem) == ("--env-file", problem)
    assert HIDDEN not in str(complaint)
    assert str(file) not in str(complaint)
    assert "PORT" not in os.environ


def test_a_folder_is_reported(tmp_path: Path) -> None:
    (complaint,) = export_env_file(tmp_path, "--env-file")
    assert complaint.problem == "the file cannot be read: Is a directory"
