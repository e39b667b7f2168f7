"""The command that creates a migration: its number, its name, and its refusals."""

import runpy
import shutil
from pathlib import Path

import pytest

from backend.adapters.persistence.schema import new_revision, revisions
from backend.adapters.persistence.schema.new_revision import create_revision


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of a checkout of the project."""
    versions = tmp_path / "backend/adapters/persistence/migrations/versions"
    shutil.copytree(revisions.VERSIONS, versions)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(revisions, "VERSIONS", versions)
    monkeypatch.setattr(new_revision, "VERSIONS", versions)
    return versions


def test_a_new_migration_follows_the_latest(versions: Path) -> None:
    latest = revisions.known_revisions()[-1]
    path = create_revision("add tags")
    number = f"{int(latest) + 1:04}"
    assert path == versions / f"{number}_add_tags.py"
    module = runpy.run_path(str(path))
    assert (module["revision"], module["down_revision"]) == (number, latest)
    assert module["__doc__"] == "Add tags."
    assert revisions.known_revisions()[-1] == number
    for step in (module["upgrade"], module["downgrade"]):
        with pytest.raises(NotImplementedError):
            step()


def test_the_next_migration_follows_the_new_migration(versions: Path) -> None:
    first = runpy.run_path(str(create_revision("add tags")))
    second = runpy.run_path(str(create_revision("drop tags")))
    assert second["down_revision"] == first["revision"]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Add tags", "add_tags"),
        ("  add--tags_ 2 ", "add_tags_2"),
        ("x", "x"),
    ],
)
def test_the_file_is_named_after_the_message(versions: Path, message: str, name: str) -> None:
    assert create_revision(message).stem.partition("_")[2] == name


@pytest.mark.parametrize("message", ["", " ", "42", "_", "Größe", 'a"b', "a\nb", "../a", "a.py"])
def test_an_unsuitable_message_is_refused(versions: Path, message: str) -> None:
    before = sorted(versions.iterdir())
    with pytest.raises(ValueError, match="must contain a letter"):
        create_revision(message)
    assert sorted(versions.iterdir()) == before


def test_a_second_migration_with_the_same_message_is_refused(versions: Path) -> None:
    path = create_revision("add tags")
    with pytest.raises(ValueError, match=f"^{path.name} already exists$"):
        create_revision("Add-Tags")
    create_revision("tags")


def test_an_installed_package_is_not_changed(versions: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").unlink()
    before = sorted(versions.iterdir())
    with pytest.raises(OSError, match="installed package; run this command in a checkout"):
        create_revision("add tags")
    assert sorted(versions.iterdir()) == before
