"""The commands that change the database: its schema, the data of a user, and revocations."""

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
Revoked = Annotated[
    str | None, typer.Argument(help="The user whose tokens to revoke: the claim sub of the tokens.")
]
Session = Annotated[
    str | None,
    typer.Option(metavar="SID", help="Revoke the tokens of this session instead: their claim sid."),
]
TokenId = Annotated[
    str | None,
    typer.Option("--token", metavar="JTI", help="Revoke a single token instead: its claim jti."),
]
Before = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Revoke only tokens issued before this time. Default: now."
        " Example: 2026-03-04T05:06:07Z.",
    ),
]
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


def revoke(
    user_id: Revoked = None,
    *,
    session: Session = None,
    token: TokenId = None,
    before: Before = None,
    json: Json = False,
    env_file: EnvFile = None,
) -> None:
    """Refuse tokens before they expire. Needs AUTH_REVOCATION."""
    from backend.entrypoints.cli import revoking

    revoking.revoke(
        user_id, session=session, token=token, before=before, as_json=json, env_file=env_file
    )


def revision(message: Message) -> None:
    """Create the file of a new migration from a template. For developers, in a checkout."""
    from backend.entrypoints.cli import migration

    migration.create_revision(message)
