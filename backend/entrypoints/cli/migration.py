"""The commands that change the database's schema."""

import os
from typing import Annotated

import typer

from backend.container import Container
from backend.entrypoints.cli.env_files import EnvFile, export_variables
from backend.entrypoints.cli.exits import complaints_of, exit_as_misused, exit_if_misconfigured
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings

Message = Annotated[str, typer.Argument(help="What the migration does, for example 'add tags'.")]


def migrate(env_file: EnvFile = None) -> None:
    """Bring the database's schema up to date."""
    export_variables(env_file, development=False)
    settings, complaints = Settings.read()
    exit_if_misconfigured(
        [complaint for complaint in complaints if complaint.concerns("DATABASE_URL")]
    )
    configure_logging(settings)
    exit_if_misconfigured(complaints_of(Container(settings=settings).upgrade_schema()))
    typer.echo("The schema is up to date.")


def revision(message: Message) -> None:
    """Create the file of a new migration from a template. For developers, in a checkout."""
    try:
        path = Container.create_revision(message)
    except (OSError, ValueError) as error:
        exit_as_misused(f"No migration was created: {error}.")
    typer.echo(f"Created {os.path.relpath(path)}. Write `upgrade` and `downgrade` in it.")
