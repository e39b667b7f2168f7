"""`migrate`: it needs a database, and no other setting."""

from pathlib import Path

import pytest

from tests.entrypoints.cli.command_line import assert_misconfigured, run


def test_migrate_needs_only_a_database(folder: Path) -> None:
    for _ in range(2):
        result = run("migrate", DATABASE_URL="sqlite:///other.db", PORT="http")
        assert (result.exit_code, result.stdout) == (0, "The schema is up to date.\n")
    assert (folder / "other.db").is_file()


@pytest.mark.parametrize(
    "url", ["mysql://db", "sqlite:////nowhere/at/all.db", "postgresql://me:hunter2@127.0.0.1:1/x"]
)
def test_migrate_rejects_a_database_that_cannot_be_reached(url: str) -> None:
    result = run("migrate", DATABASE_URL=url)
    assert_misconfigured(result, "DATABASE_URL")
    assert "hunter2" not in result.output
