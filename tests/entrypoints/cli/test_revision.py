"""`python -m backend revision` creates a migration, or explains the failure."""

from pathlib import Path

import pytest

from backend.adapters.persistence.schema import new_revision, revisions
from tests.entrypoints.cli.command_line import run


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the migrations in a checkout, with a single migration."""
    versions = tmp_path / "backend/adapters/persistence/migrations/versions"
    versions.mkdir(parents=True)
    (versions / "0001_todos.py").touch()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(revisions, "VERSIONS", versions)
    monkeypatch.setattr(new_revision, "VERSIONS", versions)
    monkeypatch.chdir(tmp_path)
    return versions


def test_a_migration_is_created_and_named(versions: Path) -> None:
    result = run("revision", "add tags")
    assert result.exit_code == 0
    path = versions / "0002_add_tags.py"
    assert path.exists()
    assert result.stdout == (
        f"Created {path.relative_to(Path.cwd())}. Write `upgrade` and `downgrade` in it.\n"
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [("...", "the message must contain a letter"), ("todos", "0001_todos.py already exists")],
)
def test_an_unsuitable_message_is_refused(versions: Path, message: str, reason: str) -> None:
    result = run("revision", message)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"No migration was created: {reason}" in result.stderr
    assert [path.name for path in versions.iterdir()] == ["0001_todos.py"]


def test_an_installed_package_is_not_changed(versions: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").unlink()
    result = run("revision", "add tags")
    assert result.exit_code == 2
    assert "run this command in a checkout" in result.stderr
    assert not (versions / "0002_add_tags.py").exists()
