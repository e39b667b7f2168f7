"""Changes the database's schema, or shows how it would change."""

import os
from pathlib import Path
from typing import Final

import typer

from backend.container import Container
from backend.container.development import DevelopmentContainer
from backend.entrypoints.cli.exits import complaints_of, exit_as_misused, exit_if_misconfigured
from backend.entrypoints.cli.partial_settings import read_partial_settings

_WITHOUT_TO: Final = "--downgrade: name the revision to end at, for example --to 0003."


def migrate(*, to: str | None, downgrade: bool, dry_run: bool, env_file: Path | None) -> None:
    """Migrate the schema, or print the SQL of a migration; exit if the database refuses.

    Args:
        to: The revision to end at; None for the latest.
        downgrade: Whether the revision may be older than that of the schema.
        dry_run: Whether to print the SQL and to undo the migration.
        env_file: The file of the option `--env-file`.
    """
    if downgrade and to is None:
        exit_as_misused(_WITHOUT_TO)
    settings = read_partial_settings(env_file, "DATABASE_URL")
    statements: list[str] = []
    migration = Container(settings=settings).migrate_schema(
        to, downgrade=downgrade, record=statements.append if dry_run else None
    )
    exit_if_misconfigured(complaints_of(migration))
    if dry_run:
        typer.echo("".join(f"{statement};\n" for statement in statements), nl=False)
    elif to is None:
        typer.echo("The schema is up to date.")
    else:
        typer.echo(f"The schema is at revision {to}.")


def create_revision(message: str) -> None:
    """Create the file of a new migration; exit if the message or the folder is unsuitable.

    Args:
        message: What the migration does, for example `add tags`.
    """
    try:
        path = DevelopmentContainer.create_revision(message)
    except (OSError, ValueError) as error:
        exit_as_misused(f"No migration was created: {error}.")
    typer.echo(f"Created {os.path.relpath(path)}. Write `upgrade` and `downgrade` in it.")
