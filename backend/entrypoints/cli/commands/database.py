"""The commands that change the database: its schema, and the data of a user."""

from typing import Annotated

import typer

from backend.entrypoints.cli.commands.options import EnvFile, Json

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
UserId = Annotated[str, typer.Argument(help="The id of the user: the claim sub of the tokens.")]
Yes = Annotated[bool, typer.Option("--yes", help="Delete without a question.")]


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


def forget(
    user_id: UserId, *, yes: Yes = False, json: Json = False, env_file: EnvFile = None
) -> None:
    """Delete everything that is stored for a user, such as a user who has left."""
    from backend.entrypoints.cli import forgetting

    forgetting.forget(user_id, yes=yes, as_json=json, env_file=env_file)


def revision(message: Message) -> None:
    """Create the file of a new migration from a template. For developers, in a checkout."""
    from backend.entrypoints.cli import migration

    migration.create_revision(message)
