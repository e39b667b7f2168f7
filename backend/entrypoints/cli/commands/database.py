"""The commands that change the database's schema."""

from typing import Annotated

import typer

from backend.entrypoints.cli.commands.options import EnvFile

Message = Annotated[str, typer.Argument(help="What the migration does, for example 'add tags'.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the SQL, run it, and undo it. Changes nothing.")
]
Revision = Annotated[
    str | None,
    typer.Option("--to", metavar="REVISION", help="The revision to end at, for example 0003."),
]
Downgrade = Annotated[
    bool, typer.Option("--downgrade", help="Allow an older revision. This deletes data.")
]


def migrate(
    *,
    to: Revision = None,
    downgrade: Downgrade = False,
    dry_run: DryRun = False,
    env_file: EnvFile = None,
) -> None:
    """Bring the database's schema up to date."""
    from backend.entrypoints.cli import migration

    migration.migrate(to=to, downgrade=downgrade, dry_run=dry_run, env_file=env_file)


def revision(message: Message) -> None:
    """Create the file of a new migration from a template. For developers, in a checkout."""
    from backend.entrypoints.cli import migration

    migration.create_revision(message)
